"""Sessions that are opened while the phone rings, for calls that were announced and are not there yet."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from offhook.audio.formats import AudioFormat
from offhook.calls.engines.early_events import EarlyEvents
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, ToolSpec
from offhook.providers.realtime.base import RealtimeEvents, RealtimeProvider, RealtimeSession
from offhook.providers.standby import Standby, Watched

__all__ = ["Announced", "Expected", "ExpectedSessions", "Opener"]

log = structlog.get_logger(__name__)

Opener = Callable[[RealtimeEvents], RealtimeSession]
"""Gives a session that tells `RealtimeEvents` what happens."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A call that is coming: its facts as far as they are known, what its audio will be, and how long to wait for it.

    `facts.announced` is the key by which the call will be known when it is there."""

    facts: CallFacts
    format: AudioFormat
    within_s: float = 30.0


class Expected:
    """One session without a call. `failed` is its error, if it is of no use any more."""

    def __init__(self, announced: Announced, watched: Watched[RealtimeProvider], tools: Sequence[ToolSpec]) -> None:
        self.watched = watched
        self._announced = announced
        self._events = EarlyEvents(watched.failed)
        self.session = watched.provider.open(
            announced.facts, leg=announced.format, tools=tools, history=(), events=self._events
        )

    @property
    def failed(self) -> ProviderError | None:
        """Why it is dead, if it is."""
        return self._events.failed

    def fits(self, format: AudioFormat) -> bool:  # noqa: A002
        """Whether a call in `format` can have it."""
        return self.failed is None and format == self._announced.format

    def adopt(self, facts: CallFacts, events: RealtimeEvents) -> RealtimeSession:
        """Give it to the call: what happened so far is told at once, and what the call knows better changed."""
        if facts.instructions != self._announced.facts.instructions:
            self.session.update(instructions=facts.instructions)
        self._events.tell(events)
        return self.session


class ExpectedSessions:
    """The sessions of one agent's calls that are ringing, at most `most` of them. `tools` gives those that the agent
    has now: servers have more or fewer as time goes by.

    One that nobody fetches in time is closed.
    """

    def __init__(
        self, standby: Standby[RealtimeProvider], tools: Callable[[], Sequence[ToolSpec]], *, most: int
    ) -> None:
        self._standby = standby
        self._tools = tools
        self._most = most
        self._waiting: dict[str, Expected] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self, announced: Announced) -> bool:
        """Open a session for a call, or know that there is one; false where nobody can or too many wait."""
        key = announced.facts.announced
        if key in self._waiting:
            return True
        best = self._standby.best
        if not key or not best.available or len(self._waiting) >= self._most:
            return False
        self._waiting[key] = Expected(announced, best, self._tools())
        self._timers[key] = asyncio.get_running_loop().call_later(announced.within_s, self.forget, key)
        return True

    def take(self, facts: CallFacts, format: AudioFormat) -> tuple[Watched[RealtimeProvider], Opener] | None:  # noqa: A002
        """The session of a call that is there now, and whose it is; None if it has none that is of use."""
        expected = self._out(facts.announced)
        if expected is None:
            return None
        if not expected.fits(format):
            log.info(
                "an expected session is of no use", provider=expected.watched.name, why=str(expected.failed or format)
            )
            self._spawn(expected.session.close())
            return None
        return expected.watched, lambda events: expected.adopt(facts, events)

    def forget(self, key: str) -> None:
        """The call does not come."""
        expected = self._out(key)
        if expected is not None:
            self._spawn(expected.session.close())

    async def close(self) -> None:
        """Close what waits."""
        for key in tuple(self._waiting):
            self.forget(key)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _out(self, key: str) -> Expected | None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
        return self._waiting.pop(key, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
