"""What the tests of legs and connections share: calls that remember, a server, a peer without manners."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, web

from offhook.calls.leg import Leg
from offhook.carriers.media_stream.connection import serve_stream
from offhook.carriers.media_stream.tickets import Ticket
from offhook.carriers.stream_socket import StreamSocket
from offhook.config.carriers import CarrierSettings, MediaStreamSettings, TwilioSettings
from offhook.events import EndReason

__all__ = ["Door", "Heard", "RawPeer", "RememberedCall", "Switchboard"]

Heard = bytes | tuple[str, str] | tuple[EndReason, str]


@dataclass
class RememberedCall:
    """A call that remembers what its leg told it: frames, ("key", digit), ("played", name), and the end."""

    said: list[Heard] = field(default_factory=list)
    frames_heard: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_audio(self, frame: bytes) -> None:
        self.said.append(frame)
        self.frames_heard.set()

    def on_dtmf(self, digit: str) -> None:
        self.said.append(("key", digit))

    def on_played(self, name: str) -> None:
        self.said.append(("played", name))

    def on_closed(self, reason: EndReason, detail: str) -> None:
        self.said.append((reason, detail))
        self.ended.set()

    @property
    def frames(self) -> list[bytes]:
        return [item for item in self.said if isinstance(item, bytes)]

    @property
    def ends(self) -> list[EndReason]:
        return [item[0] for item in self.said if isinstance(item[0], EndReason)]


@dataclass
class Switchboard:
    """Answers every call with one that remembers."""

    legs: list[Leg] = field(default_factory=list)
    calls: list[RememberedCall] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, leg: Leg) -> None:
        call = RememberedCall()
        self.legs.append(leg)
        self.calls.append(call)
        leg.attach(call)
        self.arrived.set()


@dataclass
class Door:
    """A server with one WebSocket, where every socket brings the same ticket."""

    ticket: Ticket
    carrier: TwilioSettings = field(default_factory=CarrierSettings)
    limits: MediaStreamSettings = field(default_factory=MediaStreamSettings)
    heartbeat_s: float = 10.0
    close_s: float = 5.0
    answer: Callable[[Leg], None] | None = None
    switchboard: Switchboard = field(default_factory=Switchboard)
    sockets: list[StreamSocket] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    served: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> "Door":
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        self._session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self.stop()

    async def stop(self) -> None:
        """Stop the server, whoever is still there."""
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def knock(self, **options: Any) -> ClientWebSocketResponse:
        """The far end of a new socket."""
        peer: ClientWebSocketResponse = await self._session.ws_connect(self.url, **options)
        return peer

    async def call(self) -> tuple[Leg, RememberedCall]:
        """The call that has come."""
        await self.switchboard.arrived.wait()
        return self.switchboard.legs[-1], self.switchboard.calls[-1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        stream = StreamSocket(self.limits.max_message_bytes, heartbeat_s=self.heartbeat_s, close_s=self.close_s)
        await stream.prepare(request)
        self.sockets.append(stream)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            await serve_stream(
                stream,
                self.ticket,
                carrier=self.carrier,
                limits=self.limits,
                answer=self.answer or self.switchboard.answer,
                control=None,
                peer=request.remote or "",
            )
        finally:
            self.served.set()
        return stream


class RawPeer:
    """The far end of a WebSocket that does nothing by itself: it answers neither a ping nor a close."""

    def __init__(self, port: int, receive_buffer: int = 4_096):
        self._port = port
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.setblocking(False)

    async def connect(self, first: str = "") -> "RawPeer":
        """Shake hands; `first` is a message that leaves with the request."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._port))
        request = (
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(self._socket, request.encode() + (_masked(first) if first else b""))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await loop.sock_recv(self._socket, 1)
        return self

    async def say(self, text: str) -> None:
        """One message."""
        await asyncio.get_running_loop().sock_sendall(self._socket, _masked(text))

    async def hear(self) -> bytes:
        """What there is; empty at the end."""
        return await asyncio.get_running_loop().sock_recv(self._socket, 65_536)

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def close(self) -> None:
        self._socket.close()


def _masked(text: str) -> bytes:
    """A client's message of 126 to 65,535 bytes, masked with zeros."""
    data = text.encode()
    return b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data
