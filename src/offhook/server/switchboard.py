"""Answers legs: makes a call of each, within the limits, and knows which calls are in progress."""

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog

from offhook.audio.formats import AudioFormat
from offhook.calls.call import Call
from offhook.calls.engines.base import EngineFactory
from offhook.calls.engines.expected import Announced
from offhook.calls.leg import CallOrigin, Leg
from offhook.calls.recorder import Recorder
from offhook.events import CallTrouble, EndReason
from offhook.server.admission import Admission, Refusal
from offhook.server.call_names import announcement, new_call_id, person
from offhook.server.calls_to_come import ringing_s, usual_format
from offhook.server.desk import Desk
from offhook.server.lines import Lines
from offhook.server.new_calls import NewCalls, begin
from offhook.server.placed_legs import PlacedLegs
from offhook.server.recordings import Recordings
from offhook.server.turning_away import TurningAway
from offhook.server.variants import Choice, Variants

__all__ = ["Switchboard"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Switchboard:
    """All calls of this process."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._lines = Lines()
        self._placed = PlacedLegs(desk.dialler, listens=desk.voice_detection is not None)
        self._new_calls = NewCalls(desk, self._ended)
        self._turning_away = TurningAway(desk.phrases, self._lines, self._new_calls, self._placed)
        self._recordings = Recordings(desk.settings, desk.files, self._recording_failed)
        self._admission = Admission(desk.settings)
        self._variants = Variants(desk.settings)
        self.answered = 0
        self.refused = 0

    @property
    def active(self) -> int:
        """Calls in progress, without those to people who are asked to take one over: these end with the others."""
        return self._lines.active

    @property
    def draining(self) -> bool:
        """Whether no call is taken any more, since the server stops."""
        return self._lines.draining

    @property
    def full(self) -> bool:
        """Whether no more calls are taken on, calls that are being placed included."""
        return self._is_full(len(self._placed.ringing))

    def _is_full(self, ringing: int) -> bool:
        return self.draining or self.active + ringing >= self._desk.settings.limits.max_calls

    def busy(self, agent: str) -> bool:
        """Whether an agent takes no more calls, those being placed for it included."""
        counted = self._lines.per_agent
        counted.update(call.agent for call in self._placed.ringing)
        return agent in self._desk.settings.agents and not self._admission.takes(agent, counted)

    @property
    def spent_up(self) -> bool:
        """Whether no more calls are taken or placed today, since those until now cost too much."""
        return self._desk.spent_up()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in progress, the oldest first."""
        return tuple(self._lines.taken.values())

    def find(self, call_id: str) -> Call | None:
        """A call in progress by our id, or by the carrier's."""
        return self._lines.find(call_id)

    def expect(
        self,
        carrier: str,
        origin: CallOrigin,
        *,
        carrier_call_id: str = "",
        format: AudioFormat | None = None,  # noqa: A002
    ) -> None:
        """A call was announced: its agent's providers get ready while it is being connected. May be repeated.

        `format` is what its audio will be; what is usual for the carrier if not given."""
        settings = self._desk.settings
        choice = self._choose(self._agent_for(carrier, origin), carrier, origin)
        if origin.consults_for:
            # Who is asked to take a call over hears a voice, and talks to no agent.
            self._desk.expect(choice.key, None)
            return
        key = announcement(carrier, origin, carrier_call_id)
        facts = self._new_calls.facts(origin, key, choice, announced=key)
        audio = format or usual_format(settings, carrier)
        self._desk.expect(choice.key, Announced(facts, audio, ringing_s(settings, carrier, origin)))

    def rejects(self, origin: CallOrigin, carrier_call_id: str) -> bool:
        """Whether a call need not even be answered: its caller calls too often, and would hear nothing."""
        return not self._desk.settings.limits.caller_line and self._admission.too_often(origin, carrier_call_id)

    def answer(self, leg: Leg) -> None:
        """Answer a new leg, or tell its caller that all lines are busy."""
        if leg.origin.consults_for:
            self._brief(leg)
            return
        agent = self._agent_for(leg.carrier, leg.origin)
        taker = self._judge(agent, leg)
        if isinstance(taker, Refusal):
            self.refused += 1
            self._turning_away.tell(leg, agent, taker)
            return
        call_id = new_call_id(leg, self._placed.find(leg), self._lines.taken)
        choice = self._choose(taker, leg.carrier, leg.origin, call_id)
        self._desk.expect(choice.key, None)
        call, recorder = self._take(leg, call_id, choice)
        self._placed.answered(leg)
        engine = self._placed.engine(leg, self._desk.engines[choice.key], self._new_calls.way(choice))
        self.answered += self._begin(call, engine, recorder)

    def _judge(self, agent: str, leg: Leg) -> str | Refusal:
        """Who takes a call that is for `agent`, or why nobody does."""
        calls, full = self._lines.per_agent, self._is_full(ringing=0)
        taker = self._admission.judge(agent, leg.origin, leg.carrier_call_id, calls, full=full)
        # Whom we have called is not told to call again.
        if not isinstance(taker, Refusal) and self.spent_up and self._placed.find(leg) is None:
            return Refusal(EndReason.BUSY, "costs.stop_per_day", self._desk.settings.costs.stop_day_line)
        return taker

    def _brief(self, leg: Leg) -> None:
        """Ask whoever answered to take a call over. It does not matter how full the house is: there is a caller who
        waits for it."""
        consultations, placed = self._desk.consultations, self._placed.find(leg)
        engine = consultations.engine(leg.origin.consults_for) if consultations is not None else None
        if consultations is None or engine is None or placed is None:
            self._turning_away.close(leg, EndReason.AGENT_HUNG_UP)
            return
        self._placed.answered(leg)
        call_id = new_call_id(leg, placed, self._lines.taken)
        call, recorder = self._take(leg, call_id, Choice(self._agent_for(leg.carrier, leg.origin)))
        consultations.reached(leg.origin.consults_for, call)
        self._begin(call, engine, recorder)

    def _take(self, leg: Leg, call_id: str, choice: Choice) -> tuple[Call, Recorder | None]:
        recorder = self._recordings.open(call_id, leg.format)
        call = self._new_calls.call(leg, call_id, choice, recorder)
        self._lines.take(call)
        return call, recorder

    def _begin(self, call: Call, engine: EngineFactory, recorder: Recorder | None) -> bool:
        begun = begin(call, engine)
        if begun and recorder is not None:
            self._desk.records.note_recording(call.facts.call_id, recorder.path)
        return begun

    def _choose(self, agent: str, carrier: str, origin: CallOrigin, call_id: str = "") -> Choice:
        """In which of its ways an agent answers a call."""
        language = self._desk.settings.language_for(agent, carrier, origin.to_number, origin.variables)
        return replace(self._variants.choose(agent, person(origin), call_id), language=language)

    def _agent_for(self, carrier: str, origin: CallOrigin) -> str:
        """Name of the agent that answers: the one the call was placed for, else the routes'."""
        if origin.agent in self._desk.settings.agents:
            return origin.agent
        if origin.agent:
            log.warning("a call is for an agent that does not exist; the routes decide", agent=origin.agent)
        return self._desk.settings.agent_for(carrier, origin.to_number)

    def _recording_failed(self, call_id: str, path: Path, error: OSError) -> None:
        call = self._lines.taken.get(call_id)
        self._desk.sink(CallTrouble(call_id, call.now_ms if call else 0, "recording", f"{path}: {error}"))

    def _ended(self, call: Call) -> None:
        self._lines.free(call)
        self._placed.ended(call)

    def hung_up(self, carrier: str, carrier_call_id: str, reason: EndReason, detail: str) -> None:
        """A carrier says, apart from the leg, that a call is over and why. Without an id it says it of none."""
        if not carrier_call_id:
            return
        self._desk.records.note_end(carrier, carrier_call_id, detail)
        for call in self._lines.of(carrier, carrier_call_id):
            call.on_closed(reason, detail)

    async def drain(self, within_s: float) -> None:
        """Take no new calls; wait for those in progress, then end what is left."""
        self._lines.draining = True
        try:
            async with asyncio.timeout(within_s):
                await self._lines.empty()
        except TimeoutError:
            log.warning("ending calls that did not end by themselves", calls=self.active)
        await self.hang_up_all()

    async def hang_up_all(self) -> None:
        """End every call now."""
        self._lines.draining = True
        await self._lines.hang_up()
        await self._turning_away.finish()
