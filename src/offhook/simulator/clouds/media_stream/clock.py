"""The time of a cloud, handed to it, so that a test may let it run faster."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "RealTime"]


class Clock(Protocol):
    """Seconds of the calls' own time."""

    def now_s(self) -> float:
        """Seconds since some beginning."""
        ...

    def utc(self) -> datetime:
        """The time of day."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds of the calls' time pass."""
        ...


class RealTime:
    """The time of this machine. With a `speedup` above 1, calls of seconds pass in less."""

    def __init__(self, speedup: float = 1.0):
        self._speedup = speedup
        self._start = time.monotonic()
        self._began = datetime.now(UTC)

    def now_s(self) -> float:
        """Seconds since this clock was made."""
        return (time.monotonic() - self._start) * self._speedup

    def utc(self) -> datetime:
        """The time of day, which runs faster too."""
        return self._began + timedelta(seconds=self.now_s())

    async def sleep(self, seconds: float) -> None:
        """Wait; only yield where nothing is left to wait for."""
        await asyncio.sleep(max(0.0, seconds / self._speedup))
