"""A small server for the doubles to call: it answers with XML, talks on a socket, and notes all it is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from offhook.simulator.clouds.media_stream.dialects import Carrier

PATIENCE_S = 30


@dataclass
class Hit:
    """One webhook as the server saw it."""

    path: str
    method: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class Agent:
    """`documents` are by path; a number is an HTTP error. `talk` gets every socket."""

    talk: Callable[["Line"], Awaitable[None]] | None = None
    documents: dict[str, str | int] = field(default_factory=dict)
    content_type: str = "application/xml"
    url: str = ""
    hits: list[Hit] = field(default_factory=list)
    lines: list["Line"] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    def events(self, path: str) -> list[str]:
        """Events that came to a path."""
        names = ("Event", "StreamEvent", "CallStatus")
        return [next(hit.params[name] for name in names if name in hit.params) for hit in self.hits if hit.path == path]

    def to(self, path: str) -> Hit:
        """The first webhook to a path."""
        return next(hit for hit in self.hits if hit.path == path)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve(request)
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.hits.append(Hit(request.path, request.method, dict(request.query) | form, dict(request.headers)))
        self.called.set()
        found = self.documents.get(request.path, "")
        if isinstance(found, int):
            return web.Response(status=found)
        text = found.replace("{ws}", self.socket_url).replace("{url}", self.url)
        return web.Response(text=text, content_type=self.content_type)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(socket, request)
        self.lines.append(line)
        if self.talk is not None:
            await self.talk(line)
        await socket.close()
        line.closed.set()
        return socket


class Line:
    """One socket: reads messages by their event, writes objects."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request):
        self.socket = socket
        self.request = request
        self.seen: list[dict[str, Any]] = []
        self.closed = asyncio.Event()

    @property
    def start(self) -> dict[str, Any]:
        return next(each for each in self.seen if each["event"] == "start")

    @property
    def stream_id(self) -> str:
        start = self.start
        return str(start.get("streamSid") or start.get("streamId") or start["start"]["streamId"])

    def all(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.seen if each["event"] == event]

    async def send(self, event: str, **members: Any) -> None:
        await self.socket.send_str(orjson.dumps({"event": event, **members}).decode())

    async def until(self, event: str, count: int = 1) -> dict[str, Any]:
        """Read until so many of an event have come in all; returns the last."""
        while len(self.all(event)) < count:
            if not await self.read():
                raise AssertionError(f"the socket closed before {event}; seen {[each['event'] for each in self.seen]}")
        return self.all(event)[count - 1]

    async def to_the_end(self) -> None:
        """Read until the socket closes."""
        while await self.read():
            pass

    async def read(self) -> bool:
        """Read one message; says whether there was one."""
        message = await asyncio.wait_for(self.socket.receive(), PATIENCE_S)
        if message.type is not web.WSMsgType.TEXT:
            return False
        self.seen.append(orjson.loads(message.data))
        return True


async def listen(line: Line) -> None:
    await line.to_the_end()


def answer(carrier: Carrier, *, extra: str = "", then: str = "") -> str:
    """A document that connects the agent's socket."""
    if carrier == "twilio":
        return f'<Response><Connect><Stream url="{{ws}}" {extra}/></Connect>{then}</Response>'
    attributes = 'bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"'
    return f"<Response><Stream {attributes} {extra}>{{ws}}</Stream>{then}</Response>"


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[Agent]:
    """The agent on a free port."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", agent.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    agent.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield agent
    finally:
        await runner.cleanup()
