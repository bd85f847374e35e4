"""A double of Asterisk's REST interface: channels and bridges of applications, their events, and AudioSockets.

What is answered, in which order events come, and what comes only a moment after an answer, is as in Asterisk 22.10.
"""

import asyncio
from base64 import b64encode
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web

from offhook.simulator.clouds.asterisk_ari_requests import routes
from offhook.simulator.clouds.asterisk_channels import Callee, Channel, Plug

__all__ = ["AriDouble"]

_RATES = {"slin": 8_000, "slin16": 16_000, "slin24": 24_000}
_CAUSES = {16: "Normal Clearing", 17: "User busy", 19: "User alerting, no answer", 34: "Circuit/channel congestion"}


@dataclass(eq=False)
class AriDouble:
    """Stands on a free port inside `async with`; `url` is what goes into `asterisk.ari.url`.

    `users` have passwords. `dialplan` has the extensions that exist, as (context, extension). `callees` says what
    becomes of calls to a number; others answer. `requests` are all that were let in, as (method, path, parameters).
    `applications` has the channels of each application, `bridges` those in each. A new media channel comes into its
    application `deaf_s` later. `refuses` has a status for a method and the last part of a path.
    """

    users: dict[str, str] = field(default_factory=lambda: {"offhook": "secret"})
    dialplan: set[tuple[str, str]] = field(default_factory=lambda: {("transfers", "6001")})
    callees: dict[str, Callee] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    applications: dict[str, set[str]] = field(default_factory=dict)
    bridges: dict[str, list[str]] = field(default_factory=dict)
    recordings: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    refuses: dict[tuple[str, str], int] = field(default_factory=dict)
    connections: int = 0
    deaf_s: float = 0.002
    modules: tuple[str, ...] = (
        "app_stasis",
        "chan_audiosocket",
        "chan_bridge_media",
        "func_dialplan",
        "res_stasis_answer",
        "res_stasis_recording",
    )
    port: int = 0
    _sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    _every: set[web.WebSocketResponse] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=count)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "AriDouble":
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()
        for channel in tuple(self.channels.values()):
            await self.hang_up(channel)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def start(self) -> None:
        """Listen, at the same port as before if there was one."""
        app = web.Application(middlewares=[self._let_in])
        app.router.add_get("/ari/events", self._events)
        app.add_routes(routes(self))
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more, and drop whoever is connected. Channels stay where they are."""
        await self.disconnect()
        if self._runner is not None:
            await self._runner.cleanup()

    async def disconnect(self) -> None:
        """Close every connection for events."""
        for socket in tuple(self._every):
            with suppress(ConnectionError):
                await socket.close()

    async def babble(self, text: str) -> None:
        """Say `text` to every application, whatever it is."""
        for socket in tuple(self._sockets.values()):
            await socket.send_str(text)

    # What people and the dialplan do

    async def call(
        self,
        extension: str = "600",
        *arguments: str,
        number: str = "+15550100",
        caller: str = "Ann",
        app: str = "offhook",
    ) -> Channel:
        """A caller whom the dialplan hands over to an application; if nobody serves that, the dialplan goes on, which
        the channel `went` to ("", "")."""
        channel = self.channel("PJSIP/desk", "from-trunk", extension, number=number, caller=caller)
        channel.state = "Ring"
        if app not in self._sockets:
            channel.went.append(("", ""))
        else:
            await self.enter(channel, app, *arguments)
        return channel

    async def hang_up(self, channel: Channel, cause: int = 16) -> None:
        """End a channel, as who is on it does, or Asterisk."""
        if self.channels.pop(channel.id, None) is None:
            return
        app = self._app_of(channel)
        if channel.id in self.inside:
            if not channel.id.startswith("offhook-media-"):
                await self.tell(app, "ChannelHangupRequest", channel=_told(channel), cause=cause)
            await self.leave(channel)
        if channel.plug is not None and channel.id.startswith("offhook-media-"):
            await channel.plug.pull()
        if app and (channel.application == "AppDial2" or channel.id.startswith("offhook-media-")):
            words = _CAUSES.get(cause, "Unknown")
            await self.tell(app, "ChannelDestroyed", channel=_told(channel), cause=cause, cause_txt=words)
        self.applications.get(app, set()).discard(channel.id)
        channel.gone.set()

    def channel(
        self, name: str, context: str, extension: str, *, unique_id: str = "", number: str = "", caller: str = ""
    ) -> Channel:
        """A new channel."""
        index = next(self._numbers)
        channel = Channel(f"{name}-{index:08x}", unique_id or f"1795249136.{index}", context, extension, number, caller)
        self.channels[channel.id] = channel
        return channel

    # What requests do

    async def enter(self, channel: Channel, app: str, *arguments: str) -> None:
        """Take a channel into an application."""
        self.inside[channel.id] = app
        self.applications.setdefault(app, set()).add(channel.id)
        await self.tell(app, "StasisStart", args=list(arguments), channel=_told(channel))

    async def leave(self, channel: Channel) -> None:
        """Take a channel out of its bridge and its application."""
        await self.unbridge(channel)
        app = self.inside.pop(channel.id)
        if channel.application != "AppDial2":
            self.applications[app].discard(channel.id)
        await self.tell(app, "StasisEnd", channel=_told(channel))

    async def unbridge(self, channel: Channel) -> None:
        """Take a channel out of the bridge that it is in."""
        for name, members in self.bridges.items():
            if channel.id in members:
                members.remove(channel.id)
                channel.bridged_with = None
                await self.tell(
                    self.inside.get(channel.id, ""), "ChannelLeftBridge", bridge={"id": name}, channel=_told(channel)
                )

    async def bridge(self, name: str, channel: Channel) -> None:
        """Put a channel into a bridge, out of any other; it shares the AudioSocket that is there."""
        await self.unbridge(channel)
        self.bridges[name].append(channel.id)
        await self.tell(self.inside[channel.id], "ChannelEnteredBridge", bridge={"id": name}, channel=_told(channel))
        members = [self.channels[each] for each in self.bridges[name] if each in self.channels]
        media = next((each for each in members if each.id.startswith("offhook-media-")), None)
        people = [each for each in members if each is not media]
        for person in people:
            person.plug = media.plug if media is not None else person.plug
            person.bridged_with = next((each for each in people if each is not person), None)

    async def go_on(self, channel: Channel, context: str, extension: str) -> None:
        """Let a channel go on in the dialplan: at a place, or behind Stasis. There is none for who was called."""
        channel.went.append((context, extension))
        await self.leave(channel)
        if channel.application == "AppDial2" and not context:
            await self.hang_up(channel)

    async def media(self, name: str, call_id: str, address: str, sound: str, app: str) -> Channel | None:
        """A channel whose sound goes to an AudioSocket; None where Asterisk fails. It is in the application a moment
        later."""
        host, _, port = address.rpartition(":")
        channel = self.channel(f"AudioSocket/{address}-{call_id}", "default", "s", unique_id=name)

        async def ended() -> None:
            await self.hang_up(channel)

        try:
            UUID(call_id)
            channel.plug = await Plug.into(host, int(port), call_id, ended, _RATES[sound])
        except (OSError, ValueError):
            del self.channels[channel.id]
            return None
        self.spawn(self._come(channel, app, call_id))
        return channel

    async def dial(self, channel: Channel, number: str, app: str, arguments: str, within_s: float) -> None:
        """Call somebody, who comes into the application by answering."""
        callee = self.callees.get(number, Callee())
        await self._dialled(app, channel, "")
        if callee.does in ("busy", "congestion"):
            await self._dialled(app, channel, callee.does.upper())
            await self.hang_up(channel, 0)
            return
        channel.state = "Ringing"
        await self._dialled(app, channel, "RINGING")
        try:
            await asyncio.wait_for(channel.gone.wait(), within_s if callee.does == "silent" else callee.rings_s)
        except TimeoutError:
            if callee.does == "silent":
                await self.hang_up(channel, 19)
            else:
                channel.state = "Up"
                await self._dialled(app, channel, "ANSWER")
                await self.enter(channel, app, *arguments.split(","))

    async def tell(self, app: str, event: str, **fields: Any) -> None:
        """Send an event to whoever serves an application."""
        socket = self._sockets.get(app)
        if socket is not None:
            told = {"type": event, "timestamp": "2026-11-21T11:22:37.045+0000", "application": app, **fields}
            with suppress(ConnectionError):
                await socket.send_str(orjson.dumps(told).decode())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine run beside."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _app_of(self, channel: Channel) -> str:
        return next((app for app, channels in self.applications.items() if channel.id in channels), "")

    async def _come(self, channel: Channel, app: str, call_id: str) -> None:
        await asyncio.sleep(self.deaf_s)
        if channel.id in self.channels:
            await self.enter(channel, app, call_id)

    async def _dialled(self, app: str, channel: Channel, status: str) -> None:
        await self.tell(app, "Dial", peer=_told(channel), dialstatus=status, forward="", dialstring="")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        app = request.query["app"]
        self.connections += 1
        if app in self._sockets:
            await self.tell(app, "ApplicationReplaced")
        self._sockets[app] = socket
        self._every.add(socket)
        self.applications.setdefault(app, set())
        async for _ in socket:
            pass
        self._every.discard(socket)
        if self._sockets.get(app) is socket:
            del self._sockets[app]
        return socket

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Any) -> web.StreamResponse:
        allowed = {f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}" for user, secret in self.users.items()}
        if request.headers.get("Authorization") not in allowed:
            return web.json_response({"message": "Authentication required"}, status=401)
        where = request.path.removeprefix("/ari")
        self.requests.append((request.method, where, dict(request.query)))
        status = self.refuses.get((request.method, where.rpartition("/")[2]))
        if status is not None:
            return web.json_response({"message": "Refused by the test"}, status=status)
        answer: web.StreamResponse = await handler(request)
        return answer


def _told(channel: Channel) -> dict[str, Any]:
    """The channel as events have it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "state": channel.state,
        "protocol_id": "",
        "caller": {"name": channel.caller, "number": channel.number},
        "connected": {"name": "", "number": ""},
        "accountcode": "",
        "dialplan": {
            "context": channel.context,
            "exten": channel.extension,
            "priority": 3,
            "app_name": "Stasis",
            "app_data": "offhook",
        },
        "creationtime": "2026-11-21T11:22:36.543+0000",
        "language": channel.language,
    }
