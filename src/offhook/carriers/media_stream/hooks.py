"""What is answered to the webhooks of one carrier, without any HTTP: parameters in, a document out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.calls.leg import CallControl, CallOrigin, Leg
from offhook.carriers.media_stream import documents
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.media_stream.arrivals import Arrivals
from offhook.carriers.media_stream.once import Once
from offhook.carriers.media_stream.parameters import Parameters
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.media_stream.webhooks import (
    CallHook,
    CallState,
    HangupHook,
    is_stream_event,
    read_call,
    read_dial,
    read_hangup,
    read_stream,
)
from offhook.config import CarrierName, CarrierSettings, TwilioSettings
from offhook.errors import CallError

__all__ = ["HOOKS", "CallWatch", "Hooks", "House", "Visit", "stream_format"]

HOOKS = ("answer", "fallback", "hangup", "status", "ring", "machine", "stream-status", "dial-status")
"""Names of the hooks, as they are in paths. Any other is taken as a status."""

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_FORMATS: Mapping[str, tuple[str, AudioFormat]] = {
    "mulaw": ("audio/x-mulaw;rate=8000", MULAW_8K),
    "l16": ("audio/x-l16;rate=8000", PCM_8K),
    "l16-16k": ("audio/x-l16;rate=16000", PCM_16K),
}
_NO_ANSWERS = ("ring", "machinedetection", "record", "dial", "conference")
_DOCUMENT_USES = 5
_MOST_REMEMBERED = 10_000


def stream_format(settings: TwilioSettings) -> tuple[str, AudioFormat]:
    """What a carrier is asked to send: its content type, and what that is."""
    return _FORMATS[settings.audio if isinstance(settings, CarrierSettings) else "mulaw"]


class CallWatch(Protocol):
    """Knows the calls that we dialled. All of it may come more than once for the same thing, and late."""

    def origin(self, dial_id: str) -> CallOrigin | None:
        """Why the call was placed; None for one that is not known."""
        ...

    def identify(self, dial_id: str, carrier_call_id: str) -> None:
        """The carrier's id of the call."""
        ...

    def progress(self, dial_id: str, state: CallState, detail: str) -> None:
        """The carrier says how far the call is."""
        ...


@dataclass(frozen=True)
class House:
    """Whom the hooks tell. All of it is called on the event loop, returns at once and does not raise.

    `answer` takes a leg whose conversation begins, `expect` hears of it when its webhook comes, some 100 ms before.
    `hung_up` hears of every end. `draining` says that no call is answered any more; a full house answers, and tells the
    caller itself. `rejects` says of a new call whether it is not even to be answered, by its carrier's id.
    """

    answer: Callable[[Leg], None]
    expect: Callable[[Ticket], None]
    hung_up: Callable[[CarrierName, HangupHook], None]
    watch: CallWatch
    control_for: Callable[[Ticket], CallControl | None]
    draining: Callable[[], bool]
    rejects: Callable[[CallOrigin, str], bool] = lambda origin, carrier_call_id: False


@dataclass(frozen=True, slots=True)
class Visit:
    """One webhook: what it says, by which public address it came, and of which dialled call it is ("" for none)."""

    parameters: Parameters
    base: str = ""
    dial_id: str = ""


class Hooks:
    """The webhooks of one carrier. Each may be repeated and is then answered in the same way."""

    def __init__(
        self, settings: TwilioSettings, carrier: CarrierName, house: House, addresses: Addresses, token_s: float
    ):
        self.arrivals = Arrivals(token_s)
        self.house = house
        self._carrier = carrier
        self._addresses = addresses
        self._published = Once[bytes](token_s)
        self._origins: dict[str, CallOrigin] = {}
        self._content_type, self._format = stream_format(settings)
        self._handlers: Mapping[str, Callable[[Visit], bytes]] = {
            "answer": self._answer,
            "fallback": self._answer,
            "hangup": self._hangup,
            "ring": self._ring,
            "stream-status": self._stream_status,
            "dial-status": self._dial_status,
        }

    def receive(self, name: str, visit: Visit) -> bytes:
        """Take the webhook `name`; returns the document that answers it."""
        return self._handlers.get(name, self._status)(visit)

    def publish(self, document: bytes) -> str:
        """Serve a document to the carrier, for as long as a ticket is valid; returns its address.

        It may be fetched several times, since carriers repeat what they had no answer to. Raises CallError where it is
        not known by which address the carrier may come.
        """
        if not self._addresses.public_url:
            raise CallError("carriers fetch documents by the public address: set server.public_url")
        token = self._published.put(document, uses=_DOCUMENT_USES)
        return self._addresses.hook(self._carrier, "document", token)

    def document(self, token: str) -> bytes:
        """The published document; one that hangs up if there is none any more."""
        document = self._published.take(token)
        if document is None:
            log.warning("a document was asked for that is not there any more", carrier=self._carrier)
        return document or documents.hang_up()

    def sorry(self) -> bytes:
        """For a fault of ours: better an excuse than an answer that the carrier cannot read."""
        return documents.speak(self._carrier, "We are sorry, we cannot take your call now. Please call again later.")

    # One function a hook

    def _answer(self, visit: Visit) -> bytes:
        call = read_call(visit.parameters)
        if call.is_over:
            return self._hangup(visit)
        if is_stream_event(call.event):
            return self._stream_status(visit)
        if call.event.startswith(_NO_ANSWERS):
            return self._status(visit)
        if call.event in ("transfer", "redirect"):
            # The carrier has left its former document, and the media stream with it.
            self.arrivals.forget(self._carrier, call.call_id)
        self._progress(visit, call, call.verdict or "answered")
        return self._join(visit, call, self._origin(visit, call))

    def _hangup(self, visit: Visit) -> bytes:
        hook = read_hangup(visit.parameters)
        if not hook.is_over:
            return self._status(visit)
        told = log.bind(carrier=self._carrier, carrier_call_id=hook.call.call_id, detail=hook.detail)
        if self.arrivals.is_waiting(self._carrier, hook.call.call_id):
            told.warning("a call ended, and its media socket had not come")
        else:
            told.info("hangup webhook")
        self.arrivals.forget(self._carrier, hook.call.call_id)
        self._origins.pop(hook.call.call_id, None)
        self.house.hung_up(self._carrier, hook)
        self._progress(visit, hook.call, hook.state, hook.detail)
        return documents.nothing()

    def _status(self, visit: Visit) -> bytes:
        call = read_call(visit.parameters)
        if call.is_over:
            return self._hangup(visit)
        self._progress(visit, call, call.verdict or call.state)
        return documents.nothing()

    def _ring(self, visit: Visit) -> bytes:
        call = read_call(visit.parameters)
        if call.is_over:
            return self._hangup(visit)
        self._progress(visit, call, "ringing")
        return documents.nothing()

    def _stream_status(self, visit: Visit) -> bytes:
        hook = read_stream(visit.parameters)
        level = "warning" if hook.event in ("degraded", "error") else "debug"
        if hook.event in ("dropped", "stopped") and self.arrivals.is_waiting(self._carrier, hook.call_id):
            level = "warning"
        getattr(log, level)(
            "media stream",
            carrier=self._carrier,
            carrier_call_id=hook.call_id,
            stream_id=hook.stream_id,
            stream_event=hook.event,
            mark=hook.name,
            detail=hook.error,
        )
        return documents.nothing()

    def _dial_status(self, visit: Visit) -> bytes:
        hook = read_dial(visit.parameters)
        call_id = hook.call.call_id
        log.info("transfer ended", carrier=self._carrier, carrier_call_id=call_id, state=hook.state, cause=hook.cause)
        if hook.call.event == "hangup":
            return self._hangup(visit)
        if hook.state not in ("busy", "no_answer", "failed"):
            return documents.hang_up()
        # Nobody came to the phone: the caller is still there, and goes back to an agent.
        self.arrivals.forget(self._carrier, call_id)
        origin = self._origin(visit, hook.call)
        return self._join(visit, hook.call, replace(origin, variables={**origin.variables, "transfer": hook.state}))

    def _progress(self, visit: Visit, call: CallHook, state: CallState | None, detail: str = "") -> None:
        if not visit.dial_id:
            return
        if call.call_id:
            self.house.watch.identify(visit.dial_id, call.call_id)
        if state == "machine":
            # Twilio tells a machine that has said its message from one that begins to.
            detail = visit.parameters.get("AnsweredBy").lower()
        if state is not None:
            self.house.watch.progress(visit.dial_id, state, detail)

    # Joining a call to its media socket

    def _origin(self, visit: Visit, call: CallHook) -> CallOrigin:
        """What is known of the call: by whom it was dialled, else as it came first, else what is told now."""
        told = self.house.watch.origin(visit.dial_id) if visit.dial_id else self._origins.get(call.call_id)
        if told is None:
            direction = "outbound" if visit.dial_id else call.direction
            return CallOrigin(direction, call.from_number, call.to_number)
        return replace(
            told, from_number=told.from_number or call.from_number, to_number=told.to_number or call.to_number
        )

    def _join(self, visit: Visit, call: CallHook, origin: CallOrigin) -> bytes:
        # For somebody who is asked to take a call over, a caller waits who is served to the end.
        if self.house.draining() and not origin.consults_for:
            log.warning("a call was not answered: the server is not ready or stops", carrier=self._carrier)
            return documents.reject(self._carrier) if call.state == "ringing" else documents.hang_up()
        if call.call_id not in self._origins and self.house.rejects(origin, call.call_id):
            log.warning("a call was not answered: its caller calls too often", carrier=self._carrier)
            return documents.reject(self._carrier) if call.state == "ringing" else documents.hang_up()
        ticket = Ticket(self._carrier, call.call_id, origin, self._format)
        token, is_new = self.arrivals.admit(ticket)
        if is_new:
            log.info("a call comes", carrier=self._carrier, carrier_call_id=call.call_id, direction=origin.direction)
            self.house.expect(ticket)
            self._remember(call.call_id, origin)
        return documents.stream(
            self._carrier,
            self._addresses.socket(self._carrier, token, base=visit.base),
            content_type=self._content_type,
            status_url=self._addresses.hook(self._carrier, "stream-status", base=visit.base),
        )

    def _remember(self, call_id: str, origin: CallOrigin) -> None:
        if call_id:
            self._origins[call_id] = origin
        if len(self._origins) > _MOST_REMEMBERED:
            del self._origins[next(iter(self._origins))]
