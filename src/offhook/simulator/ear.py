"""The caller's ear: what came from the agent, laid on the timeline, and where in it the agent speaks."""

from dataclasses import dataclass

import numpy as np

from offhook.simulator.scenario import AgentEar
from offhook.simulator.tracks import Track

__all__ = ["Ear", "Utterance"]

HYSTERESIS_DB = 6.0
BLOCKS = 4


@dataclass(slots=True, eq=False)
class Utterance:
    """What the agent said without a longer pause. `begin` and `end` are its first and last audible samples; `text`
    is None until it is transcribed."""

    begin: int
    end: int
    closed: bool = False
    text: str | None = None


class Ear:
    """Hears frames as they arrive and plays them out like a telephone: at once, or after what is still playing."""

    def __init__(self, rate: int, settings: AgentEar):
        self.track = Track()
        self.utterances: list[Utterance] = []
        self.underruns = 0
        self._silence = bytes(rate // 50 * 2)
        self._pause = settings.pause_ms * rate // 1000
        self._begin_at = 32768 * 10 ** (settings.audible_db / 20)
        self._stay_at = self._begin_at * 10 ** (-HYSTERESIS_DB / 20)

    @property
    def current(self) -> Utterance | None:
        """The utterance that is going on, which may be in a pause."""
        return self.utterances[-1] if self.utterances and not self.utterances[-1].closed else None

    @property
    def last_sound(self) -> int:
        """The last audible sample so far; -1 before any."""
        return self.utterances[-1].end if self.utterances else -1

    def hear(self, frame: bytes, at: int) -> None:
        """Take a frame that arrived at sample `at` of the timeline."""
        if frame == self._silence:
            # A telephone's buffer shrinks in silence: what comes next is not held up by earlier lateness.
            if self.track.length <= at:
                self.track.lay(at, frame)
            return
        if self.current is not None and at > self.track.length and self.last_sound + 1 >= self.track.length:
            self.underruns += 1
        start = self.track.lay(at, frame)
        self._listen(np.abs(np.frombuffer(frame, "<i2").astype(np.float32)), start)

    def pass_time(self, now: int) -> Utterance | None:
        """Say that it is `now`; returns the utterance that is over by that, once."""
        current = self.current
        if current is None or now - current.end < self._pause:
            return None
        current.closed = True
        return current

    def cut(self) -> Utterance | None:
        """End the current utterance here and now, whatever the pause; returns it."""
        current = self.current
        if current is not None:
            current.closed = True
        return current

    def quiet_for(self, now: int) -> int:
        """Samples since the agent's last sound; since the beginning where it made none."""
        return now - self.last_sound

    def _listen(self, size: np.ndarray[tuple[int], np.dtype[np.float32]], start: int) -> None:
        block = max(1, len(size) // BLOCKS)
        for offset in range(0, len(size), block):
            piece = size[offset : offset + block]
            threshold = self._begin_at if self.current is None else self._stay_at
            if float(np.sqrt(np.mean(piece * piece))) > threshold:
                loud = np.flatnonzero(piece > threshold)
                self._sounded(start + offset + int(loud[0]), start + offset + int(loud[-1]))

    def _sounded(self, first: int, last: int) -> None:
        current = self.current
        if current is None:
            self.utterances.append(Utterance(first, last))
        else:
            current.end = last
