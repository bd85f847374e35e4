"""WebSockets to providers: sending never waits, and whatever ends a connection is told once, as a ProviderError.

Nothing reconnects here: whoever opened the connection knows what to do without it.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

import aiohttp
import structlog

from offhook.errors import ProviderError, WireError

__all__ = ["Socket", "SocketListener", "Sockets"]

_log = structlog.get_logger(__name__)
_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OUR_FAULT = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
_LONGEST_MESSAGE = 16 << 20
_LEAVING_S = 1.0
_ENDS = frozenset(
    {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
)


class SocketListener(Protocol):
    """Who hears what comes from the provider. Called on the event loop; must not block."""

    def on_message(self, message: str | bytes) -> None:
        """A message came. A WireError ends the connection."""
        ...

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead. Comes once, never from within `Socket.send`, and not after `Socket.close`."""
        ...


class Sockets:
    """What all connections to one provider share. The object may be used again after `close`."""

    def __init__(
        self,
        name: str,
        headers: Mapping[str, str],
        *,
        secret: str = "",
        handshake_s: float = 5.0,
        heartbeat_s: float = 10.0,
    ) -> None:
        self.name = name
        self._headers = dict(headers)
        self._secret = secret
        self.handshake_s = handshake_s
        self._heartbeat_s = heartbeat_s
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"Sockets({self.name!r})"

    def open(self, url: str, listener: SocketListener, *, limit: int) -> "Socket":
        """Begin to connect. What is sent meanwhile is kept, up to `limit` bytes; more is a failure."""
        return Socket(self, url, listener, limit)

    async def connect(self, url: str) -> aiohttp.ClientWebSocketResponse[bool]:
        """A connection that is open. Raises ProviderError."""
        try:
            async with asyncio.timeout(self.handshake_s):
                return await self._handshake(url)
        except aiohttp.WSServerHandshakeError as error:
            raise self._refused(error) from None
        except aiohttp.InvalidURL:
            raise self.failure(f"{_without_query(url)} is no address") from None
        except aiohttp.ClientError as error:
            raise self.failure(f"no connection to {_without_query(url)} ({error})", retryable=True) from error
        except TimeoutError:
            raise self.failure(f"no handshake within {self.handshake_s:g} s", retryable=True) from None

    def failure(self, problem: str, *, status: int | None = None, retryable: bool = False) -> ProviderError:
        """An error of this provider, with the key taken out of whatever a server put into its text."""
        clean = problem.replace(self._secret, "***") if self._secret else problem
        return ProviderError(clean, provider=self.name, status=status, retryable=retryable)

    def ended(self, code: int | None, reason: str) -> ProviderError:
        """What a close frame, or the lack of one, means."""
        why = f" ({reason})" if reason else ""
        return self.failure(f"closed the connection, {code}{why}", status=code, retryable=code not in _OUR_FAULT)

    async def close(self) -> None:
        """Close what connections share."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _handshake(self, url: str) -> aiohttp.ClientWebSocketResponse[bool]:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return await self._session.ws_connect(
            url,
            headers=self._headers,
            heartbeat=self._heartbeat_s,
            max_msg_size=_LONGEST_MESSAGE,
            timeout=aiohttp.ClientWSTimeout(ws_close=_LEAVING_S),
        )

    def _refused(self, error: aiohttp.WSServerHandshakeError) -> ProviderError:
        headers: Mapping[str, str] = error.headers or {}
        why = headers.get("dg-error") or error.message
        request = headers.get("dg-request-id") or headers.get("x-request-id")
        told = f" (request {request})" if request else ""
        return self.failure(
            f"HTTP {error.status}: {why}{told}", status=error.status, retryable=error.status in _RETRYABLE
        )


class Socket:
    """One connection, made in the background."""

    def __init__(self, sockets: Sockets, url: str, listener: SocketListener, limit: int) -> None:
        self._sockets = sockets
        self._url = url
        self._listener = listener
        self._limit = limit
        self._unsent: deque[str | bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._open = False
        self._ended = False
        self._leaving = False
        self._task = asyncio.create_task(self._run())

    def send(self, message: str | bytes) -> None:
        """Send as soon as all sent before is gone. Does nothing after the end."""
        if self._ended:
            return
        if self._size + len(message) > self._limit:
            self.fail(self._sockets.failure("does not take what it is sent", retryable=True))
            return
        self._unsent.append(message)
        self._size += len(message)
        self._wake.set()

    def fail(self, error: ProviderError) -> None:
        """Give the connection up, and tell the listener why."""
        self._fail(error)
        self._task.cancel()

    async def close(self, farewell: str = "") -> None:
        """Say `farewell` and leave, within about a second. Never raises."""
        if farewell:
            self.send(farewell)
        self._ended = self._leaving = True
        self._wake.set()
        if not self._open:
            self._task.cancel()
        _, late = await asyncio.wait([self._task], timeout=_LEAVING_S)
        for task in late:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        try:
            self._fail(await self._connected())
        except ProviderError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a stream that seems alive
            _log.exception("connection to a provider failed by a fault of ours", provider=self._sockets.name)
            self._fail(self._sockets.failure(f"{type(error).__name__} while listening"))

    async def _connected(self) -> ProviderError:
        """Why the connection ended."""
        ws = await self._sockets.connect(self._url)
        self._open = True
        writer = asyncio.create_task(self._write(ws))
        try:
            return await self._read(ws)
        finally:
            writer.cancel()
            await asyncio.wait([writer])
            await ws.close()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> ProviderError:
        while True:
            message = await ws.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return self._sockets.ended(message.data, message.extra or "")
            if message.type in _ENDS:
                error = ws.exception()
                return self._sockets.ended(ws.close_code, type(error).__name__ if error else "")
            if self._ended:
                continue
            try:
                self._listener.on_message(message.data)
            except WireError as error:
                return self._sockets.failure(str(error), retryable=True)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
        # Who reads from a broken connection hears why it broke, and tells.
        with suppress(aiohttp.ClientError, ConnectionError):
            while True:
                await self._write_unsent(ws)
                if self._leaving:
                    await ws.close()
                    return
                self._wake.clear()
                await self._wake.wait()

    async def _write_unsent(self, ws: aiohttp.ClientWebSocketResponse[bool]) -> None:
        while self._unsent:
            message = self._unsent.popleft()
            if isinstance(message, str):
                await ws.send_str(message)
            else:
                await ws.send_bytes(message)
            self._size -= len(message)

    def _fail(self, error: ProviderError) -> None:
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().call_soon(self._tell, error)

    def _tell(self, error: ProviderError) -> None:
        if not self._leaving:
            self._listener.on_failed(error)


def _without_query(url: str) -> str:
    return url.partition("?")[0]
