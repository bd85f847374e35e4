"""Twilio's API: forms below an account, and calls that are changed by giving them another document."""

from urllib.parse import quote

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import DialOrder, Publish
from offhook.carriers.media_stream.rest import CarrierRest, Reply, basic
from offhook.errors import CarrierError

__all__ = ["TwilioApi", "twilio_api"]

_LIVE = frozenset({"queued", "initiated", "ringing", "in-progress"})
_MOST_DOCUMENT = 4_000
_GONE = frozenset({"20404", "21220"})


def twilio_api(account: Account, *, timeout_s: float = 10.0) -> "TwilioApi":
    """Twilio's API."""
    headers = {"Authorization": basic(account)}
    return TwilioApi(account, CarrierRest(account, headers, timeout_s=timeout_s))


class TwilioApi:
    """Implements `CarrierApi` on `/Accounts/{sid}/Calls.json`.

    A call has one document at a time: to press keys or to play a file Twilio would have to end the media stream and
    with it the agent, so that neither is offered.
    """

    def __init__(self, account: Account, rest: CarrierRest):
        self.carrier = account.carrier
        self._rest = rest
        self._account = f"/Accounts/{quote(account.id, safe='')}"

    async def dial(self, order: DialOrder) -> str:
        """Place a call."""
        if order.sip_headers:
            raise self._not_offered("sends no SIP headers with a call")
        reply = await self._rest.ask("POST", f"{self._account}/Calls.json", form=_dial_form(order))
        call_id = reply.text("sid")
        if not call_id:
            raise CarrierError("took the call and gave it no sid", carrier=self.carrier, unknown=True)
        return call_id

    async def hang_up(self, call_id: str) -> None:
        """End a call; `completed` ends one that rings, too."""
        form = {"Status": "completed"}
        reply = await self._rest.ask("POST", self._call(call_id), form=form, again=True, fine=(400, 404))
        if reply.status == 400 and reply.text("code") not in _GONE:
            raise CarrierError(f"refused (400): {reply.text('message')}", carrier=self.carrier, status=400)

    async def transfer(self, call_id: str, document: bytes, publish: Publish) -> None:
        """Let the call go on with a document, sent along where it is short enough."""
        if len(document) <= _MOST_DOCUMENT:
            form = {"Twiml": document.decode()}
        else:
            form = {"Url": publish(document), "Method": "POST"}
        await self._rest.ask("POST", self._call(call_id), form=form)

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Not offered."""
        raise self._not_offered("cannot press keys while a media stream is open")

    async def play(self, call_id: str, url: str) -> None:
        """Not offered."""
        raise self._not_offered("cannot play a file while a media stream is open")

    async def record(self, call_id: str) -> str:
        """Record the call to its end."""
        path = f"{self._account}/Calls/{quote(call_id, safe='')}/Recordings.json"
        reply = await self._rest.ask("POST", path, form={"RecordingChannels": "dual"})
        return reply.text("sid")

    async def is_live(self, call_id: str) -> bool:
        """Whether the call rings or is up."""
        reply: Reply = await self._rest.ask("GET", self._call(call_id), again=True, fine=(404,))
        return reply.status != 404 and reply.text("status") in _LIVE

    async def check(self) -> None:
        """Look at the account itself."""
        await self._rest.ask("GET", f"{self._account}.json", again=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    def _call(self, call_id: str) -> str:
        return f"{self._account}/Calls/{quote(call_id, safe='')}.json"

    def _not_offered(self, problem: str) -> CarrierError:
        return CarrierError(problem, carrier=self.carrier, offered=False)


def _dial_form(order: DialOrder) -> list[tuple[str, str]]:
    hooks = order.hooks
    form = [
        ("To", order.to),
        ("From", order.from_number),
        ("Url", hooks.answer),
        ("Method", "POST"),
        ("FallbackUrl", hooks.fallback),
        ("FallbackMethod", "POST"),
        ("StatusCallback", hooks.status),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")),
        ("Timeout", str(order.ring_timeout_s)),
        ("TimeLimit", str(order.time_limit_s)),
    ]
    if order.detect_machine != "no":
        kind = "Enable" if order.detect_machine == "verdict" else "DetectMessageEnd"
        form += [
            ("MachineDetection", kind),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", hooks.machine),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    if order.send_digits:
        form.append(("SendDigits", order.send_digits))
    return form
