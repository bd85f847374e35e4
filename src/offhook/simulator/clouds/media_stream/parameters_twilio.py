"""What the webhooks of a call say, in Twilio's words. Sources: "TwiML request parameters", "status callbacks"."""

from datetime import datetime
from email.utils import format_datetime

from offhook.simulator.clouds.media_stream.facts import CallFacts
from offhook.simulator.clouds.media_stream.parameters import Bridged, Recorded, Values

__all__ = ["API_VERSION", "TwilioParameters"]

API_VERSION = "2010-04-01"
STREAM_EVENTS = {
    "StartStream": "stream-started",
    "StopStream": "stream-stopped",
    "DroppedStream": "stream-stopped",
    "FailedStream": "stream-error",
}
STREAM_ERROR = "31920: Stream - WebSocket - Handshake Error"


class TwilioParameters:
    """The fields of one call's webhooks."""

    def __init__(self, facts: CallFacts):
        self._facts = facts
        self._sequence = 0

    def document(self, event: str, extra: Values) -> Values:
        """Asking for TwiML."""
        return self._base() | extra

    def status(self, event: str) -> Values:
        """A status callback: `event` is initiated, ringing, answered or completed."""
        status = {"answered": "in-progress", "completed": self._last_status()}.get(event, event)
        values = self._base() | {
            "CallStatus": status,
            "Timestamp": _rfc2822(self._facts.ended or self._facts.answered or self._facts.began),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._sequence),
        }
        self._sequence += 1
        if event == "completed":
            seconds = self._facts.duration_s
            values |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
        return values

    def stream(self, event: str, stream_id: str, name: str, url: str, extra: Values) -> Values:
        """A stream's callback; nothing for events that Twilio does not report."""
        if event not in STREAM_EVENTS:
            return {}
        return {
            "AccountSid": self._facts.account.id,
            "CallSid": self._facts.id,
            "StreamSid": stream_id,
            "StreamName": name or stream_id,
            "StreamEvent": STREAM_EVENTS[event],
            "StreamError": STREAM_ERROR if event == "FailedStream" else "",
        }

    def dialled(self, bridged: Bridged) -> Values:
        """The action of a Dial."""
        status = {"timeout": "no-answer", "cancel": "canceled"}.get(bridged.status, bridged.status)
        values = self._base() | {"DialCallStatus": status, "DialCallSid": bridged.id}
        return values | ({"DialCallDuration": str(bridged.duration_s)} if status == "completed" else {})

    def recorded(self, recorded: Recorded) -> Values:
        """The action and the callback of a recording."""
        return self._base() | {
            "RecordingSid": recorded.id,
            "RecordingUrl": recorded.url,
            "RecordingDuration": str(round(recorded.duration_ms / 1000)),
            "RecordingStatus": "completed",
            "Digits": recorded.digits or "hangup",
        }

    def _last_status(self) -> str:
        return self._facts.ending.twilio_status if self._facts.ending else "completed"

    def _base(self) -> Values:
        facts = self._facts
        ended = facts.ending.twilio_status if facts.ending else facts.status
        values = {
            "CallSid": facts.id,
            "AccountSid": facts.account.id,
            "From": facts.from_,
            "To": facts.to,
            "Caller": facts.from_,
            "Called": facts.to,
            "CallStatus": ended,
            "Direction": "inbound" if facts.direction == "inbound" else "outbound-api",
            "ApiVersion": API_VERSION,
        }
        if facts.forwarded_from:
            values["ForwardedFrom"] = facts.forwarded_from
        if facts.caller_name:
            values["CallerName"] = facts.caller_name
        return values | facts.headers


def _rfc2822(time: datetime) -> str:
    return format_datetime(time)
