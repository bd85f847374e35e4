"""The media clock: one 20 ms beat for every call of the process, on absolute time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from offhook.audio.formats import FRAME_MS

__all__ = ["CATCH_UP_FRAMES", "MediaClock", "Ticking"]

CATCH_UP_FRAMES = 3
_SKIP_FRAMES = 50
_ROUNDING = 1e-6


class Ticking(Protocol):
    """What the clock beats."""

    def tick(self, live: bool) -> None:
        """20 ms have passed. `live` is false for a beat so late that sending for it would be a burst."""
        ...


class MediaClock:
    """Beats every 20 ms of absolute time.

    After a late wake-up every missed beat is given, so that nobody loses count; only the newest `CATCH_UP_FRAMES`
    of them are live. A stall of more than a second (a suspended machine) is skipped, and counted in `lost`. While it
    beats nobody, it rests.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self._now = now
        self._sleep = sleep
        self._ticking: dict[Ticking, None] = {}
        self._after: list[Callable[[], None]] = []
        self._wanted = asyncio.Event()
        self._origin = now()
        self.beats = 0
        self.late = 0
        self.lost = 0

    def add(self, ticking: Ticking) -> None:
        """Beat `ticking` from the next beat on."""
        self._ticking[ticking] = None
        self._wanted.set()

    def remove(self, ticking: Ticking) -> None:
        """Beat it no more. Unknown ones are passed over."""
        self._ticking.pop(ticking, None)

    def after(self, work: Callable[[], None]) -> None:
        """Do `work` once at each wake-up, when every call has had its beats."""
        self._after.append(work)

    def catch_up(self) -> None:
        """Give every beat that is due."""
        due = int((self._now() - self._origin) * 1000 / FRAME_MS + _ROUNDING)
        missed = due - self.beats
        if missed <= 0:
            return
        if missed > _SKIP_FRAMES:
            self.lost += missed - _SKIP_FRAMES
            self.beats = due - _SKIP_FRAMES
        self.late += missed - 1
        while self.beats < due:
            self.beats += 1
            self._beat(live=due - self.beats < CATCH_UP_FRAMES)
        for work in self._after:
            work()

    def _beat(self, live: bool) -> None:
        for ticking in tuple(self._ticking):
            ticking.tick(live)

    async def run(self) -> None:
        """Beat until cancelled; rest while there is nothing to beat."""
        while True:
            if not self._ticking:
                self._wanted.clear()
                await self._wanted.wait()
                self._origin = self._now() - self.beats * FRAME_MS / 1000
            next_beat = self._origin + (self.beats + 1) * FRAME_MS / 1000
            await self._sleep(max(0.0, next_beat - self._now()))
            self.catch_up()
