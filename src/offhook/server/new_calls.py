"""Makes a call of a leg and who answers it."""

from collections.abc import Awaitable, Callable

import structlog

from offhook.calls.call import Call
from offhook.calls.consultation import Wish
from offhook.calls.engines.base import EngineFactory
from offhook.calls.leg import CallOrigin, Leg
from offhook.calls.placeholders import fill
from offhook.calls.recorder import Recorder
from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings
from offhook.events import EndReason
from offhook.providers.llm.base import CallFacts
from offhook.server.call_names import announcement, person
from offhook.server.desk import Desk
from offhook.server.local_time import local_clock
from offhook.server.variants import Choice

__all__ = ["NewCalls", "begin"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class NewCalls:
    """Makes calls, each of which tells `on_ended` when it is over."""

    def __init__(self, desk: Desk, on_ended: Callable[[Call], None]):
        self._desk = desk
        self._ways = desk.settings.answering
        self._on_ended = on_ended

    def way(self, choice: Choice) -> AgentSettings:
        """How whoever was chosen answers."""
        return self._ways.get(choice.key) or self._desk.settings.agents[choice.agent]

    def facts(self, origin: CallOrigin, call_id: str, choice: Choice, *, announced: str) -> CallFacts:
        """What is known of a call when it begins, or when it is `announced` by that name."""
        agent = self.way(choice)
        return CallFacts(
            call_id=call_id,
            agent=choice.agent,
            instructions=fill(self._desk.instructions.get(choice.key, agent.instructions), origin.variables),
            started_at=local_clock(agent)(),
            caller_number=person(origin),
            variables=origin.variables,
            called_number=origin.to_number,
            direction=origin.direction,
            experiment=choice.experiment,
            variant=choice.variant,
            announced=announced,
        )

    def call(self, leg: Leg, call_id: str, choice: Choice, recorder: Recorder | None) -> Call:
        """A call that has not begun."""
        agent = self.way(choice)
        announced = announcement(leg.carrier, leg.origin, leg.carrier_call_id)
        facts = self.facts(leg.origin, call_id, choice, announced=announced)
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
            on_ended=self._on_ended,
        )

    def _consult(self, leg: Leg, way: str) -> Callable[[Call, Wish], Awaitable[None]] | None:
        consultations = self._desk.consultations
        return consultations.consult if consultations is not None and consultations.possible(leg, way) else None


def begin(call: Call, engine: EngineFactory) -> bool:
    """Answer a call; false if its engine cannot be made, which ends it."""
    try:
        call.answer(engine)
    except Exception as error:
        log.exception("a call could not be answered", call_id=call.facts.call_id)
        call.end(EndReason.ERROR, str(error))
        return False
    return True
