"""The connection to one Asterisk's REST interface: requests, and the events of our application."""

import asyncio
import random
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from yarl import URL

from offhook.carriers.asterisk.ari_wire import MAX_EVENT_BYTES, AriEvent, Replaced, event_of, read_body
from offhook.config import Settings
from offhook.errors import CarrierError, ConfigError, WireError

__all__ = ["Ari", "AriAccount", "AriTiming", "OnAriEvent", "ari_account", "path"]

OnAriEvent = Callable[[AriEvent], None]

_MOST_BYTES = 4_194_304
_HINTS = {
    None: "Is Asterisk running, with `enabled = yes` in http.conf and in ari.conf? asterisk.ari.url says where.",
    401: "ARI_USER and ARI_PASS must be a section of ari.conf and its password.",
    403: "The user must not be `read_only` in ari.conf.",
}

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AriAccount:
    """A user of one REST interface, and the name of our application there."""

    url: str
    user: str
    secret: str = field(repr=False)
    app: str = "offhook"

    @property
    def headers(self) -> Mapping[str, str]:
        """What says who we are; never part of an address, which ends up in logs."""
        return {"Authorization": f"Basic {b64encode(f'{self.user}:{self.secret}'.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class AriTiming:
    """Limits of time in seconds: for a request, between two pings, and between two connections: the first pause, the
    longest, and the one after a refusal or after another program took our application."""

    request_s: float = 5.0
    ping_s: float = 20.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 10.0
    refused_pause_s: float = 60.0


def ari_account(settings: Settings) -> AriAccount | None:
    """The user of the settings, if there is one. Raises ConfigError for one that cannot be let in."""
    keys, ari = settings.keys, settings.asterisk.ari
    if not keys.ari_user:
        return None
    if keys.ari_pass is None:
        raise ConfigError("ARI_PASS is not set", setting="keys.ari_pass", hint="Put ARI_PASS=... into .env.")
    if ":" in keys.ari_user:
        raise ConfigError("a user of ari.conf has no colon in its name", setting="keys.ari_user (ARI_USER)")
    if not ari.url:
        raise ConfigError(
            "it is not known where Asterisk's HTTP is", setting="asterisk.ari.url", hint=_HINTS[None] or ""
        )
    return AriAccount(ari.url.rstrip("/"), keys.ari_user, keys.ari_pass.get_secret_value(), ari.app)


def path(*parts: str) -> str:
    """A path of these parts, of which none can be more than one."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class Ari:
    """Keeps the events coming while `run` runs. What breaks it ends requests, never calls.

    `connected` is set while events come. `on_connected` is awaited each time, before that. `jitter` gives numbers from
    0 to 1.
    """

    def __init__(
        self,
        account: AriAccount,
        timing: AriTiming | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ):
        self.app = account.app
        self._account = account
        self._timing = timing or AriTiming()
        self._sleep = sleep
        self._jitter = jitter
        self._session: aiohttp.ClientSession | None = None
        self._problem = ""
        self._closed = False
        self._listeners: dict[int, OnAriEvent] = {}
        self._numbers = count()
        self.on_connected: Callable[[], Awaitable[None]] | None = None
        self.connected = asyncio.Event()

    async def ask(
        self,
        method: str,
        where: str,
        *,
        body: Mapping[str, Any] | None = None,
        fine: tuple[int, ...] = (),
        **params: str,
    ) -> Any:
        """Have something done, once; returns what Asterisk says, or None. Raises CarrierError, except for a status in
        `fine`; it is `unknown` where it may have been done nevertheless. Empty `params` are left out."""
        url = URL(f"{self._account.url}/ari{where}", encoded=True).with_query(
            {name: value for name, value in params.items() if value}
        )
        data = orjson.dumps(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            request = self._open().request(method, url, data=data, headers=headers, allow_redirects=False)
            async with request as response:
                said = _read(await _some(response))
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _trouble(f"no REST interface at {self._account.url}", hint=_HINTS[None]) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _trouble(f"no answer to {method} {where}", unknown=True) from error
        if 200 <= status < 300 or status in fine:
            return said
        words = said.get("message", "") if isinstance(said, dict) else ""
        raise _trouble(f"{method} {where}: {words or status}", status=status, hint=_HINTS.get(status, ""))

    def subscribe(self, tell: OnAriEvent) -> Callable[[], None]:
        """Have `tell` called with every event; what is returned ends that."""
        number = next(self._numbers)
        self._listeners[number] = tell
        return lambda: self._listeners.pop(number, None) and None

    async def run(self) -> None:
        """Take events, and connect again whenever that ends, until cancelled."""
        failures = 0
        while True:
            try:
                await self._listen()
                failures, pause = 0, self._timing.first_pause_s
            except (CarrierError, WireError) as error:
                failures = 1 if self.connected.is_set() else failures + 1
                pause = self._after(error, failures)
                self._note(error)
            finally:
                self.connected.clear()
            await self._sleep(pause * (1 - self._jitter() / 2))

    async def close(self) -> None:
        """Close the connections of requests; there are no more of them."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _listen(self) -> None:
        url = URL(f"{self._account.url}/ari/events", encoded=True).with_query(app=self.app, subscribeAll="false")
        try:
            async with self._open().ws_connect(
                url, heartbeat=self._timing.ping_s, max_msg_size=MAX_EVENT_BYTES, autoping=True
            ) as socket:
                await self._take(socket)
        except aiohttp.WSServerHandshakeError as error:
            raise _trouble(
                f"the events are refused ({error.status})", status=error.status, hint=_HINTS.get(error.status, "")
            ) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _trouble(f"no REST interface at {self._account.url}", hint=_HINTS[None]) from error

    async def _take(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Pass on what comes until the end. Raises WireError for what cannot be Asterisk's."""
        ready = asyncio.ensure_future(self._be_ready())
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.ERROR:
                    raise WireError(f"the events broke off: {message.data}")
                if message.type is not aiohttp.WSMsgType.TEXT:
                    raise WireError(f"an event that is no text: {message.type.name}")
                self._on_text(message.data)
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
        log.warning("Asterisk's REST interface is gone; calls go on", code=socket.close_code)

    async def _be_ready(self) -> None:
        try:
            if self.on_connected is not None:
                await self.on_connected()
        except (CarrierError, WireError) as error:
            log.warning("what became of calls meanwhile is not known", problem=str(error))
        self._problem = ""
        self.connected.set()
        log.info("Asterisk's REST interface is there", url=self._account.url, app=self.app)

    def _on_text(self, text: str) -> None:
        body = read_body(text)
        try:
            event = event_of(body)
        except WireError as error:
            log.warning("an event of Asterisk cannot be understood", kind=body["type"][:40], problem=str(error))
            return
        if isinstance(event, Replaced):
            hint = "Give each Offhook an application of its own: asterisk.ari.app."
            raise _trouble(f'another program has taken the application "{self.app}"', status=409, hint=hint)
        if event is None:
            return
        for tell in tuple(self._listeners.values()):
            try:
                tell(event)
            except Exception:  # a fault over one event must not end the events of all calls
                log.exception("a fault over an event of Asterisk", ari_event=type(event).__name__)

    def _after(self, error: CarrierError | WireError, failures: int) -> float:
        timing = self._timing
        if isinstance(error, CarrierError) and error.status is not None:
            return timing.refused_pause_s
        longest: float = timing.first_pause_s * 2 ** min(failures - 1, 16)
        return min(timing.longest_pause_s, longest)

    def _note(self, error: CarrierError | WireError) -> None:
        problem = str(error)
        if problem != self._problem:
            log.warning("Asterisk's REST interface cannot be used; calls go on", problem=problem)
        self._problem = problem

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise _trouble("the connection to Asterisk's REST interface is closed")
        if self._session is None:
            # A kept connection that Asterisk has closed would make the outcome of a request unknown.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                headers={"User-Agent": "offhook", **self._account.headers},
                timeout=aiohttp.ClientTimeout(total=self._timing.request_s),
            )
        return self._session


async def _some(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        data += piece
        if len(data) > _MOST_BYTES:
            raise aiohttp.ClientPayloadError("an answer of no sensible size")
    return bytes(data)


def _read(data: bytes) -> Any:
    try:
        return orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        return None


def _trouble(problem: str, *, hint: str = "", status: int | None = None, unknown: bool = False) -> CarrierError:
    return CarrierError(problem, carrier="asterisk", hint=hint, status=status, unknown=unknown)
