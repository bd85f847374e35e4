"""One utterance of the agent on its way to the caller: its sound, its words, and how far each has come."""

from bisect import bisect_right
from dataclasses import dataclass, field

from offhook.audio.formats import AudioFormat
from offhook.providers.tts.base import WordTime

__all__ = ["Track"]

_MOST_REWOUND_MS = 1_500


@dataclass(eq=False)
class Track:
    """One utterance of the agent, still growing or complete.

    `audio` is in the leg's format; `words` place the words of `text` in it. `position`, `heard`, `confirmed` and the
    `clause_ends` are bytes of it: up to where it was sent, up to where the caller has heard it as far as the beat
    tells, up to where that is certain, and where clauses end. `name` begins the names of its marks.
    """

    format: AudioFormat
    text: str = ""
    audio: bytearray = field(default_factory=bytearray)
    words: list[WordTime] = field(default_factory=list)
    clause_ends: list[int] = field(default_factory=list)
    name: str = ""
    position: int = 0
    heard: int = 0
    confirmed: int = 0
    complete: bool = False
    started: bool = False
    interrupted: bool = False
    _marked: int = 0
    _marks: int = 0

    def append(self, audio: bytes, words: tuple[WordTime, ...] = ()) -> None:
        """Add sound, and the words that begin in it (their times count from the beginning of the track)."""
        self.audio += audio
        self.words += words

    def end_clause(self) -> None:
        """A clause ends with the sound so far: a place where it is worth knowing that the caller got there."""
        self.clause_ends.append(len(self.audio))

    def finish(self) -> None:
        """No more sound will come."""
        self.complete = True

    @property
    def length_ms(self) -> float:
        """Milliseconds of sound so far."""
        return self.format.ms_in(len(self.audio))

    @property
    def remaining_ms(self) -> float:
        """Milliseconds of sound not yet sent."""
        return self.format.ms_in(len(self.audio) - self.position)

    @property
    def heard_ms(self) -> int:
        """Milliseconds of sound that the caller has heard."""
        return int(self.format.ms_in(self.heard))

    @property
    def spent(self) -> bool:
        """Whether all of its sound was sent and no more will come."""
        return self.complete and self.position >= len(self.audio)

    @property
    def over(self) -> bool:
        """Whether the caller has certainly heard it to its end."""
        return self.spent and self.confirmed >= len(self.audio)

    @property
    def heard_text(self) -> str:
        """The words that were heard: all of them, or those whose greater part had sounded."""
        if self.over:
            return self.text
        heard = [word for word in self.words if (word.start_ms + word.end_ms) / 2 < self.heard_ms]
        return self.text[: heard[-1].end] if heard else ""

    # On its way

    def take(self) -> bytes:
        """The sound to be sent next: a frame of it, or the shorter rest. Empty while less than a frame is there and
        more will come."""
        sound = bytes(self.audio[self.position : self.position + self.format.frame_bytes])
        if len(sound) < self.format.frame_bytes and not self.complete:
            return b""
        self.position += len(sound)
        return sound

    def hear(self, size: int) -> None:
        """The caller has heard `size` more bytes, as far as the beat tells."""
        self.heard += size

    def confirm(self) -> None:
        """What counts as heard so far is certain."""
        self.confirmed = self.heard

    def rewind(self, position: int) -> None:
        """Send again what lies behind `position`, of which the caller has heard nothing, or will hear it again."""
        self.position = self.heard = position
        self.confirmed = self._marked = min(self.confirmed, position)

    def back_to_word(self, *, at: int) -> str:
        """Rewind to the beginning of the word that sounds at byte `at`, and return it; of a word that has sounded for
        very long, or of none, go on where it was."""
        ms = self.format.ms_in(at)
        word = next((word for word in reversed(self.words) if word.start_ms <= ms), None)
        if word is None or ms - word.start_ms > _MOST_REWOUND_MS:
            return ""
        self.rewind(min(self.position, self.format.bytes_in(max(0.0, word.start_ms))))
        return self.text[word.start : word.end]

    def forget(self) -> None:
        """Drop the sound that was heard, so that a track may go on for hours. For tracks without words."""
        gone = self.heard
        del self.audio[:gone]
        self.position -= gone
        self.heard = 0
        self.confirmed = self._marked = 0

    # Marks

    @property
    def mark_due(self) -> bool:
        """Whether a clause, or all of it, was sent to the end and not marked there."""
        if self._marked >= self.position:
            return False
        ended = bisect_right(self.clause_ends, self.position) > bisect_right(self.clause_ends, self._marked)
        return ended or self.spent

    @property
    def handed_over(self) -> bool:
        """Whether all of its sound was sent, a mark went behind it, and no more will come."""
        return self.complete and self._marked >= len(self.audio)

    def next_mark(self) -> str:
        """The name of a mark that goes out now, behind what was sent so far."""
        self._marked = self.position
        self._marks += 1
        return f"{self.name}.{self._marks}"
