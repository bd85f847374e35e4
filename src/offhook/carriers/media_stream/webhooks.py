"""What carriers tell by webhooks, read from their parameters in their own dialect.

Sources: https://docs.vobiz.ai (callbacks, stream events, hangup causes), https://www.plivo.com/docs/voice, and
https://www.twilio.com/docs/voice/twiml#request-parameters. Nothing here raises: a field that is missing is empty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from offhook.carriers.media_stream.parameters import Parameters
from offhook.carriers.placed import CallState

__all__ = [
    "CallHook",
    "CallState",
    "DialHook",
    "HangupHook",
    "StreamHook",
    "is_stream_event",
    "normal_number",
    "read_call",
    "read_dial",
    "read_hangup",
    "read_stream",
]

Verdict = Literal["human", "machine", ""]

_STATES: Mapping[str, CallState] = {
    "queued": "queued",
    "initiated": "queued",
    "ringing": "ringing",
    "in-progress": "answered",
    "answered": "answered",
    "completed": "ended",
    "busy": "busy",
    "no-answer": "no_answer",
    "timeout": "no_answer",
    "failed": "failed",
    "cancel": "failed",
    "canceled": "failed",
    "cancelled": "failed",
}
_DIAL_STATES: Mapping[str, CallState] = {
    "completed": "answered",
    "cancel": "ended",
    "canceled": "ended",
    "cancelled": "ended",
}
_OVER: frozenset[CallState] = frozenset(("busy", "no_answer", "failed", "ended"))
_CAUSES: Mapping[str, CallState] = {
    "3000": "no_answer",
    "6010": "no_answer",
    "no_answer": "no_answer",
    "3010": "busy",
    "3020": "busy",
    "user_busy": "busy",
    "call_rejected": "busy",
    "rejected": "busy",
    "2000": "failed",
    "3030": "failed",
    "invalid_number": "failed",
    "unallocated_number": "failed",
}
_STREAM_EVENTS: Mapping[str, str] = {
    "startstream": "started",
    "stream-started": "started",
    "playedstream": "played",
    "clearedaudio": "cleared",
    "degradedstream": "degraded",
    "droppedstream": "dropped",
    "stopstream": "stopped",
    "stream-stopped": "stopped",
    "stream-error": "error",
}
_CALL_NAMES = ("CallUUID", "CallSid", "call_uuid", "call_id", "RequestUUID", "request_uuid")

_SEPARATORS = re.compile(r"[\s().-]")
_WHOLE = re.compile(r"[1-9][0-9]{10,14}")
_PLUS = re.compile(r"\+[0-9]{3,15}")
_LONGEST_ID = 128
_LONGEST_NUMBER = 200
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class CallHook:
    """What every webhook of a call says.

    `status` and `event` are the carrier's words in small letters. `verdict` is who answered, where the carrier has
    found out.
    """

    call_id: str
    from_number: str
    to_number: str
    direction: Literal["inbound", "outbound"]
    status: str
    event: str
    verdict: Verdict

    @property
    def state(self) -> CallState | None:
        """What `status` means; None where it says nothing known."""
        return _STATES.get(self.status)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended: an application without a hangup URL tells it to the answer URL."""
        return self.event == "hangup" or self.state in _OVER


@dataclass(frozen=True, slots=True)
class HangupHook:
    """The end of a call. `duration_s` counts from the answer; None where it is not told."""

    call: CallHook
    cause: str
    code: str
    source: str
    duration_s: int | None

    @property
    def is_over(self) -> bool:
        """False for a status of a living call that came to the hangup URL."""
        return self.call.is_over or bool(self.cause or self.code) or not self.call.status

    @property
    def state(self) -> CallState:
        """How the call ended."""
        told = self.call.state
        if told in _OVER and told != "ended":
            return told
        found = _CAUSES.get(self.code) or _CAUSES.get(self.cause.lower().replace(" ", "_").replace("-", "_"))
        return "ended" if found is None or self.duration_s else found

    @property
    def is_fault(self) -> bool:
        """Whether a server ended the call and not a person: codes 5000 to 8999, of which 7011 is a bad answer URL."""
        return self.code[:1] in ("5", "6", "7", "8") and len(self.code) == len("7011")

    @property
    def detail(self) -> str:
        """Cause, code and source in one text for logs and records; empty if none is told."""
        what = " ".join(filter(None, (self.cause, self.code)))
        return f"{what}, by {self.source}".removeprefix(", ") if self.source else what


@dataclass(frozen=True, slots=True)
class StreamHook:
    """An event of a media stream: started, played, cleared, degraded, dropped, stopped or error, else the carrier's
    own word. `dropped` is a usual end. `name` is that of a mark that was played."""

    call_id: str
    stream_id: str
    event: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class DialHook:
    """How a transfer went.

    `state` is answered when somebody talked, ended when the caller did not wait for it, None if it is not told.
    """

    call: CallHook
    state: CallState | None
    cause: str


def read_call(parameters: Parameters) -> CallHook:
    """The call that a webhook is about."""
    get = parameters.get
    return CallHook(
        call_id=_line(get(*_CALL_NAMES), _LONGEST_ID),
        from_number=normal_number(get("From")),
        to_number=normal_number(get("To")),
        direction="outbound" if get("Direction").lower().startswith("outbound") else "inbound",
        status=get("CallStatus", "status").lower(),
        event=get("Event").lower(),
        verdict=_verdict(get("Machine").lower(), get("AnsweredBy").lower()),
    )


def read_hangup(parameters: Parameters) -> HangupHook:
    """The end of a call. Twilio has no causes, but the answer of the SIP peer."""
    get = parameters.get
    return HangupHook(
        call=read_call(parameters),
        cause=_line(get("HangupCauseName", "HangupCause", "hangup_cause")),
        code=_line(get("HangupCauseCode", "SipResponseCode", "ErrorCode")),
        source=_line(get("HangupSource")),
        duration_s=_whole_number(get("Duration", "CallDuration")),
    )


def read_stream(parameters: Parameters) -> StreamHook:
    """An event of a media stream."""
    get = parameters.get
    event = _line(get("Event", "StreamEvent")).lower()
    return StreamHook(
        call_id=_line(get(*_CALL_NAMES), _LONGEST_ID),
        stream_id=_line(get("StreamID", "StreamSid"), _LONGEST_ID),
        event=_STREAM_EVENTS.get(event, event),
        name=_line(get("Name")),
        error=_line(get("Error", "StreamError")),
    )


def read_dial(parameters: Parameters) -> DialHook:
    """How a transfer went."""
    get = parameters.get
    status = get("DialStatus", "DialCallStatus", "DialBLegStatus").lower()
    return DialHook(
        call=read_call(parameters),
        state=_DIAL_STATES.get(status, _STATES.get(status)),
        cause=_line(get("DialHangupCause", "DialBLegHangupCause")),
    )


def is_stream_event(event: str) -> bool:
    """Whether an `event` in small letters is one of a media stream."""
    return event in _STREAM_EVENTS


def normal_number(text: str) -> str:
    """A number as E.164 where it is surely whole: with a `+`, or of 11 to 15 digits without a zero in front.

    Shorter ones may be national or extensions, and stay as they are, as do names and SIP addresses.
    """
    # A plus that was not escaped in a form has become a blank.
    plus = "+" if text.startswith((" ", "+")) else ""
    digits = plus + _SEPARATORS.sub("", text.removeprefix("+"))
    if _PLUS.fullmatch(digits):
        return digits
    if _WHOLE.fullmatch(digits):
        return f"+{digits}"
    return digits if digits.isascii() and digits.isdigit() else _line(text, _LONGEST_NUMBER)


def _line(text: str, longest: int = _LONGEST_WORDS) -> str:
    """Words of a stranger for logs, records and prompts: one line, no signs that command a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()[:longest]


def _verdict(machine: str, answered_by: str) -> Verdict:
    if machine in ("true", "1", "yes") or answered_by.startswith(("machine", "fax")):
        return "machine"
    return "human" if machine in ("false", "0", "no") or answered_by == "human" else ""


def _whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
