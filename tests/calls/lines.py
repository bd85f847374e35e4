"""A playout on a leg of paper, and sound for it."""

from typing import Any

import numpy as np

from offhook.calls.playout import Playout
from offhook.calls.track import Track
from offhook.providers.tts.base import WordTime
from tests.calls.rig import PaperLeg


class Line:
    """A playout on a leg of paper, with what it told."""

    def __init__(self, leg: PaperLeg | None = None) -> None:
        self.leg = leg or PaperLeg()
        self.sent = self.leg.sent
        self.started: list[Track] = []
        self.finished: list[Track] = []
        self.playout = Playout(
            self.leg.format,
            send=self.leg.send,
            clear=self.leg.clear,
            mark=self.leg.mark,
            ready=lambda: self.leg.ready,
            lead_frames=self.leg.lead_ms // 20,
            on_started=self.started.append,
            on_finished=self.finished.append,
        )
        self.leg.on_played = self.playout.played

    def tick(self, live: bool = True) -> bytes:
        self.leg.beat()
        return self.playout.tick(live)

    def ticks(self, count: int) -> list[bytes]:
        return [self.tick() for _ in range(count)]

    def say(self, *clauses: bytes) -> Track:
        """A whole track of `clauses`."""
        track = self.playout.begin()
        for clause in clauses:
            track.append(clause)
            track.end_clause()
        track.finish()
        return track


def sound(ms: int, value: int = 1000) -> bytes:
    return np.full(ms * 8, value, dtype="<i2").tobytes()


def words(*times: tuple[float, float]) -> tuple[WordTime, ...]:
    return tuple(WordTime(index * 4, index * 4 + 3, start, end) for index, (start, end) in enumerate(times))


def ahead(**kinds: Any) -> Line:
    return Line(PaperLeg(lead_ms=400, **kinds))


def ramp(frames: int, start: int = 0) -> bytes:
    """Sound of which every frame differs."""
    return np.arange(start * 160, (start + frames) * 160).astype("<i2").tobytes()


def frames_of(audio: bytes) -> list[bytes]:
    return [audio[at : at + 320].ljust(320, b"\x00") for at in range(0, len(audio), 320)]
