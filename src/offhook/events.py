"""What happens in a call, as typed, frozen facts.

A call emits these; records, logs, metrics and consoles listen. `at_ms` is milliseconds since the call was
answered, on the call's own media clock, so that every event can be found again in the recording.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

__all__ = [
    "AgentChanged",
    "AgentPaused",
    "AgentResumed",
    "AgentSaid",
    "AgentSpeechStarted",
    "BargeIn",
    "CallCosted",
    "CallEnded",
    "CallEvent",
    "CallStarted",
    "CallTrouble",
    "CallerHeld",
    "CallerReturned",
    "CallerSaid",
    "CallerSpeechEnded",
    "CallerSpeechStarted",
    "ConsultationEnded",
    "ConsultationOutcome",
    "DtmfReceived",
    "EndReason",
    "EventSink",
    "ToolCalled",
    "TurnMeasured",
    "UsageReported",
]


ConsultationOutcome = Literal[
    "accepted", "declined", "undecided", "busy", "no_answer", "failed", "hung_up", "caller_gone"
]
"""What came of asking somebody to take a call over. Machines decide nothing: `undecided`."""


class EndReason(StrEnum):
    """Why a call ended."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    HANDED_BACK = "handed_back"
    TRANSFERRED = "transferred"
    SILENCE = "silence"
    MAX_DURATION = "max_duration"
    COST_LIMIT = "cost_limit"
    ANSWERING_MACHINE = "answering_machine"
    BUSY = "busy"
    CALLER_LIMIT = "caller_limit"
    PEER_STALLED = "peer_stalled"
    PROTOCOL = "protocol"
    SHUTDOWN = "shutdown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CallEvent:
    """What every event carries. `call_id` is our own UUID of the call."""

    call_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class CallStarted(CallEvent):
    """A call was answered. `started_at` is the wall clock in ISO 8601, UTC; the numbers are empty where the carrier
    gives none. `experiment` and `variant` are empty where no experiment divides the agent's callers. `consults_for` is
    the call for which somebody was called, to ask whether they take it over."""

    carrier: str
    carrier_call_id: str
    agent: str
    peer: str
    audio_format: str
    started_at: str
    direction: Literal["inbound", "outbound"] = "inbound"
    from_number: str = ""
    to_number: str = ""
    experiment: str = ""
    variant: str = ""
    consults_for: str = ""


@dataclass(frozen=True, slots=True)
class CallerSpeechStarted(CallEvent):
    """The caller's voice was detected; it began at `onset_ms`."""

    onset_ms: int


@dataclass(frozen=True, slots=True)
class CallerSpeechEnded(CallEvent):
    """The caller's voice stopped; its last sound was at `end_ms`."""

    end_ms: int


@dataclass(frozen=True, slots=True)
class CallerSaid(CallEvent):
    """One utterance of the caller, transcribed. `confidence` is 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class DtmfReceived(CallEvent):
    """The caller pressed a key: one of `0-9*#A-D`."""

    digit: str


@dataclass(frozen=True, slots=True)
class AgentSpeechStarted(CallEvent):
    """The first audio of an agent utterance left for the caller."""


@dataclass(frozen=True, slots=True)
class AgentChanged(CallEvent):
    """The agent of a call was changed: `because` a tool asked for it (`asked`), or of what the caller speaks
    (`heard`). `language` is the one that it talks from now on, `changed` what was: instructions, voice, tools …"""

    because: str
    language: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentPaused(CallEvent):
    """The agent fell silent because the caller made a sound that is still being judged."""

    heard_ms: int


@dataclass(frozen=True, slots=True)
class AgentResumed(CallEvent):
    """The sound was no interruption (`because`: its words, or "noise"); the agent goes on from `resumed_word`."""

    because: str
    resumed_word: str


@dataclass(frozen=True, slots=True)
class BargeIn(CallEvent):
    """The caller interrupted: voice onset, when the agent fell silent, and how much of the utterance was heard."""

    onset_ms: int
    stopped_ms: int
    heard_ms: int


@dataclass(frozen=True, slots=True)
class AgentSaid(CallEvent):
    """One utterance of the agent is over: `text` was meant, `heard` reached the caller's ear."""

    text: str
    heard: str
    start_ms: int
    end_ms: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class ToolCalled(CallEvent):
    """A tool ran. `error` is empty when it worked."""

    name: str
    arguments: Mapping[str, Any]
    result: Any
    error: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class TurnMeasured(CallEvent):
    """How long the caller waited, and for what. All times in ms from the true end of the caller's speech
    (the end that the VAD found) except `tts_ms`, which is the synthesiser's own time to its first audio. The first text
    is before the endpoint where the reply was begun early."""

    end_of_speech_ms: int
    transcript_ms: int
    endpoint_ms: int
    first_text_ms: int
    tts_ms: int
    first_audio_ms: int


@dataclass(frozen=True, slots=True)
class CallerHeld(CallEvent):
    """The caller hears music, and nobody hears the caller."""


@dataclass(frozen=True, slots=True)
class CallerReturned(CallEvent):
    """The music is over: the agent and the caller hear each other again."""


@dataclass(frozen=True, slots=True)
class ConsultationEnded(CallEvent):
    """Somebody was asked to take the call over. `consultation` is the id of the call to them; empty if none could be
    placed."""

    consultation: str
    place: str
    to: str
    outcome: ConsultationOutcome


@dataclass(frozen=True, slots=True)
class UsageReported(CallEvent):
    """What `provider` was used for, and bills, since the last time: a number for each kind, such as `audio_out` tokens.

    `stage` is what it was used as: realtime, stt, llm, tts or carrier. `model` is the one that it used; of a carrier it
    is the direction of the call. `estimated` numbers are ours, where the provider tells none."""

    provider: str
    used: Mapping[str, float]
    stage: str = ""
    model: str = ""
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class CallCosted(CallEvent):
    """What a call has cost so far, in `currency`, by the names of providers. `unpriced` is what nothing is known of:
    the cost is at least this."""

    total: Decimal
    currency: str
    providers: Mapping[str, Decimal]
    unpriced: tuple[str, ...] = ()
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class CallTrouble(CallEvent):
    """Something failed and the call went on: a recording that could not be written, a provider that died."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class CallEnded(CallEvent):
    """The call is over. `detail` says more than the reason where there is more to say. `disposition` and `summary` are
    the agent's own words on how it went, if it had any."""

    reason: EndReason
    detail: str = ""
    counters: Mapping[str, int] = field(default_factory=dict)
    disposition: str = ""
    summary: str = ""


EventSink = Callable[[CallEvent], None]
