"""Twenty milliseconds after twenty milliseconds, against absolute deadlines, so that errors never add up."""

import asyncio
import time

__all__ = ["Pace"]

FRAME_S = 0.02


class Pace:
    """A clock for one call. `speedup` above 1 makes a call of seconds pass in less, for tests. `worst_s` is the
    longest delay so far of a frame behind its deadline."""

    def __init__(self, speedup: float = 1.0):
        self.worst_s = 0.0
        self._speedup = speedup
        self._start = time.monotonic()
        self._ticks = 0

    def restart(self) -> None:
        """Time zero is now."""
        self._start = time.monotonic()
        self._ticks = 0

    @property
    def now_s(self) -> float:
        """Seconds of call time since the start."""
        return (time.monotonic() - self._start) * self._speedup

    async def next_frame(self) -> None:
        """Wait for the next frame to be due; at once when it is overdue."""
        self._ticks += 1
        due_s = self._ticks * FRAME_S
        await asyncio.sleep(max(0.0, (due_s - self.now_s) / self._speedup))
        self.worst_s = max(self.worst_s, self.now_s - due_s)
