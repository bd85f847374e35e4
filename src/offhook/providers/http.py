"""One vendor's HTTP server: a pool of connections, its key, limits of time, and how its refusals are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import aiohttp
import orjson
import structlog

from offhook.errors import ProviderError, WireError

__all__ = ["FATAL_CODES", "ApiKey", "ApiServer", "Refusal", "json_object", "refusal_in"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FATAL_CODES = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "account_deactivated",
        "quota_exceeded",
        "credit_balance_exhausted",
    }
)
"""What vendors call troubles that do not pass by themselves."""
_KEEP_S = 60.0
_HEARTBEAT_S = 20.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A secret, the header that carries it behind `prefix`, and the name it has in the environment."""

    secret: str
    header: str = "Authorization"
    prefix: str = "Bearer "
    env: str = ""

    def __repr__(self) -> str:
        return f"ApiKey({self.env!r})"

    @property
    def headers(self) -> dict[str, str]:
        """The header, or none where there is no key."""
        return {self.header: self.prefix + self.secret} if self.secret else {}

    def hidden(self, text: str) -> str:
        """`text` without the key."""
        return text.replace(self.secret, "***") if self.secret else text

    @property
    def hint(self) -> str:
        """Which key a server that refused it was given."""
        if not self.env:
            return ""
        return f"; the key is {self.env}" if self.secret else f"; {self.env} is not set"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said when it would not do what it was asked."""

    status: int
    message: str
    code: str = ""
    param: str = ""
    request_id: str = ""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _RETRYABLE and self.code not in FATAL_CODES

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.message}{request}"


class ApiServer:
    """A server below `base_url`. Errors carry `name`, and never the key. WebSockets are pinged every `heartbeat_s`, and
    dead when nothing comes back in half of that; None for servers that take their time."""

    def __init__(
        self, name: str, base_url: str, key: ApiKey, *, timeout_s: float, heartbeat_s: float | None = _HEARTBEAT_S
    ):
        self.name = name
        self.timeout_s = timeout_s
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._heartbeat_s = heartbeat_s
        self._session: aiohttp.ClientSession | None = None

    def url(self, path: str) -> str:
        """The address of `path`, which begins with a slash."""
        return self._base_url + path

    @asynccontextmanager
    async def post(
        self, path: str, body: Mapping[str, Any], *, accept: str, params: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a JSON request, whatever its status; closed at the end, which stops a server at work.

        Raises ProviderError where there is no answer, or its body breaks off."""
        headers = {"Content-Type": "application/json", "Accept": accept}
        response = await self._connect("POST", path, data=orjson.dumps(body), headers=headers, params=params)
        async with self._closing(response):
            yield response

    async def get(self, path: str) -> Refusal | None:
        """Ask for `path`; None if it is there, and what the server says if not. Raises ProviderError."""
        response = await self._connect("GET", path)
        async with self._closing(response):
            if response.status < 400:
                # Read to its end, so that the connection can be used again.
                await self.in_time(response.read())
                return None
            return await self.refusal(response)

    async def ask(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that is at `path`; empty for anything else. Raises ProviderError, also for a refusal."""
        response = await self._connect("GET", path, params=params)
        async with self._closing(response):
            if response.status >= 400:
                raise self.refused(await self.refusal(response))
            return json_object(await self.in_time(response.read()))

    async def websocket(
        self, path: str, params: Mapping[str, str] | Sequence[tuple[str, str]]
    ) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to `path`. Raises ProviderError."""
        url = self.url(path).replace("http", "ws", 1)
        connecting = self._pool().ws_connect(
            url,
            params=params,
            headers=self._key.headers,
            max_msg_size=16 << 20,
            compress=0,
            heartbeat=self._heartbeat_s,
        )
        try:
            return await self.in_time(connecting)
        except aiohttp.WSServerHandshakeError as error:
            # Not chained: the headers in it carry the key.
            raise self.refused(_handshake_refusal(error)) from None
        except (aiohttp.ClientError, ValueError) as error:
            raise self.failure(f"no connection to {url} ({type(error).__name__})") from None

    async def in_time(self, wait: Awaitable[T]) -> T:
        """What `wait` gives. Raises ProviderError where it takes too long."""
        try:
            async with asyncio.timeout(self.timeout_s):
                return await wait
        except TimeoutError as error:
            raise self.failure(f"nothing came for {self.timeout_s:g} s") from error

    async def refusal(self, response: aiohttp.ClientResponse) -> Refusal:
        """What `response`, which is an error, says."""
        try:
            body = await self.in_time(response.read())
        except aiohttp.ClientError:
            body = b""
        said = refusal_in(json_object(body), response) or Refusal(response.status, body[:200].decode(errors="replace"))
        return said if said.message else replace(said, message=response.reason or "no reason given")

    def refused(self, refusal: Refusal) -> ProviderError:
        """An error for a refusal; one of the key says which key it was."""
        hint = self._key.hint if refusal.status == 401 else ""
        problem = f"HTTP {refusal.status}: {refusal}{hint}"
        return self.failure(problem, status=refusal.status, retryable=refusal.retryable)

    def told(self, error: Refusal) -> ProviderError:
        """An error that came behind a good status, in the middle of an answer."""
        return self.failure(str(error) or "failed", retryable=error.code not in FATAL_CODES)

    def failure(self, problem: str, *, status: int | None = None, retryable: bool = True) -> ProviderError:
        """An error of this server, with the key taken out of whatever a server put into its text."""
        return ProviderError(self._key.hidden(problem), provider=self.name, status=status, retryable=retryable)

    async def close(self) -> None:
        """Close the connections. The object may be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @asynccontextmanager
    async def _closing(self, response: aiohttp.ClientResponse) -> AsyncIterator[None]:
        try:
            yield
        except aiohttp.ClientError as error:
            raise self.failure(f"the connection broke off ({type(error).__name__})") from error
        except WireError as error:
            raise self.failure(str(error)) from error
        finally:
            # Closing, unlike releasing, also stops a server that is still generating.
            response.close()

    async def _connect(self, method: str, path: str, **request: Any) -> aiohttp.ClientResponse:
        # One more attempt where nothing was answered: a kept connection may have been closed by the server meanwhile.
        try:
            return await self._send(method, path, **request)
        except aiohttp.ClientConnectionError as first:
            _log.info("connection failed, trying once more", provider=self.name, error=type(first).__name__)
        except aiohttp.ClientError as error:
            raise self.failure(f"cannot ask {self.url(path)} ({error!r})", retryable=False) from error
        try:
            return await self._send(method, path, **request)
        except aiohttp.ClientError as error:
            raise self.failure(f"no connection to {self.url(path)} ({error})") from error

    async def _send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> aiohttp.ClientResponse:
        headers = {**(headers or {}), **self._key.headers}
        asking = self._pool().request(method, self.url(path), headers=headers, allow_redirects=False, **request)
        return await self.in_time(asking)

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No limit of its own on time: `in_time` watches each wait.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_S)
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), connector=connector)
        return self._session


def _handshake_refusal(error: aiohttp.WSServerHandshakeError) -> Refusal:
    """What the headers of a refused handshake say; aiohttp does not read its body."""
    headers: Mapping[str, str] = error.headers or {}
    request_id = headers.get("dg-request-id") or headers.get("x-request-id") or headers.get("request-id") or ""
    return Refusal(error.status, headers.get("dg-error") or error.message, request_id=request_id)


def json_object(data: bytes | str) -> dict[str, Any]:
    """The object that `data` is in JSON; empty for anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        _log.debug("a message that is not JSON was passed over", size=len(data))
        return {}
    return value if isinstance(value, dict) else {}


def refusal_in(body: Mapping[str, Any], response: aiohttp.ClientResponse) -> Refusal | None:
    """The error that a JSON body tells, in OpenAI's shape (`error`) or ElevenLabs' (`detail`)."""
    error = body.get("error") or body.get("detail")
    if isinstance(error, list):
        error = next(iter(error), None)
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        return None
    message = error.get("message") or error.get("msg") or ""
    code = error.get("code") or error.get("status") or ""
    request_id = response.headers.get("x-request-id") or response.headers.get("request-id") or ""
    return Refusal(response.status, str(message), str(code), str(error.get("param") or ""), request_id)
