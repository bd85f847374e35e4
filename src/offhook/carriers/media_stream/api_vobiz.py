"""The tree of calls below an account, in JSON: Vobiz's API, and Plivo's, from which it descends."""

from typing import Any
from urllib.parse import quote

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import DialOrder, Publish
from offhook.carriers.media_stream.rest import CarrierRest
from offhook.errors import CarrierError

__all__ = ["AccountTree", "vobiz_api"]

_LONGEST_RECORDING_S = 14_400
_OFFERED_KEYS = frozenset("0123456789*#wW")


def vobiz_api(account: Account, *, timeout_s: float = 10.0) -> "AccountTree":
    """Vobiz's API. The account is named in two headers."""
    headers = {"X-Auth-ID": account.id, "X-Auth-Token": account.token}
    return AccountTree(account, CarrierRest(account, headers, timeout_s=timeout_s))


class AccountTree:
    """Implements `CarrierApi` on `/Account/{id}/Call/`; the case of the letters and the last slash matter."""

    def __init__(self, account: Account, rest: CarrierRest):
        self.carrier = account.carrier
        self._rest = rest
        self._calls = f"/Account/{quote(account.id, safe='')}/Call/"

    async def dial(self, order: DialOrder) -> str:
        """Place a call."""
        reply = await self._rest.ask("POST", self._calls, json=_dial_body(order))
        call_id = reply.text("request_uuid", "call_uuid", "CallUUID", "RequestUUID")
        if not call_id:
            raise CarrierError("took the call and gave it no id", carrier=self.carrier, unknown=True)
        return call_id

    async def hang_up(self, call_id: str) -> None:
        """End a call."""
        await self._rest.ask("DELETE", self._call(call_id), again=True, fine=(404,))

    async def transfer(self, call_id: str, document: bytes, publish: Publish) -> None:
        """Let the call go on with a document that the carrier fetches."""
        body = {"legs": "aleg", "aleg_url": publish(document), "aleg_method": "POST"}
        await self._rest.ask("POST", self._call(call_id), json=body)

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Press keys; A to D are not among those that can be pressed."""
        if not _OFFERED_KEYS.issuperset(digits):
            raise CarrierError("can press 0-9, * and # only", carrier=self.carrier, offered=False)
        await self._rest.ask("POST", self._call(call_id, "DTMF/"), json={"digits": digits, "leg": "aleg"})

    async def play(self, call_id: str, url: str) -> None:
        """Play a file over the call."""
        await self._rest.ask("POST", self._call(call_id, "Play/"), json={"urls": [url], "legs": "aleg"})

    async def record(self, call_id: str) -> str:
        """Record the call. The limit is named, since the carrier's own is one minute."""
        body = {"time_limit": _LONGEST_RECORDING_S, "file_format": "mp3"}
        reply = await self._rest.ask("POST", self._call(call_id, "Record/"), json=body)
        return reply.text("recording_id", "url")

    async def is_live(self, call_id: str) -> bool:
        """Whether the call rings or is up."""
        reply = await self._rest.ask("GET", f"{self._call(call_id)}?status=live", again=True, fine=(404,))
        return reply.status != 404

    async def check(self) -> None:
        """List the live calls: it needs the right id, the right token and the right path."""
        await self._rest.ask("GET", f"{self._calls}?status=live", again=True)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    def _call(self, call_id: str, rest: str = "") -> str:
        return f"{self._calls}{quote(call_id, safe='')}/{rest}"


def _dial_body(order: DialOrder) -> dict[str, Any]:
    hooks = order.hooks
    body: dict[str, Any] = {
        "from": order.from_number,
        "to": order.to,
        "answer_url": hooks.answer,
        "answer_method": "POST",
        "ring_url": hooks.ring,
        "ring_method": "POST",
        "hangup_url": hooks.hangup,
        "hangup_method": "POST",
        "fallback_url": hooks.fallback,
        "fallback_method": "POST",
        "ring_timeout": order.ring_timeout_s,
        "time_limit": order.time_limit_s,
    }
    if order.detect_machine != "no":
        body |= {
            "machine_detection": "true",
            "machine_detection_url": hooks.machine,
            "machine_detection_method": "POST",
        }
    if order.caller_name:
        body["caller_name"] = order.caller_name[:50]
    if order.send_digits:
        body["send_digits"] = order.send_digits
    if order.sip_headers:
        body["sip_headers"] = ",".join(f"{name}={value}" for name, value in order.sip_headers.items())
    return body
