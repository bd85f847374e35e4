"""Answers legs: makes a call of each, within the limits, and knows which calls are in progress."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID, uuid4

import structlog

from offhook.audio.formats import AudioFormat
from offhook.audio.melody import Melody
from offhook.calls.call import Call
from offhook.calls.clock import MediaClock
from offhook.calls.consultation import Wish
from offhook.calls.engines.announcement import Announcement
from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.engines.expected import Announced
from offhook.calls.leg import CallOrigin, Leg
from offhook.calls.placeholders import fill
from offhook.calls.recorder import Recorder
from offhook.calls.speaker import Phrases
from offhook.calls.tools.base import ToolContext
from offhook.calls.voice_detection import VoiceDetection
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import Settings
from offhook.events import CallTrouble, EndReason, EventSink
from offhook.providers.llm.base import CallFacts
from offhook.server.admission import Admission, Refusal
from offhook.server.calls_to_come import ringing_s, usual_format
from offhook.server.consultations import Consultations
from offhook.server.local_time import local_clock
from offhook.server.recordings import Recordings
from offhook.server.records import CallRecords
from offhook.server.screened import screened
from offhook.server.variants import Choice, Variants

__all__ = ["Desk", "Switchboard"]

log = structlog.get_logger(__name__)

_MOST_TURNED_AWAY = 20


@dataclass(frozen=True)
class Desk:
    """What the switchboard needs to make calls. `phrases` is None where no agent speaks; `dialler` knows the calls that
    we placed; `expect` makes an agent's providers ready for a call; `spent_up` is whether today has cost enough.
    `melodies` are the hold music of agents that have their own, `consultations` ask people to take calls over."""

    settings: Settings
    clock: MediaClock
    sink: EventSink
    records: CallRecords
    engines: Mapping[str, EngineFactory]
    instructions: Mapping[str, str]
    voice_detection: VoiceDetection | None
    phrases: Phrases | None
    files: Executor
    dialler: Dialler | None = None
    expect: Callable[[str, Announced | None], None] = lambda agent, announced: None
    spent_up: Callable[[], bool] = lambda: False
    melodies: Mapping[str, Melody] = field(default_factory=dict)
    consultations: Consultations | None = None


class Switchboard:
    """All calls of this process."""

    def __init__(self, desk: Desk):
        self._desk = desk
        self._calls: dict[str, Call] = {}
        self._turned_away: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._recordings = Recordings(desk.settings, desk.files, self._recording_failed)
        self._admission = Admission(desk.settings)
        self._variants = Variants(desk.settings)
        self._ways = desk.settings.answering
        self._draining = False
        self.answered = 0
        self.refused = 0

    @property
    def active(self) -> int:
        """Calls in progress, without those to people who are asked to take one over: these end with the others."""
        return sum(not call.leg.origin.consults_for for call in self._calls.values())

    @property
    def draining(self) -> bool:
        """Whether no call is taken any more, since the server stops."""
        return self._draining

    @property
    def full(self) -> bool:
        """Whether no more calls are taken on, calls that are being placed included."""
        return self._draining or self.active + len(self._ringing) >= self._desk.settings.limits.max_calls

    def busy(self, agent: str) -> bool:
        """Whether an agent takes no more calls, those being placed for it included."""
        placed = Counter(call.agent for call in self._ringing)
        return agent in self._desk.settings.agents and not self._admission.takes(agent, self._in_progress + placed)

    @property
    def _ringing(self) -> list[PlacedCall]:
        placed = self._desk.dialler.live if self._desk.dialler is not None else ()
        return [call for call in placed if not (call.answered or call.consults_for)]

    @property
    def _in_progress(self) -> Counter[str]:
        return Counter(call.facts.agent for call in self._calls.values() if not call.leg.origin.consults_for)

    @property
    def spent_up(self) -> bool:
        """Whether no more calls are taken or placed today, since those until now cost too much."""
        return self._desk.spent_up()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in progress, the oldest first."""
        return tuple(self._calls.values())

    def find(self, call_id: str) -> Call | None:
        """A call in progress by our id, or by the carrier's."""
        by_carrier = (call for call in self._calls.values() if call.leg.carrier_call_id == call_id)
        return self._calls.get(call_id) or next(by_carrier, None)

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
        key = _announcement(carrier, origin, carrier_call_id)
        facts = self._facts(origin, key, choice, announced=key)
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
        full = self._draining or self.active >= self._desk.settings.limits.max_calls
        taker = self._admission.judge(agent, leg.origin, leg.carrier_call_id, self._in_progress, full=full)
        # Whom we have called is not told to call again.
        if not isinstance(taker, Refusal) and self.spent_up and _placed(leg, self._desk.dialler) is None:
            taker = Refusal(EndReason.BUSY, "costs.stop_per_day", self._desk.settings.costs.stop_day_line)
        if isinstance(taker, Refusal):
            self._turn_away(leg, agent, taker)
            return
        call_id = _call_id(leg, _placed(leg, self._desk.dialler), self._calls)
        choice = self._choose(taker, leg.carrier, leg.origin, call_id)
        self._desk.expect(choice.key, None)
        recorder = self._recordings.open(call_id, leg.format)
        call = self._call(leg, call_id, choice, recorder)
        self._calls[call_id] = call
        if self._begin(call, self._engine(leg, choice)):
            self.answered += 1
            if recorder is not None:
                self._desk.records.note_recording(call_id, recorder.path)

    def _brief(self, leg: Leg) -> None:
        """Ask whoever answered to take a call over. It does not matter how full the house is: there is a caller who
        waits for it."""
        consultations, placed = self._desk.consultations, _placed(leg, self._desk.dialler)
        engine = consultations.engine(leg.origin.consults_for) if consultations is not None else None
        if consultations is None or engine is None or placed is None:
            self._spawn_close(leg, EndReason.AGENT_HUNG_UP)
            return
        self._note_answer(leg, placed)
        call_id = _call_id(leg, placed, self._calls)
        recorder = self._recordings.open(call_id, leg.format)
        call = self._call(leg, call_id, Choice(self._agent_for(leg.carrier, leg.origin)), recorder)
        self._calls[call_id] = call
        consultations.reached(leg.origin.consults_for, call)
        if self._begin(call, engine) and recorder is not None:
            self._desk.records.note_recording(call_id, recorder.path)

    def _begin(self, call: Call, engine: EngineFactory) -> bool:
        try:
            call.answer(engine)
        except Exception as error:
            log.exception("a call could not be answered", call_id=call.facts.call_id)
            call.end(EndReason.ERROR, str(error))
            return False
        return True

    def _engine(self, leg: Leg, choice: Choice) -> EngineFactory:
        engine, dialler = self._desk.engines[choice.key], self._desk.dialler
        placed = _placed(leg, dialler)
        if dialler is None or placed is None:
            return engine
        self._note_answer(leg, placed)
        if placed.judge == "off" or self._desk.voice_detection is None:
            return engine
        return screened(engine, placed, self._ways[choice.key], dialler)

    def _note_answer(self, leg: Leg, placed: PlacedCall) -> None:
        if self._desk.dialler is not None:
            self._desk.dialler.identify(placed.id, leg.carrier_call_id)
            self._desk.dialler.progress(placed.id, "answered")

    def _choose(self, agent: str, carrier: str, origin: CallOrigin, call_id: str = "") -> Choice:
        """In which of its ways an agent answers a call."""
        language = self._desk.settings.language_for(agent, carrier, origin.to_number, origin.variables)
        return replace(self._variants.choose(agent, _person(origin), call_id), language=language)

    def _agent_for(self, carrier: str, origin: CallOrigin) -> str:
        """Name of the agent that answers: the one the call was placed for, else the routes'."""
        if origin.agent in self._desk.settings.agents:
            return origin.agent
        if origin.agent:
            log.warning("a call is for an agent that does not exist; the routes decide", agent=origin.agent)
        return self._desk.settings.agent_for(carrier, origin.to_number)

    def _call(self, leg: Leg, call_id: str, choice: Choice, recorder: Recorder | None) -> Call:
        agent = self._ways.get(choice.key) or self._desk.settings.agents[choice.agent]
        announced = _announcement(leg.carrier, leg.origin, leg.carrier_call_id)
        facts = self._facts(leg.origin, call_id, choice, announced=announced)
        now = local_clock(agent)
        context = ToolContext(
            call_id,
            facts.caller_number,
            self._desk.settings.server.data_dir,
            now,
            called_number=facts.called_number,
            variables=facts.variables,
        )
        return Call(
            leg,
            facts,
            clock=self._desk.clock,
            sink=self._desk.sink,
            tool_context=context,
            voice_detection=self._desk.voice_detection,
            recorder=recorder,
            longest_s=agent.silence.max_duration_s,
            longest_line=agent.silence.max_duration_line,
            melody=self._desk.melodies.get(choice.key),
            consult=self._consult(leg, choice.key),
            on_ended=self._ended,
        )

    def _consult(self, leg: Leg, way: str) -> Callable[[Call, Wish], Awaitable[None]] | None:
        consultations = self._desk.consultations
        return consultations.consult if consultations is not None and consultations.possible(leg, way) else None

    def _facts(self, origin: CallOrigin, call_id: str, choice: Choice, *, announced: str) -> CallFacts:
        agent = self._ways.get(choice.key) or self._desk.settings.agents[choice.agent]
        return CallFacts(
            call_id=call_id,
            agent=choice.agent,
            instructions=fill(self._desk.instructions.get(choice.key, agent.instructions), origin.variables),
            started_at=local_clock(agent)(),
            caller_number=_person(origin),
            variables=origin.variables,
            called_number=origin.to_number,
            direction=origin.direction,
            experiment=choice.experiment,
            variant=choice.variant,
            announced=announced,
        )

    def _recording_failed(self, call_id: str, path: Path, error: OSError) -> None:
        call = self._calls.get(call_id)
        self._desk.sink(CallTrouble(call_id, call.now_ms if call else 0, "recording", f"{path}: {error}"))

    def _turn_away(self, leg: Leg, agent: str, refusal: Refusal) -> None:
        self.refused += 1
        phrases, silent = self._desk.phrases, self._draining or not refusal.line
        if phrases is None or silent or len(self._turned_away) >= _MOST_TURNED_AWAY:
            self._spawn_close(leg, refusal.reason)
            return
        log.warning("a caller is turned away", calls=self.active, limit=refusal.limit, peer=leg.peer)
        call_id = _call_id(leg, _placed(leg, self._desk.dialler), self._calls)
        call = self._call(leg, call_id, Choice(agent), None)
        self._turned_away[call_id] = call

        def engine(handle: CallHandle) -> Engine:
            return Announcement(handle, phrases, refusal.line, refusal.reason)

        self._begin(call, engine)

    def _spawn_close(self, leg: Leg, reason: EndReason) -> None:
        log.warning(
            "a call was refused", calls=self.active, peer=leg.peer, draining=self._draining, reason=reason.value
        )
        task = asyncio.get_running_loop().create_task(leg.close(reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, call: Call) -> None:
        for calls in (self._calls, self._turned_away):
            # A carrier may use an id again while the call that had it is still being closed.
            if calls.get(call.facts.call_id) is call:
                del calls[call.facts.call_id]
        if self._desk.dialler is not None and call.leg.origin.dial_id:
            why = call.end_reason.value.replace("_", " ") if call.end_reason is not None else ""
            self._desk.dialler.progress(call.leg.origin.dial_id, "ended", why)

    def hung_up(self, carrier: str, carrier_call_id: str, reason: EndReason, detail: str) -> None:
        """A carrier says, apart from the leg, that a call is over and why. Without an id it says it of none."""
        if not carrier_call_id:
            return
        self._desk.records.note_end(carrier, carrier_call_id, detail)
        for call in (*self._calls.values(), *self._turned_away.values()):
            if (call.leg.carrier, call.leg.carrier_call_id) == (carrier, carrier_call_id):
                call.on_closed(reason, detail)

    async def drain(self, within_s: float) -> None:
        """Take no new calls; wait for those in progress, then end what is left."""
        self._draining = True
        calls = [*self._calls.values(), *self._turned_away.values()]
        try:
            async with asyncio.timeout(within_s):
                for call in calls:
                    await call.ended.wait()
        except TimeoutError:
            log.warning("ending calls that did not end by themselves", calls=self.active)
        await self.hang_up_all()

    async def hang_up_all(self) -> None:
        """End every call now."""
        self._draining = True
        calls = [*self._calls.values(), *self._turned_away.values()]
        for call in calls:
            call.end(EndReason.SHUTDOWN)
        for call in calls:
            await call.ended.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _person(origin: CallOrigin) -> str:
    """The number of whom the agent talks to."""
    return origin.from_number if origin.direction == "inbound" else origin.to_number


def _announcement(carrier: str, origin: CallOrigin, carrier_call_id: str) -> str:
    """By what a call is known before it is answered and after; empty for one that has no name yet."""
    if origin.dial_id:
        return f"dial:{origin.dial_id}"
    return f"{carrier}:{carrier_call_id}" if carrier_call_id else ""


def _placed(leg: Leg, dialler: Dialler | None) -> PlacedCall | None:
    """The call in progress that we placed and that `leg` brings; None for any other."""
    placed = dialler.find(leg.origin.dial_id) if dialler is not None and leg.origin.dial_id else None
    return None if placed is None or placed.over else placed


def _call_id(leg: Leg, placed: PlacedCall | None, taken: Container[str]) -> str:
    # Asterisk's own UUID is the one that the dialplan and its CDR know; who placed a call knows it by its dial id,
    # and a caller who comes back from a transfer begins another conversation.
    if leg.carrier == "audiosocket" or (leg.carrier == "asterisk" and _is_free_uuid(leg.carrier_call_id, taken)):
        return leg.carrier_call_id
    return placed.id if placed is not None and placed.id not in taken else str(uuid4())


def _is_free_uuid(text: str, taken: Container[str]) -> bool:
    try:
        return str(UUID(text)) == text and text not in taken
    except ValueError:
        return False
