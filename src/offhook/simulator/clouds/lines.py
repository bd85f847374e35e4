"""What the doubles that speak through a WebSocket share: clients' lines, their records, and what is to go wrong."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSMessage, web

from offhook.audio.formats import AudioFormat
from offhook.simulator.clouds.serving import Cut, Refuse, Stall

__all__ = ["Fault", "Faults", "Framer", "Line", "SlowHandshake", "accept"]


@dataclass(frozen=True, slots=True)
class SlowHandshake:
    """Let the client wait before the handshake is answered."""

    seconds: float


Fault = Refuse | SlowHandshake | Stall | Cut
"""Pieces are messages here. A stalled line listens on."""


class Faults:
    """One fault a connection, in turn; none where the list has None, or has ended."""

    def __init__(self, faults: Iterable[Fault | None]) -> None:
        self._faults = iter(faults)

    async def next(self) -> Fault | None:
        """The fault of the next connection; it was waited for where that is the fault."""
        fault = next(self._faults, None)
        if isinstance(fault, SlowHandshake):
            await asyncio.sleep(fault.seconds)
        return fault


@dataclass(slots=True)
class Line:
    """One client's connection, and what came through it."""

    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    fault: Fault | None
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    binary: bool = False
    """Whether JSON leaves in binary frames."""
    texts: list[dict[str, Any]] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    sent: list[Mapping[str, Any]] = field(default_factory=list)
    closed: bool = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send, unless something goes wrong first."""
        if isinstance(self.fault, Stall) and len(self.sent) >= self.fault.pieces:
            return
        if isinstance(self.fault, Cut) and len(self.sent) >= self.fault.pieces:
            self.drop()
        elif not self.socket.closed:
            self.sent.append(message)
            # A client that left meanwhile hears no more.
            with suppress(ConnectionError):
                await self._write(orjson.dumps(message))

    async def _write(self, message: bytes) -> None:
        if self.binary:
            await self.socket.send_bytes(message)
        else:
            await self.socket.send_str(message.decode())

    async def receive(self, idle_s: float | None = None) -> WSMessage:
        """What comes next. Raises TimeoutError after `idle_s`."""
        return await self.socket.receive(timeout=idle_s)

    def drop(self) -> None:
        """Let the connection die without a word."""
        if self.transport:
            self.transport.abort()


class Framer:
    """Cuts a stream of bytes into frames of 20 ms."""

    def __init__(self, format: AudioFormat) -> None:  # noqa: A002
        self._size = format.frame_bytes
        self._silence = format.silence
        self._rest = bytearray()

    def cut(self, audio: bytes) -> list[bytes]:
        """The frames that are whole now."""
        self._rest += audio
        whole = len(self._rest) // self._size * self._size
        frames = [bytes(self._rest[at : at + self._size]) for at in range(0, whole, self._size)]
        del self._rest[:whole]
        return frames

    def rest(self) -> bytes:
        """What is left, filled up with silence to a frame; nothing where nothing is."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest + self._silence[len(rest) :] if rest else b""


async def accept(
    request: web.Request, fault: Fault | None, headers: Mapping[str, str], *, binary: bool = False
) -> Line:
    """Accept the connection, with `headers` in the answer."""
    socket = web.WebSocketResponse()
    socket.headers.update(headers)
    line = Line(list(request.query.items()), dict(request.headers), fault, socket, request.transport, binary)
    await socket.prepare(request)
    if isinstance(fault, Cut) and not fault.pieces:
        line.drop()
    return line
