"""A house on paper for the tests of hooks: it notes what it is told."""

from dataclasses import dataclass, field
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

from offhook.calls.leg import CallControl, CallOrigin, Leg
from offhook.carriers.media_stream.hooks import House, Visit
from offhook.carriers.media_stream.parameters import read_parameters
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.media_stream.webhooks import CallState, HangupHook
from offhook.config import CarrierName

CALL_ID = "9a0e0208-d01a-4572-9a04-fe583a05ac53"
DIAL_ID = "0b0f6f0c-2f1e-4f7e-8b44-5a1d9e1c7a11"
VOBIZ = {"CallUUID": CALL_ID, "From": "918071387423", "To": "919624705678", "Direction": "inbound"}
ANSWER = VOBIZ | {"CallStatus": "ringing", "Event": "StartApp"}
HANGUP = VOBIZ | {"CallStatus": "completed", "Event": "Hangup", "Duration": "13", "HangupCause": "NORMAL_CLEARING"}
TWILIO = {"CallSid": "CA1", "AccountSid": "AC1", "From": "+14158675309", "To": "+18005551212", "CallStatus": "ringing"}


@dataclass
class PaperHouse:
    """Implements what hooks need, and remembers it."""

    origins: dict[str, CallOrigin] = field(default_factory=dict)
    is_draining: bool = False
    is_broken: bool = False
    rejected: set[str] = field(default_factory=set)
    answered: list[Leg] = field(default_factory=list)
    expected: list[Ticket] = field(default_factory=list)
    ended: list[tuple[CarrierName, str, str]] = field(default_factory=list)
    news: list[tuple[str, CallState, str]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def house(self) -> House:
        return House(
            answer=self.answered.append,
            expect=self.expect,
            hung_up=self.hung_up,
            watch=self,
            control_for=self.control_for,
            draining=lambda: self.is_draining,
            rejects=lambda origin, carrier_call_id: origin.from_number in self.rejected,
        )

    def expect(self, ticket: Ticket) -> None:
        if self.is_broken:
            raise RuntimeError("a fault of ours")
        self.expected.append(ticket)

    def hung_up(self, carrier: CarrierName, hook: HangupHook) -> None:
        if self.is_broken:
            raise RuntimeError("a fault of ours")
        self.ended.append((carrier, hook.call.call_id, hook.detail))

    def control_for(self, ticket: Ticket) -> CallControl | None:
        return None

    def origin(self, dial_id: str) -> CallOrigin | None:
        return self.origins.get(dial_id)

    def identify(self, dial_id: str, carrier_call_id: str) -> None:
        self.ids[dial_id] = carrier_call_id

    def progress(self, dial_id: str, state: CallState, detail: str) -> None:
        self.news.append((dial_id, state, detail))


def visit(dial_id: str = "", **parameters: str) -> Visit:
    return Visit(read_parameters(urlencode(parameters)), "https://agent.example.com", dial_id)


def tags(document: bytes) -> list[str]:
    """The tags of a document in order; of Response alone for one that says nothing."""
    return [element.tag for element in fromstring(document).iter()]  # noqa: S314 - written by us


def socket_url(document: bytes) -> str:
    """The address of the media socket that a document names."""
    stream = next(fromstring(document).iter("Stream"))  # noqa: S314 - written by us
    return stream.get("url") or (stream.text or "").strip()
