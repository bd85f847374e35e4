"""The server: its ports, its models, its calls, from start to stop."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from offhook import __version__
from offhook.api_key import forget_key, make_key
from offhook.audio.convert import converter
from offhook.calls.clock import MediaClock
from offhook.carriers.audiosocket.connection import OnCall
from offhook.carriers.audiosocket.server import AudioSocketServer
from offhook.carriers.media_stream.accounts import CARRIERS
from offhook.carriers.media_stream.addresses import Addresses
from offhook.carriers.outbound import Dialler
from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.events import CallEvent, EndReason
from offhook.server.api.calls import CallsApi
from offhook.server.api.guard import guarded
from offhook.server.asterisk import Asterisk, open_asterisk
from offhook.server.asterisk_ari import AsteriskAri, prepare_ari
from offhook.server.asterisk_websocket import MEDIA_PATH, AsteriskWebSocket
from offhook.server.brains import Brains, load_brains
from offhook.server.carrier_lines import carrier_lines
from offhook.server.consultations import Consultations
from offhook.server.desk import Desk
from offhook.server.dialling import dialling, open_apis
from offhook.server.listening import listen
from offhook.server.media_streams import MediaStreams
from offhook.server.money import Money, bookkeeping
from offhook.server.switchboard import Switchboard
from offhook.server.told import Told
from offhook.server.tunnel import tunnel_to

__all__ = ["Server", "run"]

log = structlog.get_logger(__name__)


class Server:
    """A running server. `http_port` and `audiosocket_port` are the ports in use; `addresses` those at which carriers
    reach it, through the tunnel if there is one; `carriers` may call by webhook; `asterisk` is there if a user
    of its manager interface is set, `ari` if one of its REST interface is; `money` keeps the books of calls."""

    def __init__(self, settings: Settings, *, tunnel: bool = False):
        self.settings = settings
        secret = settings.keys.webhook_secret
        self.addresses = Addresses(settings.server.public_url, secret.get_secret_value() if secret else "")
        self._tunnel = tunnel
        self.clock = MediaClock()
        self.http_port = 0
        self.audiosocket_port = 0
        self.switchboard: Switchboard | None = None
        self.asterisk: Asterisk | None = None
        self.ari: AsteriskAri | None = None
        self.money: Money | None = None
        self.carriers = tuple(carrier for carrier in CARRIERS if settings.carrier(carrier).enabled)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        """Everything up inside, everything down after. Raises ConfigError, ModelError."""
        async with AsyncExitStack() as stack:
            _check_writable(self.settings)
            apis = await stack.enter_async_context(open_apis(self.settings))
            opening = open_asterisk(self.settings, lambda: self.audiosocket_port)
            self.asterisk = asterisk = await stack.enter_async_context(opening)
            self.ari = ari = prepare_ari(self.settings, lambda: self.audiosocket_port)
            if ari:
                stack.push_async_callback(ari.close)
            placer = asterisk.placer if asterisk else ari.placer if ari else None
            dialler = await stack.enter_async_context(
                dialling(self.settings, apis, lambda: self.addresses.reachable, placer)
            )
            media_streams = MediaStreams(self.settings, self.addresses, apis, watch=dialler)
            websocket = AsteriskWebSocket(self.settings, self.addresses)
            await self._serve_http(stack, dialler, media_streams, websocket)
            if self._tunnel:
                tunnel = tunnel_to(self.settings.server.http_host, self.http_port, self.settings)
                self.addresses.public_url = await stack.enter_async_context(tunnel)
            files = ThreadPoolExecutor(1, thread_name_prefix="files")
            stack.callback(files.shutdown, wait=True)
            told = Told(self.settings, files)
            self.money = stack.enter_context(bookkeeping(self.settings, emit=told, stop=self._stop_call))
            brains = await load_brains(self.settings, self.money.prepared)
            stack.push_async_callback(brains.close)
            self.switchboard = self._switchboard(stack, brains, dialler, told, self.money)
            if brains.voice_detection is not None:
                self.clock.after(brains.voice_detection.step)
            beat = asyncio.create_task(self.clock.run())
            stack.callback(beat.cancel)
            stack.push_async_callback(media_streams.close)
            stack.push_async_callback(websocket.close)
            answer = self.switchboard.answer
            on_call = asterisk.introduced(answer, dialler) if asterisk else answer
            await self._serve_audiosocket(stack, ari.introduced(answer, dialler, on_call) if ari else on_call)
            if ari:
                await stack.enter_async_context(ari.open(self.switchboard))
            stack.push_async_callback(self.switchboard.hang_up_all)
            media_streams.open(self.switchboard)
            websocket.open(self.switchboard, asterisk.controlled(answer) if asterisk else answer)
            yield self

    def _switchboard(
        self, stack: AsyncExitStack, brains: Brains, dialler: Dialler, told: Told, money: Money
    ) -> Switchboard:
        def sink(event: CallEvent) -> None:
            told(event)
            money.books(event)

        consultations = Consultations(self.settings, dialler, brains.voices, sink)
        stack.push_async_callback(consultations.close)
        return Switchboard(
            Desk(
                self.settings,
                self.clock,
                sink,
                told.records,
                brains.engines,
                brains.instructions,
                brains.voice_detection,
                brains.phrases,
                told.files,
                dialler,
                brains.expect,
                lambda: money.books.spent_up,
                brains.melodies,
                consultations,
            )
        )

    async def _serve_audiosocket(self, stack: AsyncExitStack, on_call: OnCall) -> None:
        if not self.settings.audiosocket.enabled:
            return
        server = AudioSocketServer(self.settings.audiosocket, on_call, converter)
        await server.start()
        stack.push_async_callback(server.stop)
        self.audiosocket_port = server.port

    async def _serve_http(
        self, stack: AsyncExitStack, dialler: Dialler, media_streams: MediaStreams, websocket: AsteriskWebSocket
    ) -> None:
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.add_routes(media_streams.routes())
        app.add_routes(websocket.routes())
        key = make_key(self.settings)
        stack.callback(forget_key, self.settings, key)
        api = guarded(key)
        CallsApi(dialler, lambda: self.switchboard, self._cost_of).add_to(api)
        app.add_subapp("/v1", api)
        settings = self.settings.server
        self.http_port = await listen(
            stack, app, settings.http_host, settings.http_port, "server.http_port (HTTP_PORT)"
        )
        if settings.health_port is not None:
            health = web.Application()
            health.router.add_get("/health", self._health)
            await listen(stack, health, settings.http_host, settings.health_port, "server.health_port (HEALTH_PORT)")

    def _cost_of(self, call_id: str) -> Mapping[str, Any] | None:
        return self.money.cost_of(call_id) if self.money is not None else None

    def _stop_call(self, call_id: str) -> None:
        call = self.switchboard.find(call_id) if self.switchboard is not None else None
        if call is not None:
            call.wind_up(self.settings.costs.stop_call_line, EndReason.COST_LIMIT)

    async def _health(self, request: web.Request) -> web.Response:
        board = self.switchboard
        ready = board is not None
        body = {
            "status": "ok" if ready else "starting",
            "version": __version__,
            "pid": os.getpid(),
            "calls": board.active if board else 0,
            "answered": board.answered if board else 0,
            "refused": board.refused if board else 0,
            "max_calls": self.settings.limits.max_calls,
            "audiosocket_port": self.audiosocket_port,
            "carriers": self.carriers,
            "late_beats": self.clock.late,
        }
        return web.json_response(body, status=200 if ready else 503)


def _check_writable(settings: Settings) -> None:
    folder = settings.server.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"cannot write to {folder}: {error.strerror or error}",
            setting="server.data_dir",
            hint="Make the folder writable for this user, free some disk space, or set another folder.",
        ) from error


def _announce(server: Server) -> None:
    settings = server.settings
    answers = ", ".join(f"{name} ({agent.engine})" for name, agent in settings.agents.items())
    host, port = settings.audiosocket.host, server.audiosocket_port
    web_socket = f"  WebSocket    ws://{settings.server.http_host}:{server.http_port}{MEDIA_PATH} (of Asterisk)"
    lines = [
        f"Offhook {__version__} is ready: {answers}, up to {settings.limits.max_calls} calls.",
        f"  HTTP         http://{settings.server.http_host}:{server.http_port}/health",
        f"  AudioSocket  {host}:{port}",
        *((web_socket,) if settings.asterisk.websocket.enabled else ()),
        *carrier_lines(settings, server.addresses.public_url),
        "Try it:",
        "  1. a synthetic caller, in a second terminal:",
        "       .venv/bin/offhook simulate examples/scenarios/receptionist.toml",
        "  2. your own Asterisk; in extensions.conf:",
        "       same => n,Answer()",
        "       same => n,Set(ID=${UUID()})",
        f"       same => n,AudioSocket(${{ID}},{host}:{port})",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _settle() -> None:
    """Keep what was made by now out of the search for garbage: it stays until the end, and to look through it again and
    again would stop every call for some 60 ms."""
    gc.collect()
    gc.freeze()


async def _serve(settings: Settings, *, tunnel: bool) -> None:
    stop = asyncio.Event()
    now = asyncio.Event()

    def signalled() -> None:
        (now if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signalled)
    async with Server(settings, tunnel=tunnel).running() as server:
        _settle()
        _announce(server)
        await stop.wait()
        if server.switchboard is not None:
            await _drain(server.switchboard, settings.limits.drain_s, now)


async def _drain(switchboard: Switchboard, within_s: float, now: asyncio.Event) -> None:
    if switchboard.active:
        log.info(
            "waiting for calls in progress; a second signal ends them", calls=switchboard.active, within_s=within_s
        )
    waits = [asyncio.create_task(switchboard.drain(within_s)), asyncio.create_task(now.wait())]
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()


def run(settings: Settings, *, tunnel: bool = False) -> int:
    """Serve until a signal comes, with a public address by a `tunnel` if wanted. Returns the exit status."""
    import uvloop  # noqa: PLC0415 - only a running server needs it

    uvloop.run(_serve(settings, tunnel=tunnel))
    return 0
