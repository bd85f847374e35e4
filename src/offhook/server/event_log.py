"""The events of calls as log lines."""

import structlog

from offhook.costs.bookkeeper import money
from offhook.events import (
    AgentChanged,
    AgentPaused,
    AgentResumed,
    AgentSaid,
    BargeIn,
    CallCosted,
    CallEnded,
    CallerHeld,
    CallerReturned,
    CallerSaid,
    CallEvent,
    CallStarted,
    CallTrouble,
    ConsultationEnded,
    ToolCalled,
    TurnMeasured,
    UsageReported,
)

__all__ = ["EventLog"]

log = structlog.get_logger("offhook.call")


class EventLog:
    """Writes what happens in calls to the log; the words only if `transcripts`."""

    def __init__(self, *, transcripts: bool):
        self._transcripts = transcripts
        self._costs: dict[str, CallCosted] = {}

    def __call__(self, event: CallEvent) -> None:
        """Take an event. What a call has cost is told in the line of its end."""
        if isinstance(event, CallCosted):
            self._costs[event.call_id] = event
        else:
            self._write(event)

    def _write(self, event: CallEvent) -> None:
        bound = log.bind(call=event.call_id[:8], at_ms=event.at_ms)
        match event:
            case CallStarted():
                bound.info("call started", carrier=event.carrier, agent=event.agent, peer=event.peer)
            case CallEnded():
                cost = _in_words(self._costs.pop(event.call_id, None))
                bound.info("call ended", reason=event.reason.value, detail=event.detail, **cost)
            case CallerSaid():
                bound.info("caller said", text=self._words(event.text), confidence=round(event.confidence, 2))
            case AgentSaid():
                bound.info("agent said", heard=self._words(event.heard), interrupted=event.interrupted)
            case BargeIn():
                bound.info("barge-in", onset_ms=event.onset_ms, stopped_ms=event.stopped_ms, heard_ms=event.heard_ms)
            case AgentPaused() | AgentResumed() | UsageReported():
                bound.debug(type(event).__name__)
            case ToolCalled():
                bound.info("tool called", name=event.name, error=event.error, ms=event.duration_ms)
            case TurnMeasured():
                bound.info(
                    "turn", first_audio_ms=event.first_audio_ms, endpoint_ms=event.endpoint_ms, tts_ms=event.tts_ms
                )
            case CallTrouble():
                bound.warning("trouble", what=event.what, detail=event.detail)
            case _:
                _aside(bound, event)

    def _words(self, text: str) -> str:
        return text if self._transcripts else f"({len(text.split())} words)"


def _in_words(cost: CallCosted | None) -> dict[str, str]:
    if cost is None:
        return {}
    unpriced = {"unpriced": ", ".join(cost.unpriced)} if cost.unpriced else {}
    return {"cost": f"{money(cost.total)} {cost.currency}", **unpriced}


def _aside(bound: structlog.stdlib.BoundLogger, event: CallEvent) -> None:
    """What happens besides the talk of a caller and the agent."""
    match event:
        case AgentChanged():
            bound.info("agent changed", because=event.because, language=event.language, changed=event.changed)
        case CallerHeld():
            bound.info("caller on hold")
        case CallerReturned():
            bound.info("caller off hold")
        case ConsultationEnded():
            bound.info("consultation ended", place=event.place, outcome=event.outcome)
