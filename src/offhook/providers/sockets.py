"""A WebSocket to a provider: sending never waits, and whatever ends it is told once, as a ProviderError.

Nothing reconnects here: whoever opened the connection knows what to do without it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import aiohttp
import structlog

from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiServer

__all__ = ["Query", "Socket", "SocketListener", "ended"]

_log = structlog.get_logger(__name__)
_OUR_FAULT = frozenset({1002, 1003, 1007, 1008, 1009, 1010})
_LEAVING_S = 1.0
_ENDS = frozenset({aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR})

Query = Sequence[tuple[str, str]]


class SocketListener(Protocol):
    """Who hears what comes from the provider. Called on the event loop; must not block."""

    def on_message(self, message: str | bytes) -> None:
        """A message came. A WireError ends the connection."""
        ...

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead. Comes once, never from within a method of `Socket`, and not after its `close`."""
        ...


class Socket:
    """One connection, made in the background. What is sent meanwhile is kept, up to `limit` bytes."""

    def __init__(self, server: ApiServer, path: str, query: Query, listener: SocketListener, *, limit: int) -> None:
        self._server = server
        self._listener = listener
        self._limit = limit
        self._unsent: deque[str | bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._open = False
        self._ended = False
        self._leaving = False
        self._last_words: Callable[[str | bytes], None] | None = None
        self._task = asyncio.create_task(self._run(path, query))

    def send(self, message: str | bytes) -> None:
        """Send as soon as all sent before is gone. Does nothing after the end; a backlog over the limit is the end."""
        if self._ended:
            return
        if self._size + len(message) > self._limit:
            self.fail(self._server.failure("does not take what it is sent"))
            return
        self._unsent.append(message)
        self._size += len(message)
        self._wake.set()

    def fail(self, error: ProviderError) -> None:
        """Give the connection up, and tell the listener why."""
        self._fail(error)
        self._task.cancel()

    async def close(self, farewell: str = "", last_words: Callable[[str | bytes], None] | None = None) -> None:
        """Say `farewell` and leave, within about a second. Never raises.

        If `last_words` wants what the provider says to that, the provider is left to end the connection."""
        if farewell:
            self.send(farewell)
            self._last_words = last_words
        self._ended = self._leaving = True
        self._wake.set()
        if not self._open:
            self._task.cancel()
        _, late = await asyncio.wait([self._task], timeout=_LEAVING_S)
        for task in late:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, path: str, query: Query) -> None:
        try:
            await self._listen(await self._server.websocket(path, query))
        except ProviderError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a stream that seems alive
            _log.exception("connection to a provider failed by a fault of ours", provider=self._server.name)
            self._fail(self._server.failure(f"{type(error).__name__} while listening", retryable=False))

    async def _listen(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._open = True
        writer = asyncio.create_task(self._write(ws))
        try:
            self._fail(await self._read(ws))
        finally:
            writer.cancel()
            await asyncio.wait([writer])
            await ws.close()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> ProviderError:
        """Hear all, and tell why there is no more."""
        while True:
            message = await ws.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return ended(self._server, message.data, message.extra or "")
            if message.type in _ENDS:
                error = ws.exception()
                return ended(self._server, ws.close_code, type(error).__name__ if error else "")
            if self._ended and not self._last_words:
                continue
            try:
                (self._last_words or self._listener.on_message)(message.data)
            except WireError as error:
                return self._server.failure(str(error))

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        # Whoever reads from a broken connection hears why it broke, and tells.
        with suppress(aiohttp.ClientError, ConnectionError):
            while True:
                await self._write_unsent(ws)
                if self._leaving:
                    if not self._last_words:
                        await ws.close()
                    return
                self._wake.clear()
                await self._wake.wait()

    async def _write_unsent(self, ws: aiohttp.ClientWebSocketResponse) -> None:
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


def ended(server: ApiServer, code: int | None, reason: str) -> ProviderError:
    """What a close frame with `code`, or the lack of one, means."""
    why = f" ({reason})" if reason else ""
    return server.failure(f"closed the connection, {code}{why}", status=code, retryable=code not in _OUR_FAULT)
