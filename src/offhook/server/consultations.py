"""Warm transfers: somebody is called and asked, while the caller hears music, and the two are connected."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, get_args

import structlog

from offhook.calls.call import Call
from offhook.calls.consultation import Wish
from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.briefing import Brief, Briefing, Decision
from offhook.calls.leg import Leg
from offhook.calls.speaker import Phrases
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import AgentSettings, DialCarrier, Settings
from offhook.errors import CallError, ConfigError
from offhook.events import ConsultationEnded, ConsultationOutcome, EndReason, EventSink
from offhook.server.variants import Choice

__all__ = ["Consultations", "dial_carrier"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_BRIEFING_S = 120.0
_WORDS: Mapping[ConsultationOutcome, str] = {
    "declined": "they cannot take the call now",
    "undecided": "nobody there took the call",
    "hung_up": "they hung up without taking the call",
    "busy": "the line is busy",
    "no_answer": "nobody answered",
    "failed": "they could not be reached",
}
_UNANSWERED: Mapping[str, ConsultationOutcome] = {"busy": "busy", "no_answer": "no_answer", "ended": "hung_up"}


def dial_carrier(leg: Leg) -> DialCarrier | None:
    """Who places calls beside those of `leg`; None where nobody does."""
    name = "asterisk" if leg.carrier == "audiosocket" else leg.carrier
    return next((carrier for carrier in get_args(DialCarrier) if carrier == name), None)


@dataclass(eq=False)
class _Consultation:
    """One call for which somebody is asked."""

    call: Call
    wish: Wish
    decision: "asyncio.Future[Decision]"
    placed: PlacedCall | None = None
    asked: Call | None = None
    briefing: Briefing | None = None
    outcome: ConsultationOutcome = "failed"
    problem: str = ""
    kept: set["asyncio.Task[PlacedCall]"] = field(default_factory=set)

    def decide(self, decision: Decision) -> None:
        """Who was asked has decided."""
        if not self.decision.done():
            self.decision.set_result(decision)


class Consultations:
    """Those that go on, one a call at most. `voices` has the voice of every way of answering in which
    people are asked."""

    def __init__(self, settings: Settings, dialler: Dialler, voices: Mapping[str, Phrases], sink: EventSink):
        self._ways = settings.answering
        self._dialler = dialler
        self._voices = voices
        self._sink = sink
        self._open: dict[str, _Consultation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def possible(self, leg: Leg, way: str) -> bool:
        """Whether who answers in the `way` of that name can ask people for calls of `leg`: it needs a voice, and the
        carrier of the call."""
        carrier = dial_carrier(leg)
        return way in self._voices and leg.control is not None and self._dialler.places_by(carrier or "")

    async def consult(self, call: Call, wish: Wish) -> None:
        """Ask, and connect the caller with who accepts. Raises CallError that says in words what became of it."""
        decision: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        asking = _Consultation(call, wish, decision)
        self._open[call.facts.call_id] = asking
        try:
            await self._ask(asking)
            await self._connect(asking)
        except asyncio.CancelledError:
            asking.outcome = "caller_gone"
            raise
        finally:
            del self._open[call.facts.call_id]
            self._let_go(asking)
            self._tell(asking)

    def engine(self, consults_for: str) -> EngineFactory | None:
        """What answers the call to who is asked for the call `consults_for`; None where nobody is to be asked any
        more."""
        asking = self._open.get(consults_for)
        return None if asking is None else partial(self._briefing, asking)

    def reached(self, consults_for: str, asked: Call) -> None:
        """The call to who is asked was answered."""
        asking = self._open.get(consults_for)
        if asking is not None:
            asking.asked = asked

    async def close(self) -> None:
        """Wait until the carriers know what is to be hung up."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # One consultation

    async def _ask(self, asking: _Consultation) -> None:
        """Return when somebody has accepted. Raises CallError."""
        try:
            async with asyncio.timeout(asking.wish.ring_s + _BRIEFING_S):
                asking.placed = await self._dial(asking)
                asking.outcome = await self._answer_of(asking, asking.placed)
        except TimeoutError:
            asking.outcome = "no_answer"
        except (CallError, ConfigError) as error:
            asking.problem = str(error).partition("\n")[0]
            log.warning(
                "nobody could be asked to take a call", call_id=asking.call.facts.call_id, problem=asking.problem
            )
        if asking.outcome != "accepted":
            raise CallError(_WORDS[asking.outcome])

    async def _dial(self, asking: _Consultation) -> PlacedCall:
        call, carrier = asking.call, dial_carrier(asking.call.leg)
        origin = call.leg.origin
        ours = origin.to_number if origin.direction == "inbound" else origin.from_number
        dialling = asyncio.ensure_future(
            self._dialler.dial(
                asking.wish.to,
                from_number="" if carrier == "asterisk" else ours,
                agent=call.facts.agent,
                carrier=carrier,
                ring_timeout_s=asking.wish.ring_s,
                machine_detection="off",
                consults_for=call.facts.call_id,
            )
        )
        asking.kept.add(dialling)
        # Who is cancelled now must still know which call to hang up.
        return await asyncio.shield(dialling)

    async def _answer_of(self, asking: _Consultation, placed: PlacedCall) -> ConsultationOutcome:
        over = asyncio.ensure_future(_over(placed))
        awaited: list[asyncio.Future[Any]] = [over, asking.decision]
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        return asking.decision.result() if asking.decision.done() else _UNANSWERED.get(placed.state, "failed")

    async def _connect(self, asking: _Consultation) -> None:
        """Let the carrier connect the two. Raises CallError."""
        call, asked, wish = asking.call, asking.asked, asking.wish
        asking.outcome = "failed" if asked is None or asked.end_reason is None else "hung_up"
        if asked is None or asked.end_reason is not None:
            raise CallError(_WORDS[asking.outcome])

        async def bridge() -> None:
            await call.hand.control.bridge(asked.hand.control)

        await call.hand.hand_over(
            lambda: asked.hand.hand_over(bridge, f"connected with the caller of {call.facts.call_id}"),
            f"taken by {wish.place} ({wish.to})",
        )
        asking.outcome = "accepted"

    def _briefing(self, asking: _Consultation, handle: CallHandle) -> Engine:
        way = _way(asking.call)
        brief = _brief(self._ways[way], asking.wish.summary)
        asking.briefing = Briefing(handle, self._voices[way], brief, asking.decide)
        return asking.briefing

    def _let_go(self, asking: _Consultation) -> None:
        """Whoever was called and was not connected is told so, and hung up."""
        if asking.outcome == "accepted":
            return
        if asking.briefing is not None and asking.asked is not None:
            line = self._ways[_way(asking.call)].briefing.gone_line
            asking.briefing.wind_up(line, EndReason.AGENT_HUNG_UP)
            return
        for dialling in asking.kept:
            self._spawn(self._hang_up(dialling))

    async def _hang_up(self, dialling: "asyncio.Task[PlacedCall]") -> None:
        try:
            placed = await dialling
            await self._dialler.hang_up(placed)
        except (CallError, ConfigError) as error:
            log.info("there is nobody to be hung up", problem=str(error).partition("\n")[0])

    def _tell(self, asking: _Consultation) -> None:
        call, wish = asking.call, asking.wish
        consultation = (
            asking.asked.facts.call_id if asking.asked is not None else asking.placed.id if asking.placed else ""
        )
        self._sink(
            ConsultationEnded(call.facts.call_id, call.now_ms, consultation, wish.place, wish.to, asking.outcome)
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _way(call: Call) -> str:
    return Choice(call.facts.agent, call.facts.experiment, call.facts.variant).key


async def _over(placed: PlacedCall) -> None:
    while not placed.over:
        await placed.news(len(placed.history))


def _brief(agent: AgentSettings, summary: str) -> Brief:
    said = agent.briefing
    return Brief(
        said.line.replace("{summary}", summary.strip()).strip(),
        said.ask_line,
        said.declined_line,
        int(said.wait_s * 1000),
        agent.speed,
    )
