"""The port that Asterisk's AudioSocket connects to."""

import asyncio
import errno
import socket
from collections import Counter

import structlog

from offhook.carriers.audiosocket.connection import Connection, OnCall, Timing
from offhook.carriers.audiosocket.intake import ConverterFactory
from offhook.carriers.audiosocket.registry import Registry
from offhook.config import AudioSocketSettings
from offhook.errors import ConfigError

__all__ = ["AudioSocketServer"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class AudioSocketServer:
    """Listens, and hands every call that comes to `on_call` as a leg whose format is fixed.

    `on_call` runs on the event loop, must not block, and should attach the call at once and send a frame every 20 ms
    from then on: Asterisk ends a call after 2 s with no audio either way.
    """

    def __init__(
        self,
        settings: AudioSocketSettings,
        on_call: OnCall,
        converter: ConverterFactory,
        timing: Timing | None = None,
    ):
        self._settings = settings
        self._on_call = on_call
        self._converter = converter
        self._timing = timing or Timing()
        self._registry = Registry(settings.allow)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The TCP port in use: the one of the settings, or what the system gave for 0."""
        if self._server is None:
            return self._settings.port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def counters(self) -> Counter[str]:
        """`connections`, `refused`, `calls`, and every fault by its name."""
        return self._registry.counters

    @property
    def calls(self) -> int:
        """Calls in progress."""
        return self._registry.calls

    @property
    def connections(self) -> int:
        """Connections of this moment, those without a call included."""
        return len(self._registry.visitors)

    async def start(self) -> None:
        """Listen. Raises ConfigError where the address or the port cannot be had."""
        loop = asyncio.get_running_loop()

        def connection() -> Connection:
            return Connection(self._registry, self._on_call, self._converter, self._timing, loop.call_later)

        try:
            self._server = await loop.create_server(connection, self._settings.host, self._settings.port)
        except OSError as error:
            raise _config_error(error, self._settings) from error
        log.info("AudioSocket listens", host=self._settings.host, port=self.port)

    async def stop(self) -> None:
        """Stop listening and end what is connected; returns when all of it is gone. May be repeated."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(visitor.shut_down() for visitor in self._registry.visitors))
        await self._server.wait_closed()
        self._server = None


def _config_error(error: OSError, settings: AudioSocketSettings) -> ConfigError:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        hint = "127.0.0.1 serves an Asterisk on this machine, 0.0.0.0 every network; `ip address` lists the others."
        return ConfigError(f"{settings.host} is no address of this machine", setting="audiosocket.host", hint=hint)
    if error.errno == errno.EADDRINUSE:
        problem = f"port {settings.port} on {settings.host} is in use"
        hint = (
            "Perhaps another Offhook or another AudioSocket server runs already: "
            f"`ss -ltnp 'sport = :{settings.port}'` names it. Stop it, or set another port here and in the dialplan."
        )
        return ConfigError(problem, setting="audiosocket.port", hint=hint)
    problem = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
    return ConfigError(problem, setting="audiosocket.port", hint="Ports below 1024 belong to root; 9093 is usual.")
