"""What the webhooks of a call say, in the words of Vobiz and Plivo.

Source: Vobiz "callbacks", "stream events", "dial", "record", and captures of real calls; Plivo's are of the same names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from offhook.simulator.clouds.media_stream.facts import CallFacts

__all__ = ["Bridged", "Parameters", "PlivoParameters", "Recorded"]

RATE = "0.0065"
PULSE_S = 60
CONSOLE = timedelta(hours=5, minutes=30)
"""The zone of start, answer and end times, while SessionStart is UTC."""

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Bridged:
    """How a Dial went. `status` is a CallStatus; `id` is that of the second leg."""

    status: str
    cause: str
    id: str
    number: str
    duration_s: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording."""

    id: str
    url: str
    duration_ms: int
    reason: str
    digits: str = ""


class Parameters(Protocol):
    """The fields of each kind of webhook."""

    def document(self, event: str, extra: Values) -> Values:
        """Asking for a document."""
        ...

    def status(self, event: str) -> Values:
        """The call's state has changed."""
        ...

    def stream(self, event: str, stream_id: str, name: str, url: str, extra: Values) -> Values:
        """Something happened on a stream; `url` and `name` are its address and a mark's name, where they matter."""
        ...

    def dialled(self, bridged: Bridged) -> Values:
        """A Dial is over."""
        ...

    def recorded(self, recorded: Recorded) -> Values:
        """A recording is over."""
        ...


class PlivoParameters:
    """The fields of one call's webhooks at Vobiz and Plivo."""

    def __init__(self, facts: CallFacts):
        self._facts = facts

    def document(self, event: str, extra: Values) -> Values:
        """Asking for a document: the answer URL with `StartApp`, and those of transfers, redirects and actions."""
        return self._base(event) | extra

    def status(self, event: str) -> Values:
        """Ring, machine detection, and the hangup with all that is known then."""
        return self._base(event) | (self._ending() if event == "Hangup" else {})

    def stream(self, event: str, stream_id: str, name: str, url: str, extra: Values) -> Values:
        """A stream's callback; the id is written StreamID here and streamId on the socket."""
        facts = self._facts
        errors = {
            "DegradedStream": "connection degraded",
            "DroppedStream": "connection disconnected with the remote service",
        }
        values = {
            "Event": event,
            "CallUUID": facts.id,
            "StreamID": stream_id,
            "From": facts.from_,
            "To": facts.to,
            "ParentAuthID": facts.account.id,
            "Error": errors.get(event, ""),
        }
        if event == "StartStream":
            values["ServiceURL"] = url
        if event == "PlayedStream":
            values["Name"] = name
        headers = {f"{facts.dialect.sip_header}{key}": value for key, value in extra.items()}
        return values | headers

    def dialled(self, bridged: Bridged) -> Values:
        """The action of a Dial."""
        return self._base("Redirect") | {
            "DialStatus": bridged.status,
            "DialRingStatus": "true" if bridged.status != "failed" else "false",
            "DialHangupCause": bridged.cause,
            "DialALegUUID": self._facts.id,
            "DialBLegUUID": bridged.id,
        }

    def recorded(self, recorded: Recorded) -> Values:
        """The action and the callback of a recording."""
        start_ms = int(self._facts.began.timestamp() * 1000)
        return self._base("Record") | {
            "RecordUrl": recorded.url,
            "RecordFile": recorded.url,
            "RecordingID": recorded.id,
            "RecordingDuration": str(round(recorded.duration_ms / 1000)),
            "RecordingDurationMs": str(recorded.duration_ms),
            "RecordingStartMs": str(start_ms),
            "RecordingEndMs": str(start_ms + recorded.duration_ms),
            "RecordingEndReason": recorded.reason,
            "Digits": recorded.digits,
        }

    def _base(self, event: str) -> Values:
        facts = self._facts
        values = {
            "CallUUID": facts.id,
            "From": facts.from_,
            "To": facts.to,
            "Direction": facts.direction,
            "CallStatus": facts.status,
            "Event": event,
            "ParentAuthID": facts.account.id,
            "BillRate": RATE,
            "SessionStart": _utc(facts.began),
            "CallerName": facts.caller_name or facts.from_,
            "STIRVerification": "Not Verified",
        }
        if facts.direction == "outbound":
            values |= {"RequestUUID": facts.id, "ALegUUID": facts.id, "ALegRequestUUID": facts.id}
        if facts.forwarded_from:
            values["ForwardedFrom"] = facts.forwarded_from
        return values | facts.headers

    def _ending(self) -> Values:
        facts, ending = self._facts, self._facts.ending
        if ending is None:
            return {}
        seconds = facts.duration_s
        return {
            "Duration": str(seconds),
            "BillDuration": str(-(-seconds // PULSE_S) * PULSE_S),
            "TotalCost": "0",
            "HangupCause": ending.cause,
            "HangupCauseCode": str(ending.code),
            "HangupCauseName": ending.name,
            "HangupSource": ending.source or facts.dialect.carrier.capitalize(),
            "StartTime": _console(facts.began),
            "AnswerTime": _console(facts.answered),
            "EndTime": _console(facts.ended),
            "CountryCode": "IN",
            "RouteType": "voice",
        }


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.%f")


def _console(time: datetime | None) -> str:
    return (time + CONSOLE).strftime("%Y-%m-%d %H:%M:%S") if time else ""
