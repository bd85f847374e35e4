"""The beat of many callers in one process: each is due every 20 ms, and how late they were is known."""

import asyncio
import time
from array import array
from typing import Protocol

__all__ = ["SLOTS", "Due", "SlotClock"]

SLOTS = 10
SLOT_S = 0.002


class Due(Protocol):
    """Somebody who sends a frame every 20 ms."""

    async def send(self) -> None:
        """Send the next frame."""
        ...


class SlotClock:
    """Serves a tenth of the callers every 2 ms: as on a real switch, their frames do not all fall due in the same
    instant.

    `lateness_ns` has the clock's own lateness, one value a slot, while `measuring`, so that a result which the
    callers themselves spoilt is known.
    """

    def __init__(self) -> None:
        self.lateness_ns = array("Q")
        self.measuring = False
        self._slots: list[list[Due]] = [[] for _ in range(SLOTS)]
        self._slot_of: dict[Due, int] = {}

    def add(self, due: Due, slot: int) -> None:
        """Serve `due` in slot `slot` modulo ten."""
        self._slot_of[due] = slot % SLOTS
        self._slots[slot % SLOTS].append(due)

    def remove(self, due: Due) -> None:
        """Serve it no more. Unknown ones are passed over."""
        slot = self._slot_of.pop(due, None)
        if slot is not None:
            self._slots[slot].remove(due)

    def shift(self, due: Due) -> None:
        """Let its next frame come 14 ms after the last one, and go on from there: ten times this, and its frames have
        been at every distance from the beat of whoever hears them. Unknown ones are passed over."""
        slot = self._slot_of.get(due)
        if slot is not None:
            self.remove(due)
            self.add(due, slot + 7)

    def measure_anew(self) -> None:
        """Forget how late it was, and measure from now on."""
        self.lateness_ns = array("Q")
        self.measuring = True

    async def run(self) -> None:
        """Serve until cancelled."""
        start, ticks = time.monotonic(), 0
        while True:
            ticks += 1
            due_s = start + ticks * SLOT_S
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            if self.measuring:
                self.lateness_ns.append(max(0, int((time.monotonic() - due_s) * 1e9)))
            for due in tuple(self._slots[ticks % SLOTS]):
                await due.send()
