"""WebSockets to ElevenLabs that clauses of all calls share: up to five on a socket at a time, one after another."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import structlog

from offhook.audio.formats import AudioFormat
from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiServer
from offhook.providers.tts.elevenlabs_wire import KEEPALIVE, Contexts, Output, Trouble, socket_output

__all__ = ["SocketPool", "SpeechSocket"]

log = structlog.get_logger(__name__)

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_GONE = (ConnectionError, aiohttp.ClientError)
# Five minutes with the usual keepalive: longer than any silence of a call.
_MOST_KEEPALIVES = 5


class SpeechSocket:
    """One socket. It keeps itself alive between clauses, and closes itself when nobody has needed it for long."""

    def __init__(self, server: ApiServer, socket: aiohttp.ClientWebSocketResponse, *, keepalive_s: float):
        self.used = False
        self.lost = False
        self._server = server
        self._socket = socket
        self._keepalive_s = keepalive_s
        self._contexts = Contexts()
        self._inboxes: dict[str, asyncio.Queue[Output | ProviderError]] = {}
        self._doubtful = False
        self._trouble: ProviderError | None = None
        self._reader = asyncio.create_task(self._read())

    @property
    def room(self) -> bool:
        """Whether one more clause may be spoken on it now."""
        return not (self.lost or self._doubtful or self._socket.closed) and self._contexts.room

    async def speak(self, text: str, settings: Mapping[str, Any]) -> AsyncGenerator[Output]:
        """Yield the speech of one clause. Closing the iterator closes its context. Raises ProviderError."""
        context = self._contexts.begin()
        inbox = self._inboxes[context] = asyncio.Queue()
        closed = False
        try:
            for message in self._contexts.messages(context, text, settings):
                await self._send(message)
            closed = True
            while True:
                output = await self._next(inbox)
                yield output
                if output.final:
                    self.used = True
                    return
        finally:
            del self._inboxes[context]
            if not closed:
                with suppress(ProviderError):
                    await self._send(self._contexts.close_message(context))

    async def close(self) -> None:
        """Close it; what is being spoken on it fails."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()

    async def _next(self, inbox: asyncio.Queue[Output | ProviderError]) -> Output:
        try:
            output = await self._server.in_time(inbox.get())
        except ProviderError:
            # Whatever keeps it from answering, the next clause should not wait for it too.
            self._doubtful = True
            raise
        if isinstance(output, ProviderError):
            raise output
        return output

    async def _send(self, message: str) -> None:
        try:
            await self._server.in_time(self._socket.send_str(message))
        except _GONE as error:
            self.lost = True
            raise self._trouble or self._server.failure("the connection broke off") from error

    async def _read(self) -> None:
        try:
            while await self._receive():
                pass
        except (*_GONE, WireError) as error:
            self._trouble = self._trouble or self._server.failure(str(error))
            await self._socket.close()
        finally:
            self.lost = True
            code = self._socket.close_code
            self._fail_all(self._trouble or self._server.failure(f"the connection broke off (code {code})"))

    async def _receive(self) -> bool:
        """Take one message, or send a keepalive when none comes; false if the socket is at its end."""
        for _ in range(0 if self._doubtful else _MOST_KEEPALIVES):
            try:
                message = await self._socket.receive(self._keepalive_s)
            except TimeoutError:
                await self._socket.send_str(KEEPALIVE)
                continue
            if message.type in _DATA:
                self._take(socket_output(message.data))
            return message.type in _DATA
        await self._socket.close()
        return False

    def _take(self, output: Output | Trouble) -> None:
        if isinstance(output, Trouble):
            self._failed(output)
            return
        if inbox := self._inboxes.get(output.context):
            inbox.put_nowait(output)
        if output.final:
            self._contexts.ended(output.context)

    def _failed(self, trouble: Trouble) -> None:
        error = self._server.failure(trouble.message, retryable=trouble.retryable)
        if not trouble.context:
            # The socket will be closed; what it was about is told to all that are on it.
            self._trouble = error
            return
        self._contexts.ended(trouble.context)
        if inbox := self._inboxes.get(trouble.context):
            inbox.put_nowait(error)

    def _fail_all(self, error: ProviderError) -> None:
        for inbox in self._inboxes.values():
            inbox.put_nowait(error)


class SocketPool:
    """Sockets to one server, by the format they speak. `params` gives the query of a socket for a format."""

    def __init__(
        self, server: ApiServer, path: str, params: Callable[[AudioFormat], Mapping[str, str]], *, keepalive_s: float
    ):
        self._server = server
        self._path = path
        self._params = params
        self._keepalive_s = keepalive_s
        self._sockets: defaultdict[AudioFormat, list[SpeechSocket]] = defaultdict(list)
        self._locks: defaultdict[AudioFormat, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def roomy(self, audio_format: AudioFormat) -> SpeechSocket:
        """A socket with room for one more clause, which must be begun before anything else is awaited.

        Raises ProviderError."""
        async with self._locks[audio_format]:
            sockets = self._sockets[audio_format]
            sockets[:] = [socket for socket in sockets if not socket.lost]
            for socket in sockets:
                if socket.room:
                    return socket
            opened = await self._server.websocket(self._path, self._params(audio_format))
            sockets.append(SpeechSocket(self._server, opened, keepalive_s=self._keepalive_s))
            return sockets[-1]

    async def warm_up(self) -> None:
        """Have a socket ready for each format that was ever asked for. Never raises."""
        for audio_format in list(self._sockets):
            try:
                await self.roomy(audio_format)
            except ProviderError as error:
                log.info("no socket ahead of a call", provider=self._server.name, error=str(error))

    async def close(self) -> None:
        """Close them all."""
        sockets = [socket for group in self._sockets.values() for socket in group]
        self._sockets.clear()
        await asyncio.gather(*(socket.close() for socket in sockets))
