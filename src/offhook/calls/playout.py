"""Agent audio on its way to the caller: what is waiting, what was sent, and what the caller has really heard."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.audio.levels import fade
from offhook.calls.in_flight import InFlight
from offhook.calls.track import Track

__all__ = ["Playout"]


class _Sent(NamedTuple):
    """A frame and how many bytes of the track are in it; no frame where a mark was sent."""

    track: Track
    frame: bytes = b""
    size: int = 0


class Playout:
    """Sends what the agent says, in order, and knows how much of it was heard.

    `send` takes one frame in `format`. With `lead_frames` 0 what is sent is heard: every beat sends one frame, silence
    too. Else the carrier has a buffer of its own and gets sound only, as soon as there is some, but never more than
    `lead_frames` that are not known to be heard, and nothing while it is not `ready`. `mark` asks it to tell, by
    `played`, when it has played what was sent so far; `clear` makes it drop what it has not played.
    """

    def __init__(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        send: Callable[[bytes], None],
        clear: Callable[[], None] = lambda: None,
        mark: Callable[[str], None] = lambda name: None,
        ready: Callable[[], bool] = lambda: True,
        lead_frames: int = 0,
        on_started: Callable[[Track], None] = lambda track: None,
        on_finished: Callable[[Track], None] = lambda track: None,
    ):
        self.format = format
        self._send = send
        self._clear = clear
        self._mark = mark
        self._ready = ready
        self._lead = lead_frames
        self._on_started = on_started
        self._on_finished = on_finished
        self._tracks: deque[Track] = deque()
        self._begun = 0
        self._in_flight: InFlight[_Sent] = InFlight()
        self._sounding: Track | None = None
        self._ear: deque[bytes] = deque(maxlen=max(1, lead_frames))
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

    @property
    def marks_given_up(self) -> int:
        """Marks that the carrier never confirmed."""
        return self._in_flight.given_up

    def begin(self) -> Track:
        """A new track, behind those that wait. The caller of this method appends to it and finishes it."""
        self._begun += 1
        track = Track(self.format, name=f"u{self._begun}")
        self._tracks.append(track)
        return track

    def pause(self) -> None:
        """Fall silent, keeping everything: after one fading frame, or at once where the carrier has a buffer."""
        if self.paused:
            return
        self.paused = True
        if self._lead:
            # No fading frame here: it could only come after the carrier has dropped the rest and said so, as a scrap
            # of a word behind a gap. The sound before the gap is cut at the carrier's own frame.
            self._recall()
        elif self._tracks:
            self._fade_out = self._tracks[0].started

    def resume(self) -> str:
        """Go on from the beginning of the word that was cut; returns that word."""
        track = self.current if self.paused else None
        self.paused = False
        self._fade_out = False
        if track is None or not track.started:
            return ""
        self._fade_in = True
        # Without a buffer the fading frame of the word was sent too.
        return track.back_to_word(at=track.position - (0 if self._lead else self.format.frame_bytes))

    def flush(self) -> Track | None:
        """Drop everything; returns the track that was being heard, marked as interrupted, if there was one."""
        track = self.current
        for dropped in self._tracks:
            dropped.interrupted = True
        self._tracks.clear()
        self.paused = self._fade_out = self._fade_in = False
        self._recall()
        return track

    def _recall(self) -> None:
        """Take back from the carrier what it has not played."""
        if self._lead and self._sounding is None:
            return  # A clear would only make the next words wait until it is done.
        # First of all: a carrier may tell all marks at once that it drops.
        self._in_flight.clear()
        self._clear()
        self._sounding = None
        for track in self._tracks:
            track.rewind(track.heard)

    def played(self, name: str) -> None:
        """The carrier has played everything up to the mark `name`."""
        self._hear(self._in_flight.confirm(name))

    def tick(self, live: bool) -> bytes:
        """Send what is due for one beat of 20 ms; returns the frame that the caller hears during it.

        What a late mark tells at once to have been heard is returned one frame a beat all the same.
        """
        if not self._lead:
            self._retire()
            return self._send_one() if live else self.format.silence
        self._hear(self._in_flight.beat())
        if live:
            self._send_ahead()
        self._retire()
        return self._ear.popleft() if self._ear else self.format.silence

    def _retire(self) -> None:
        while self._tracks and self._tracks[0].over:
            track = self._tracks.popleft()
            if track is self._sounding:
                self._sounding = None
            self._on_finished(track)

    def _send_one(self) -> bytes:
        sent = None
        if self._fade_out or not self.paused:
            track = next((track for track in self._tracks if not track.spent), None)
            sent = self._next(track) if track else None
            self._fade_out = False
        if sent is None:
            self._send(self.format.silence)
            return self.format.silence
        self._send(sent.frame)
        self._hear([sent, _Sent(sent.track)])
        return sent.frame

    def _send_ahead(self) -> None:
        for track in self._tracks:
            while not track.handed_over:
                if not self._ready():
                    return
                if track.mark_due:
                    self._send_mark(track)
                elif self.paused or self._in_flight.unheard >= self._lead or not self._send_sound(track):
                    return

    def _send_sound(self, track: Track) -> bool:
        sent = self._next(track)
        if sent is None:
            return False
        self._send(sent.frame)
        self._in_flight.send(sent)
        if track is not self._sounding:
            self._sounding = track
            self._send_mark(track)
        return True

    def _send_mark(self, track: Track) -> None:
        name = track.next_mark()
        self._mark(name)
        self._in_flight.mark(name, _Sent(track))

    def _next(self, track: Track) -> _Sent | None:
        sound = track.take()
        if not sound:
            # With sound in its buffer the carrier does not notice.
            self.underruns += track.started and not self._in_flight.unheard
            return None
        frame = sound + self.format.silence[len(sound) :]
        if self._fade_in or self._fade_out:
            frame = fade(frame, self.format, in_ms=FRAME_MS * self._fade_in, out_ms=FRAME_MS * self._fade_out)
            self._fade_in = False
        return _Sent(track, frame, len(sound))

    def _hear(self, heard: Iterable[_Sent]) -> None:
        for track, frame, size in heard:
            if not frame:
                track.confirm()
                continue
            track.hear(size)
            if self._lead:
                self._ear.append(frame)
            if not track.started:
                track.started = True
                self._on_started(track)
