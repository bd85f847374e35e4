"""Callers who are not taken: they hear why, or the line is closed without a word."""

import asyncio

import structlog

from offhook.calls.engines.announcement import Announcement
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.leg import Leg
from offhook.calls.speaker import Phrases
from offhook.events import EndReason
from offhook.server.admission import Refusal
from offhook.server.call_names import new_call_id
from offhook.server.lines import Lines
from offhook.server.new_calls import NewCalls, begin
from offhook.server.placed_legs import PlacedLegs
from offhook.server.variants import Choice

__all__ = ["TurningAway"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_MOST_TURNED_AWAY = 20


class TurningAway:
    """Tells callers in the voice of `phrases` that they are not taken. It says nothing where there is no voice, to more
    than 20 at once, and while the server stops."""

    def __init__(self, phrases: Phrases | None, lines: Lines, new_calls: NewCalls, placed: PlacedLegs):
        self._phrases = phrases
        self._lines = lines
        self._new_calls = new_calls
        self._placed = placed
        self._closing: set[asyncio.Task[None]] = set()

    def tell(self, leg: Leg, agent: str, refusal: Refusal) -> None:
        """Say why, as a call to `agent`, if the refusal has a line."""
        phrases = self._phrases
        silent = self._lines.draining or not refusal.line
        if phrases is None or silent or self._lines.turned_away >= _MOST_TURNED_AWAY:
            self.close(leg, refusal.reason)
            return
        log.warning("a caller is turned away", calls=self._lines.active, limit=refusal.limit, peer=leg.peer)
        call_id = new_call_id(leg, self._placed.find(leg), self._lines.taken)
        call = self._new_calls.call(leg, call_id, Choice(agent), None)
        self._lines.turn_away(call)

        def engine(handle: CallHandle) -> Engine:
            return Announcement(handle, phrases, refusal.line, refusal.reason)

        begin(call, engine)

    def close(self, leg: Leg, reason: EndReason) -> None:
        """Say nothing."""
        lines = self._lines
        log.warning(
            "a call was refused", calls=lines.active, peer=leg.peer, draining=lines.draining, reason=reason.value
        )
        task = asyncio.get_running_loop().create_task(leg.close(reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def finish(self) -> None:
        """Return when every line is closed."""
        await asyncio.gather(*self._closing, return_exceptions=True)
