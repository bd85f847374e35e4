"""A server with one WebSocket of Asterisk's, and a peer for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

from offhook.carriers.asterisk.websocket_connection import CallsInProgress, serve_websocket
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.stream_socket import StreamSocket
from offhook.config import AsteriskWebSocketSettings
from tests.carriers.media_stream.doubles import RememberedCall

__all__ = ["Door", "hear_out"]


@dataclass
class Door:
    """Answers every call with one that remembers."""

    settings: AsteriskWebSocketSettings = field(default_factory=AsteriskWebSocketSettings)
    heartbeat_s: float = 10.0
    close_s: float = 0.2
    farewell_s: float = 5.0
    answer: Callable[[WebSocketLeg], None] | None = None
    legs: list[WebSocketLeg] = field(default_factory=list)
    calls: list[RememberedCall] = field(default_factory=list)
    book: CallsInProgress = field(default_factory=CallsInProgress)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

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
        await self._runner.cleanup()

    async def knock(self, *texts: str, **options: Any) -> ClientWebSocketResponse:
        """The far end of a new socket, which has said `texts`."""
        peer: ClientWebSocketResponse = await self._session.ws_connect(
            f"ws://127.0.0.1:{self.port}/ws", protocols=("media",), **options
        )
        for text in texts:
            await peer.send_str(text)
        return peer

    async def call(self) -> tuple[WebSocketLeg, RememberedCall]:
        """The latest call, once there is one."""
        async with asyncio.timeout(30):
            await self.arrived.wait()
        return self.legs[-1], self.calls[-1]

    def _take(self, leg: WebSocketLeg) -> None:
        call = RememberedCall()
        self.legs.append(leg)
        self.calls.append(call)
        leg.attach(call)
        self.arrived.set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        stream = StreamSocket(
            self.settings.max_message_bytes,
            protocols=("media",),
            heartbeat_s=self.heartbeat_s,
            close_s=self.close_s,
        )
        await stream.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            await serve_websocket(
                stream,
                dict(request.query),
                settings=self.settings,
                calls=self.book,
                answer=self.answer or self._take,
                peer=request.remote or "",
                farewell_s=self.farewell_s,
            )
        finally:
            self.served.set()
        return stream


async def hear_out(peer: ClientWebSocketResponse) -> tuple[list[str], Any, str]:
    """The commands that came up to the close, its code, and its reason."""
    commands = []
    async with asyncio.timeout(30):
        while (message := await peer.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
            if message.type is WSMsgType.TEXT:
                text = str(message.data)
                commands.append(orjson.loads(text)["command"] if text.startswith("{") else text)
    return commands, message.data, str(message.extra or "")
