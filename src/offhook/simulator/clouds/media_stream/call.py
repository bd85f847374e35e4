"""One call in a cloud, from its first ring to its last webhook."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from offhook.simulator.clouds.media_stream.clock import Clock
from offhook.simulator.clouds.media_stream.dialects import Dialect
from offhook.simulator.clouds.media_stream.endings import (
    CALLEE_NORMAL,
    CALLER_CANCEL,
    CALLER_NORMAL,
    LIMIT,
    LOST,
    Ending,
)
from offhook.simulator.clouds.media_stream.facts import CallFacts
from offhook.simulator.clouds.media_stream.handset import Handset
from offhook.simulator.clouds.media_stream.orders import Goto, Hook, Hooks
from offhook.simulator.clouds.media_stream.parameters import Parameters, PlivoParameters, Recorded
from offhook.simulator.clouds.media_stream.parameters_twilio import TwilioParameters
from offhook.simulator.clouds.media_stream.webhooks import Courier, Sender

__all__ = ["CallLog", "CloudCall", "Transferred"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transferred:
    """Somebody else was called for the caller. `at_ms` is since the call began; `status` is how that went."""

    at_ms: float
    number: str
    caller_id: str
    status: str


@dataclass(slots=True)
class CallLog:
    """What happened beside webhooks and streams: texts spoken, files played, keys sent to the person,
    transfers, conferences, recordings, documents, and what was wrong with any of it."""

    spoken: list[str] = field(default_factory=list)
    played: list[str] = field(default_factory=list)
    keys: str = ""
    transfers: list[Transferred] = field(default_factory=list)
    conferences: list[str] = field(default_factory=list)
    recordings: list[Recorded] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class CloudCall:
    """One call: `up` is set when it is answered, `ended` when it is over and the server has been told. `phone` is
    the person's telephone, without a mouth of its own if `own_mouth` is off."""

    def __init__(self, facts: CallFacts, hooks: Hooks, sender: Sender, *, own_mouth: bool = True):
        self.facts = facts
        self.hooks = hooks
        self.sender = sender
        self.log = CallLog()
        self.phone = Handset(sender.clock, own_mouth=own_mouth)
        self.courier = Courier(sender)
        self.parameters: Parameters = TwilioParameters(facts) if facts.dialect.twilio else PlivoParameters(facts)
        self.running_recordings: dict[str, asyncio.Task[None]] = {}
        self.up = asyncio.Event()
        self.ended = asyncio.Event()
        self._orders: asyncio.Queue[Ending | Goto] = asyncio.Queue()
        self._helpers: set[asyncio.Task[Any]] = set()
        self._faults: list[Exception] = []
        self._began_s = sender.clock.now_s()

    @property
    def id(self) -> str:
        """The carrier's id of the call."""
        return self.facts.id

    @property
    def dialect(self) -> Dialect:
        """The carrier's ways."""
        return self.facts.dialect

    @property
    def clock(self) -> Clock:
        """The cloud's clock."""
        return self.sender.clock

    @property
    def now_ms(self) -> float:
        """Milliseconds since the call began."""
        return (self.clock.now_s() - self._began_s) * 1000

    @property
    def ending(self) -> Ending | None:
        """How it ended, once it has."""
        return self.facts.ending

    @property
    def violations(self) -> list[str]:
        """All that the server did and the carrier would have refused."""
        return [*self.log.problems, *(each for stream in self.phone.streams for each in stream.violations)]

    async def hang_up(self) -> None:
        """The person hangs up; returns when the server has been told."""
        if self.facts.direction == "outbound":
            self.order(CALLEE_NORMAL)
        else:
            self.order(CALLER_NORMAL if self.up.is_set() else CALLER_CANCEL)
        await self.ended.wait()

    def order(self, order: Ending | Goto) -> None:
        """End the call, or go on elsewhere, whatever it is doing."""
        self._orders.put_nowait(order)

    def answer(self) -> None:
        """The call is up from now on."""
        if self.up.is_set():
            return
        self.facts.answered = self.clock.utc()
        self.facts.status = "in-progress"
        self.up.set()
        self.help(self.phone.beat())
        self.report("answered")

    def report(self, event: str) -> None:
        """Tell Twilio's status callback, if it wants to know; the others have none."""
        if event in self.hooks.events and self.dialect.twilio:
            self._tell(self.hooks.status, event)

    def report_ring(self) -> None:
        """Tell that it rings."""
        self._tell(self.hooks.ring, "Ring")
        self.report("ringing")

    def help(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Do something beside, until the call is over at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._helpers.add(task)
        task.add_done_callback(self._helped)
        return task

    async def unless_ordered(self, work: Coroutine[Any, Any, T]) -> T | Ending | Goto:
        """What comes of `work`, or of an order that comes first."""
        working = asyncio.ensure_future(work)
        ordered = asyncio.ensure_future(self._orders.get())
        try:
            await asyncio.wait([working, ordered], return_when=asyncio.FIRST_COMPLETED)
            return ordered.result() if ordered.done() else working.result()
        finally:
            for task in (working, ordered):
                task.cancel()
            await asyncio.gather(working, ordered, return_exceptions=True)

    async def live(self, conduct: Callable[["CloudCall"], Coroutine[Any, Any, Ending]]) -> None:
        """Be conducted until the end, and report it."""
        ending = LOST
        try:
            ending = await conduct(self)
        finally:
            await self._leave(ending)

    async def limit(self, seconds: float) -> None:
        """End the call after so long."""
        await self.clock.sleep(seconds)
        self.order(LIMIT)

    async def _leave(self, ending: Ending) -> None:
        self.facts.ended = self.clock.utc()
        self.facts.ending = ending
        self.facts.status = ending.status
        failed = await self._stop_helping()
        try:
            self._tell_the_end()
            await self.courier.finish()
        finally:
            self.ended.set()
        if failed is not None:
            raise failed

    async def _stop_helping(self) -> Exception | None:
        """End what goes on beside; returns a fault of the double's own, if there was one."""
        for task in self._helpers:
            task.cancel()
        results = await asyncio.gather(*self._helpers, return_exceptions=True)
        return next((result for result in (*self._faults, *results) if isinstance(result, Exception)), None)

    def _helped(self, task: "asyncio.Task[Any]") -> None:
        self._helpers.discard(task)
        if not task.cancelled() and isinstance(fault := task.exception(), Exception):
            self._faults.append(fault)

    def _tell_the_end(self) -> None:
        if self.dialect.twilio:
            self.report("completed")
            return
        hook = self.hooks.hangup
        if self.sender.variants.hangup_at_answer or not hook.url:
            hook = self.hooks.answer
        self._tell(hook, "Hangup")

    def _tell(self, hook: Hook, event: str) -> None:
        self.courier.tell(hook.url, hook.method, self.parameters.status(event), event)
