"""Many callers in one process: each sends a stamped frame every 20 ms and notes what comes back."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from offhook.simulator.bench.frame_notes import FrameNotes
from offhook.simulator.bench.slot_clock import Due, SlotClock

__all__ = ["Load", "LoadCaller"]

DRAIN_S = 0.3


class LoadCaller(Due, Protocol):
    """One caller. `dropped` says why the call ended before it should have, if it did."""

    notes: FrameNotes
    dropped: str

    async def connect(self) -> None:
        """Call. Raises CallError."""
        ...

    async def hang_up(self) -> None:
        """End the call; returns when the connection is gone, at once if there is none."""
        ...


class Load:
    """Calls of one server, by `callers`."""

    def __init__(self, callers: Sequence[LoadCaller]):
        self.callers = callers
        self.clock = SlotClock()
        self.cpu_s = 0.0
        self.window_s = 0.0
        self._running: asyncio.Task[None] | None = None

    async def start(self, ramp_s: float) -> None:
        """Connect all callers, spread over `ramp_s`; each sends from the first moment. Raises CallError."""
        self._running = asyncio.create_task(self.clock.run())
        for number, caller in enumerate(self.callers):
            await caller.connect()
            self.clock.add(caller, number)
            await asyncio.sleep(ramp_s / len(self.callers))

    async def measure(self, seconds: float) -> None:
        """Keep the calls up and note everything, for `seconds`."""
        for caller in self.callers:
            caller.notes.begin()
        cpu, start = time.process_time(), time.monotonic()
        self.clock.measuring = True
        await asyncio.sleep(seconds)
        self.clock.measuring = False
        self.window_s = time.monotonic() - start
        self.cpu_s = time.process_time() - cpu

    async def stop(self) -> None:
        """Stop sending, let what is on its way come back, and hang up."""
        if self._running is not None:
            self._running.cancel()
        for caller in self.callers:
            caller.notes.drain()
        await asyncio.sleep(DRAIN_S)
        for caller in self.callers:
            caller.notes.end()
        leaving = [asyncio.create_task(caller.hang_up()) for caller in self.callers]
        _, late = await asyncio.wait(leaving, timeout=DRAIN_S)
        for task in late:
            task.cancel()
