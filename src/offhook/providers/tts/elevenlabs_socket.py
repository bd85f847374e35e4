"""WebSockets to ElevenLabs that clauses of all calls share: up to five on a socket at a time, one after another."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from offhook.audio.formats import AudioFormat
from offhook.errors import ProviderError
from offhook.providers.http import ApiServer
from offhook.providers.sockets import Query, Socket
from offhook.providers.tts.elevenlabs_wire import CLOSE_SOCKET, KEEPALIVE, Contexts, Output, Trouble, socket_output

__all__ = ["SocketPool", "SpeechSocket"]

_POLICY_VIOLATION = 1008
_LIMIT = 1 << 20
# Five minutes with the usual keepalive: longer than any silence of a call.
_MOST_KEEPALIVES = 5
_SILENT_S = 1.0


class SpeechSocket:
    """One socket. It keeps itself alive between clauses, and closes itself when nobody has needed it for long."""

    def __init__(self, server: ApiServer, path: str, query: Query, *, keepalive_s: float):
        self.used = False
        self.lost = False
        self._server = server
        self._socket = Socket(server, path, query, self, limit=_LIMIT)
        self._contexts = Contexts()
        self._inboxes: dict[str, asyncio.Queue[Output | ProviderError]] = {}
        self._trouble: ProviderError | None = None
        self._doubtful = False
        self._heard_s = 0.0
        self._keepalives = 0
        self._keepalive_s = keepalive_s
        self._timer = self._in_a_while()
        self._leaving: asyncio.Task[None] | None = None

    @property
    def room(self) -> bool:
        """Whether one more clause may be spoken on it now."""
        return self._contexts.room and not (self.lost or self._doubtful)

    async def speak(self, text: str, settings: Mapping[str, Any]) -> AsyncGenerator[Output]:
        """Yield the speech of one clause. Raises ProviderError.

        The context is closed as soon as it has its text, which it speaks all the same; what comes after the iterator
        was closed is dropped. A socket that was silent for a second when it was closed gets no more clauses."""
        self._keepalives = 0
        self._heard()
        context = self._contexts.begin()
        inbox = self._inboxes[context] = asyncio.Queue()
        try:
            for message in self._contexts.messages(context, text, settings):
                self._socket.send(message)
            while not (output := await self._next(inbox)).final:
                yield output
            self.used = True
            yield output
        except (GeneratorExit, asyncio.CancelledError):
            # Whoever lost patience would only lose it again.
            self._doubtful = self._doubtful or asyncio.get_running_loop().time() - self._heard_s > _SILENT_S
            raise
        finally:
            del self._inboxes[context]

    async def close(self) -> None:
        """Close it; what is being spoken on it fails."""
        self._leave(self._server.failure("the connection was closed"))
        if self._leaving is not None:
            await self._leaving

    def on_message(self, message: str | bytes) -> None:
        """Hand a message to the clause it is for. Raises WireError."""
        self._heard()
        output = socket_output(message)
        if isinstance(output, Trouble):
            self._failed(output)
            return
        if inbox := self._inboxes.get(output.context):
            inbox.put_nowait(output)
        if output.final:
            self._contexts.ended(output.context)

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead, and with it what was being spoken."""
        if error.status == _POLICY_VIOLATION:
            # Said of limits too, which pass.
            error = self._server.failure("closed the connection, 1008", status=_POLICY_VIOLATION)
        self._lose(self._trouble or error)

    def _heard(self) -> None:
        self._heard_s = asyncio.get_running_loop().time()

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

    def _failed(self, trouble: Trouble) -> None:
        error = self._server.failure(trouble.message, retryable=trouble.retryable)
        if not trouble.context:
            # The connection is about to end; what it was about is told to all that are on it.
            self._trouble = error
            return
        self._contexts.ended(trouble.context)
        if inbox := self._inboxes.get(trouble.context):
            inbox.put_nowait(error)

    def _in_a_while(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._keepalive_s, self._keep_alive)

    def _keep_alive(self) -> None:
        self._keepalives += 1
        if self._doubtful or self._keepalives > _MOST_KEEPALIVES:
            self._leave(self._server.failure("the connection was closed"))
            return
        self._socket.send(KEEPALIVE)
        self._timer = self._in_a_while()

    def _leave(self, error: ProviderError) -> None:
        if not self.lost:
            self._lose(error)
            self._leaving = asyncio.create_task(self._socket.close(CLOSE_SOCKET))

    def _lose(self, error: ProviderError) -> None:
        self.lost = True
        self._timer.cancel()
        for inbox in self._inboxes.values():
            inbox.put_nowait(error)


class SocketPool:
    """Sockets to one server, by the format they speak. `query` gives that of a socket for a format."""

    def __init__(
        self, server: ApiServer, path: str, query: Callable[[AudioFormat], Mapping[str, str]], *, keepalive_s: float
    ):
        self._server = server
        self._path = path
        self._query = query
        self._keepalive_s = keepalive_s
        self._sockets: defaultdict[AudioFormat, list[SpeechSocket]] = defaultdict(list)
        self._latest: AudioFormat | None = None

    def roomy(self, audio_format: AudioFormat) -> SpeechSocket:
        """A socket with room for one more clause, if need be one that is only being opened."""
        self._latest = audio_format
        sockets = self._sockets[audio_format]
        sockets[:] = [socket for socket in sockets if not socket.lost]
        for socket in sockets:
            if socket.room:
                return socket
        query = tuple(self._query(audio_format).items())
        sockets.append(SpeechSocket(self._server, self._path, query, keepalive_s=self._keepalive_s))
        return sockets[-1]

    def warm_up(self) -> None:
        """Have a socket for the format that was asked for last."""
        if self._latest is not None:
            self.roomy(self._latest)

    async def close(self) -> None:
        """Close them all."""
        sockets = [socket for group in self._sockets.values() for socket in group]
        self._sockets.clear()
        await asyncio.gather(*(socket.close() for socket in sockets))
