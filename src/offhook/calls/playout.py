"""Agent audio on its way to the caller: what is waiting, what was sent, and what the caller has really heard."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.audio.levels import fade
from offhook.providers.tts.base import WordTime

__all__ = ["Playout", "Track"]

_MAX_REWIND_MS = 1_500


@dataclass(eq=False)
class Track:
    """One utterance of the agent, still growing or complete.

    `audio` is in the leg's format; `words` place the words of `text` in it; `position` is the byte up to which it was
    sent; `heard_ms` how much of it the caller has heard.
    """

    format: AudioFormat
    text: str = ""
    audio: bytearray = field(default_factory=bytearray)
    words: list[WordTime] = field(default_factory=list)
    position: int = 0
    heard_ms: int = 0
    complete: bool = False
    started: bool = False
    interrupted: bool = False

    def append(self, audio: bytes, words: tuple[WordTime, ...] = ()) -> None:
        """Add sound, and the words that begin in it (their times count from the beginning of the track)."""
        self.audio += audio
        self.words += words

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
    def spent(self) -> bool:
        """Whether all of its sound was sent and no more will come."""
        return self.complete and self.position >= len(self.audio)

    @property
    def over(self) -> bool:
        """Whether the caller has heard it to its end."""
        return self.spent and self.heard_ms >= int(self.length_ms)

    @property
    def heard_text(self) -> str:
        """The words that were heard: all of them, or those whose greater part had sounded."""
        if self.over:
            return self.text
        heard = [word for word in self.words if (word.start_ms + word.end_ms) / 2 < self.heard_ms]
        return self.text[: heard[-1].end] if heard else ""

    def word_at(self, ms: float) -> WordTime | None:
        """The word that sounds at `ms`, or the last one before it."""
        begun = [word for word in self.words if word.start_ms <= ms]
        return begun[-1] if begun else None


class Playout:
    """Hands one frame per beat to the leg, and silence when there is nothing to say.

    `send` takes one frame in `format`; `clear` drops what the carrier has buffered. `lead_frames` is how many frames
    the carrier gets ahead of real time; with 0, what is sent is heard.
    """

    def __init__(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        send: Callable[[bytes], None],
        clear: Callable[[], None] = lambda: None,
        lead_frames: int = 0,
        on_started: Callable[[Track], None] = lambda track: None,
        on_finished: Callable[[Track], None] = lambda track: None,
    ):
        self.format = format
        self._send = send
        self._clear = clear
        self._lead = lead_frames
        self._on_started = on_started
        self._on_finished = on_finished
        self._tracks: deque[Track] = deque()
        self._in_flight: deque[tuple[bytes, Track | None]] = deque()
        self._fade_out = False
        self._fade_in = False
        self.paused = False
        self.underruns = 0

    @property
    def active(self) -> bool:
        """Whether there is a track that has not been heard to its end."""
        return bool(self._tracks)

    @property
    def current(self) -> Track | None:
        """The track being heard, or the next one."""
        return self._tracks[0] if self._tracks else None

    @property
    def queued_ms(self) -> float:
        """Milliseconds of sound waiting to be sent."""
        return sum(track.remaining_ms for track in self._tracks)

    def begin(self) -> Track:
        """A new track, behind those that wait. The caller of this method appends to it and finishes it."""
        track = Track(self.format)
        self._tracks.append(track)
        return track

    def pause(self) -> None:
        """Fall silent after one fading frame, keeping everything."""
        if self.paused:
            return
        self.paused = True
        track = self.current
        if track is None or not track.started:
            return
        if self._lead:
            self._clear()
            self._in_flight.clear()
            track.position = self.format.bytes_in(track.heard_ms)
        self._fade_out = True

    def resume(self) -> str:
        """Go on from the beginning of the word that was cut; returns that word."""
        self.paused = False
        self._fade_out = False
        track = self.current
        if track is None or not track.started:
            return ""
        self._fade_in = True
        return self._rewind(track)

    def _rewind(self, track: Track) -> str:
        cut_ms = self.format.ms_in(track.position)
        word = track.word_at(cut_ms - FRAME_MS)
        if word is None or cut_ms - word.start_ms > _MAX_REWIND_MS:
            return ""
        track.position = self.format.bytes_in(max(0.0, word.start_ms))
        track.heard_ms = min(track.heard_ms, round(self.format.ms_in(track.position)))
        return track.text[word.start : word.end]

    def flush(self) -> Track | None:
        """Drop everything; returns the track that was being heard, marked as interrupted, if there was one."""
        track = self.current
        for dropped in self._tracks:
            dropped.interrupted = True
        self._tracks.clear()
        self._in_flight.clear()
        self.paused = self._fade_out = self._fade_in = False
        self._clear()
        return track

    def tick(self, live: bool) -> bytes:
        """Send what is due for one beat of 20 ms; returns the frame that the caller hears during it."""
        self._retire()
        if not live:
            return self.format.silence
        while len(self._in_flight) <= self._lead:
            self._in_flight.append(self._next())
        frame, track = self._in_flight.popleft()
        if track is not None:
            track.heard_ms = min(track.heard_ms + FRAME_MS, int(track.length_ms))
        return frame

    def _retire(self) -> None:
        while self._tracks and self._tracks[0].over:
            self._on_finished(self._tracks.popleft())

    def _next(self) -> tuple[bytes, Track | None]:
        frame: bytes | None = None
        track = None
        if self._tracks and (self._fade_out or not self.paused):
            track = next((track for track in self._tracks if not track.spent), None)
            frame = self._cut(track) if track else None
            self._fade_out = False
        if frame is None:
            frame, track = self.format.silence, None
        self._send(frame)
        return frame, track

    def _cut(self, track: Track) -> bytes | None:
        size = self.format.frame_bytes
        frame = bytes(track.audio[track.position : track.position + size])
        if len(frame) < size:
            if not track.complete:
                self.underruns += track.started
                return None
            frame += self.format.silence[len(frame) :]
        track.position = min(track.position + size, len(track.audio))
        if not track.started:
            track.started = True
            self._on_started(track)
        return self._faded(frame)

    def _faded(self, frame: bytes) -> bytes:
        if not (self._fade_out or self._fade_in):
            return frame
        in_ms, out_ms = FRAME_MS * self._fade_in, FRAME_MS * self._fade_out
        self._fade_in = False
        return fade(frame, self.format, in_ms=in_ms, out_ms=out_ms)
