"""A server and the clouds of three carriers that call it: all that whole calls need, on this machine."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from offhook.simulator.carrier_calls import CarrierCircuit
from offhook.simulator.clouds.media_stream import CARRIERS, Account, Carrier, CarrierCloud, CloudCall, Variants
from offhook.simulator.clouds.media_stream.signing import Signing, signature_headers
from tests.acceptance.running import RunningServer

__all__ = [
    "ACCOUNTS",
    "OURS",
    "PUBLIC",
    "THEIRS",
    "VENDOR_KEY",
    "Line",
    "Town",
    "entries",
    "opened",
    "socket_token",
    "until",
]

PUBLIC = "https://phone.example.com"
API_KEY = "key-of-the-calls-api-for-tests"
VENDOR_KEY = "key-of-the-vendors-for-tests"
ACCOUNTS: Mapping[Carrier, Account] = {
    "vobiz": Account("MA_ACCEPTED", "vobiz-token-that-nobody-may-see"),
    "plivo": Account("MAACCEPTEDACCEPTED", "plivo-token-that-nobody-may-see"),
    "twilio": Account("AC" + "7" * 32, "twilio-token-that-nobody-may-see"),
}
OURS, THEIRS = "+14155550100", "+14155550142"
_ID_NAMES: Mapping[Carrier, str] = {
    "vobiz": "VOBIZ_AUTH_ID",
    "plivo": "PLIVO_AUTH_ID",
    "twilio": "TWILIO_ACCOUNT_SID",
}
_SOCKET_TOKEN = re.compile(rb"/ws/([A-Za-z0-9_-]+)")
_FAULT = re.compile(r"Z (?:error|critical) |Traceback|was never awaited|Task exception")
_PATIENCE_S = 60.0


async def until(condition: Callable[[], Any], what: str, *, every_s: float = 0.02) -> Any:
    """Wait until `condition` gives something true; returns it."""
    give_up = time.monotonic() + _PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, f"not within {_PATIENCE_S:g} s: {what}"
        await asyncio.sleep(every_s)
    return found


def socket_token(document: bytes) -> str:
    """The token of the media socket that a document leads to."""
    found = _SOCKET_TOKEN.search(document)
    assert found, document
    return found[1].decode()


def entries(record: Mapping[str, Any], event: str) -> list[dict[str, Any]]:
    """What a record has of one kind of event, in order."""
    return [entry for entry in record["turns"] if entry["event"] == event]


class Town:
    """`clouds` sign what they send, as `server` requires. `session` is for HTTP."""

    def __init__(self, clouds: Mapping[Carrier, CarrierCloud], reach: dict[str, str], session: aiohttp.ClientSession):
        self.clouds = clouds
        self.reach = reach
        self.session = session
        self.calls: list[CloudCall] = []

    async def start(self, folder: Path, settings: str, environ: Mapping[str, str]) -> None:
        """Start the server."""
        own = {"PUBLIC_URL": PUBLIC, "OFFHOOK_API_KEY": API_KEY, "FROM_NUMBER": OURS}
        own |= {f"{vendor}_API_KEY": VENDOR_KEY for vendor in ("DEEPGRAM", "OPENAI", "ELEVENLABS")}
        for carrier, cloud in self.clouds.items():
            account = ACCOUNTS[carrier]
            own |= {_ID_NAMES[carrier]: account.id, f"{carrier.upper()}_AUTH_TOKEN": account.token}
            own |= {f"OFFHOOK_{carrier.upper()}__SIGNATURES": "required"}
            own |= {f"OFFHOOK_{carrier.upper()}__API_URL": cloud.api_url}
        self.server = await asyncio.to_thread(RunningServer, folder, settings, {**own, **environ})
        self.reach[PUBLIC] = self.url

    @property
    def url(self) -> str:
        """Where the server really is."""
        return f"http://127.0.0.1:{self.server.http_port}"

    def hooks(self, carrier: Carrier) -> dict[str, str]:
        """What the carrier's console is told: the arguments of `phone_in` that name the server's addresses."""
        base = f"{PUBLIC}/{carrier}"
        ends = {"status_url": f"{base}/status"} if carrier == "twilio" else {"hangup_url": f"{base}/hangup"}
        return {"answer_url": f"{base}/answer", **ends}

    def phone(self, carrier: Carrier, *, cloud: CarrierCloud | None = None, **wishes: Any) -> CloudCall:
        """Somebody phones the server, by a cloud with ways of its own if one is given."""
        usual = {"from_": THEIRS, "to": OURS, **self.hooks(carrier)}
        call = (cloud or self.clouds[carrier]).phone_in(**{**usual, **wishes})
        self.calls.append(call)
        return call

    def other_cloud(self, carrier: Carrier, **ways: Any) -> CarrierCloud:
        """A further cloud of a carrier, with the same account, that behaves in its own way."""
        return CarrierCloud(carrier, account=ACCOUNTS[carrier], reach=self.reach, **ways)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """A request to the server's API: status and answer."""
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with self.session.request(method, f"{self.url}{path}", json=body, headers=headers) as answer:
            return answer.status, orjson.loads(await answer.read())

    async def tell(
        self, carrier: Carrier, hook: str, params: Mapping[str, str], *, signing: Signing = "right"
    ) -> tuple[int, bytes]:
        """A webhook as the carrier would send it: status and answer."""
        return await self.post(carrier, hook, params, self.signature(carrier, "POST", hook, params, signing=signing))

    async def post(
        self, carrier: Carrier, hook: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """A webhook with headers of the test's own."""
        path = f"{self.url}/{carrier}/{hook}"
        async with self.session.post(path, data=dict(params), headers=dict(headers)) as answer:
            return answer.status, await answer.read()

    def signature(
        self, carrier: Carrier, method: str, path: str, params: Mapping[str, str], *, signing: Signing = "right"
    ) -> dict[str, str]:
        """The headers that sign a request to a path below the carrier's; those of a socket have the method GET."""
        public = PUBLIC.replace("http", "ws", 1) if method == "GET" else PUBLIC
        account, dialect = ACCOUNTS[carrier], self.clouds[carrier].dialect
        return signature_headers(dialect, account, method, f"{public}/{carrier}/{path}", params, signing=signing)

    async def health(self) -> Any:
        """What /health says."""
        return (await self.ask("GET", "/health"))[1]

    @property
    def open_files(self) -> int:
        """How many descriptors the server has open, sockets included."""
        return len(list(Path(f"/proc/{self.server.process.pid}/fd").iterdir()))

    async def idle(self) -> None:
        """Wait until the server has no call."""
        give_up = time.monotonic() + _PATIENCE_S
        while (health := await self.health())["calls"]:
            assert time.monotonic() < give_up, health
            await asyncio.sleep(0.05)

    def record(self, call: CloudCall) -> dict[str, Any] | None:
        """What is on record of a call so far."""
        found = [each for each in self.server.records() if each["carrier_call_id"] == call.id]
        assert len(found) <= 1
        return found[0] if found else None

    async def record_of(self, call: CloudCall) -> dict[str, Any]:
        """The record of a call, when it has ended."""

        def ended() -> dict[str, Any] | None:
            record = self.record(call)
            return record if record and record["end_reason"] else None

        record: dict[str, Any] = await until(ended, f"the record of {call.id}", every_s=0.1)
        return record

    async def heard(self, call: CloudCall, utterances: int = 1) -> None:
        """Wait until the agent has said so much, to its end or to an interruption."""

        def said() -> bool:
            record = self.record(call)
            return record is not None and len(entries(record, "AgentSaid")) >= utterances

        await until(said, f"{utterances} utterances of the agent", every_s=0.1)

    async def stop(self) -> None:
        """Stop the server, which must have nothing to hide and nothing to be ashamed of."""
        if self.server.process.poll() is None:
            await self.idle()
        assert await asyncio.to_thread(self.server.stop) == 0
        assert not [line for line in self.server.lines if _FAULT.search(line)], self.server.output
        assert not [secret for secret in self._secrets() if secret in self.server.output]

    def _secrets(self) -> Iterator[str]:
        yield from (API_KEY, VENDOR_KEY)
        yield from (account.token for account in ACCOUNTS.values())
        for call in (*self.calls, *(call for cloud in self.clouds.values() for call in cloud.calls.values())):
            for document in call.log.documents:
                yield from (token.decode() for token in _SOCKET_TOKEN.findall(document))


@dataclass(frozen=True)
class Line:
    """Synthetic callers' way to one number of the town, by one carrier. `calls` are those that were made."""

    town: Town
    carrier: Carrier
    number: str = OURS
    calls: list[CloudCall] = field(default_factory=list)

    async def dial(self, rate: int) -> CarrierCircuit:
        """Ring until the server answers."""
        call = self.town.phone(self.carrier, to=self.number, own_mouth=False)
        self.calls.append(call)
        await asyncio.wait_for(call.up.wait(), _PATIENCE_S)
        return CarrierCircuit(call, rate)


@asynccontextmanager
async def opened(
    folder: Path,
    settings: str,
    environ: Mapping[str, str] | None = None,
    *,
    variants: Variants | None = None,
) -> AsyncIterator[Town]:
    """A town for as long as it is needed. `variants` are the ways of all three clouds."""
    reach: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        clouds = {
            carrier: await stack.enter_async_context(
                CarrierCloud(carrier, account=ACCOUNTS[carrier], reach=reach, variants=variants)
            )
            for carrier in CARRIERS
        }
        session = await stack.enter_async_context(aiohttp.ClientSession())
        town = Town(clouds, reach, session)
        await town.start(folder, settings, environ or {})
        stack.callback(town.server.close)
        yield town
        await town.stop()
