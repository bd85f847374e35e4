"""How a call may end, in the carriers' words and numbers. Source: Vobiz "hangup causes", whose numbers are Plivo's."""

from dataclasses import dataclass, replace
from typing import Literal

__all__ = [
    "ANSWER_URL",
    "BUSY",
    "CALLEE_NORMAL",
    "CALLER_CANCEL",
    "CALLER_NORMAL",
    "CANCELLED_BY_API",
    "DECLINED",
    "END_OF_XML",
    "HUNG_UP_BY_API",
    "HUNG_UP_BY_XML",
    "INVALID_XML",
    "LIMIT",
    "LOST",
    "MACHINE",
    "NO_ANSWER",
    "REJECTED",
    "RING_TIMEOUT",
    "Ending",
    "Fetched",
]

Fetched = Literal["answer", "action", "transfer", "redirect"]
"""What a document was fetched for; each has an error number of its own."""

_CARRIER = ""
_ORDER: tuple[Fetched, ...] = ("answer", "action", "transfer", "redirect")


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a call ended. `source` is who ended it, empty for the carrier itself; `status` is its last CallStatus,
    `by_human` whether the person at the phone hung up."""

    code: int
    cause: str
    name: str
    source: str
    status: str = "completed"
    by_human: bool = False

    @property
    def twilio_status(self) -> str:
        """The same status as Twilio writes it."""
        return {"timeout": "no-answer", "cancel": "canceled"}.get(self.status, self.status)

    def at(self, fetched: Fetched) -> "Ending":
        """This error (of a URL or of XML), at the document of that kind."""
        return replace(self, code=self.code + _ORDER.index(fetched))


CALLER_NORMAL = Ending(4000, "NORMAL_CLEARING", "Normal Hangup", "Caller", by_human=True)
CALLEE_NORMAL = Ending(4000, "NORMAL_CLEARING", "Normal Hangup", "Callee", by_human=True)
CALLER_CANCEL = Ending(1000, "ORIGINATOR_CANCEL", "Cancelled", "Caller", "cancel", by_human=True)
HUNG_UP_BY_API = Ending(4000, "NORMAL_CLEARING", "Normal Hangup", "API Request")
CANCELLED_BY_API = Ending(1020, "ORIGINATOR_CANCEL", "Cancelled", "API Request", "cancel")
HUNG_UP_BY_XML = Ending(4000, "NORMAL_CLEARING", "Normal Hangup", "Answer XML")
END_OF_XML = Ending(4010, "NORMAL_CLEARING", "End Of XML Instructions", _CARRIER)
LIMIT = Ending(6000, "ALLOTTED_TIMEOUT", "Scheduled Hangup", _CARRIER)
LOST = Ending(5000, "NETWORK_OUT_OF_ORDER", "Network Error", "Error", "failed")
BUSY = Ending(3010, "USER_BUSY", "Busy Line", "Callee", "busy")
REJECTED = Ending(3020, "CALL_REJECTED", "Rejected", "Callee", "busy", by_human=True)
DECLINED = Ending(3020, "CALL_REJECTED", "Rejected", "Answer XML", "busy")
NO_ANSWER = Ending(3000, "NO_ANSWER", "No Answer", "Carrier", "no-answer")
RING_TIMEOUT = Ending(6010, "NO_ANSWER", "Ring Timeout Reached", _CARRIER, "timeout")
MACHINE = Ending(9100, "NORMAL_CLEARING", "Machine Detected", _CARRIER)
ANSWER_URL = Ending(7011, "SERVER_ERROR", "Error Reaching Answer URL", "Error", "failed")
INVALID_XML = Ending(8011, "SERVER_ERROR", "Invalid Answer XML", "Error", "failed")
