"""One media stream: a WebSocket that takes the caller's audio out and brings the server's in, to be played."""

import asyncio
import os
import socket as sockets
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

import orjson
from aiohttp import ClientWebSocketResponse, WSMsgType

from offhook.simulator.clouds.media_stream.clock import Clock
from offhook.simulator.clouds.media_stream.intake import Intake, Outlet
from offhook.simulator.clouds.media_stream.playback import BYTES_PER_MS, Playback
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.verbs import Stream
from offhook.simulator.clouds.media_stream.wire import (
    Clear,
    Command,
    Mark,
    Message,
    RefusedError,
    Sound,
    Stop,
    Tones,
    Wire,
)

__all__ = ["Cleared", "MediaStream", "Queued", "StreamEnd", "StreamEvents"]

FAREWELL_S = 2.0


class StreamEnd(Enum):
    """Why a stream ended."""

    STOPPED = "the server sent stop"
    CLOSED = "the server closed the socket"
    BROKEN = "the connection broke"
    TIMEOUT = "it lasted for as long as it may"


@dataclass(frozen=True, slots=True)
class Queued:
    """Audio of the server: when it came, how long it lasts, and how much waited with it. Milliseconds of the stream."""

    at_ms: float
    ms: float
    queued_ms: float


@dataclass(frozen=True, slots=True)
class Cleared:
    """A clear of the server: when it came, how much audio it dropped, and which marks."""

    at_ms: float
    dropped_ms: float
    marks: tuple[str, ...]


class StreamEvents:
    """What the rest of the call hears of a stream; does nothing by itself."""

    def marked(self, name: str) -> None:
        """A mark was reached."""

    def cleared(self) -> None:
        """The queue was dropped."""

    def tones(self, digits: str) -> None:
        """The server sends keys to the person at the phone."""


class MediaStream:
    """One socket from its start to its end. Times are milliseconds since its start.

    `sent` and `received` have all messages but audio; `queued` has the server's audio. `violations` names everything
    the carrier would have refused, and refuses here.
    """

    def __init__(self, verb: Stream, wire: Wire, stream_id: str, clock: Clock, variants: Variants):
        self.verb = verb
        self.id = stream_id
        self.events = StreamEvents()
        self.end: StreamEnd | None = None
        self.sent: list[tuple[float, Message]] = []
        self.received: list[tuple[float, Command]] = []
        self.queued: list[Queued] = []
        self.clears: list[Cleared] = []
        self.reached: list[tuple[float, str]] = []
        self.violations: list[str] = []
        self.frames_sent = 0
        self._wire = wire
        self._clock = clock
        self._variants = variants
        self._outlet = Outlet(verb.content_type, big_endian=variants.big_endian)
        self._intake = Intake(big_endian=variants.big_endian)
        self._playback = Playback()
        self._began_s = clock.now_s()
        self._out: asyncio.Queue[str | None] = asyncio.Queue()
        self._opened = False

    @property
    def now_ms(self) -> float:
        """Milliseconds since the start."""
        return (self._clock.now_s() - self._began_s) * 1000

    @property
    def queued_ms(self) -> float:
        """How much audio waits to be played."""
        return self._playback.queued_ms

    @property
    def worst_queued_ms(self) -> float:
        """The most that ever waited."""
        return max((each.queued_ms for each in self.queued), default=0.0)

    @property
    def played_ms(self) -> float:
        """How much of the server's audio was played."""
        return self._playback.played_ms

    async def run(self, socket: ClientWebSocketResponse) -> StreamEnd:
        """Serve a connected socket until somebody ends it."""
        self._began_s = self._clock.now_s()
        writing = asyncio.create_task(self._write(socket))
        limits = asyncio.create_task(self._limit(socket))
        if not self._variants.media_first:
            self._open()
        try:
            self.end = self.end or await self._read(socket)
        finally:
            limits.cancel()
            await self._leave(socket, writing)
        return self.end

    def speak(self, pcm: bytes, track: str = "inbound") -> None:
        """20 ms of the line, pcm16 at 8 kHz."""
        if not self._opened and self.frames_sent >= self._variants.media_first:
            self._open()
        data = self._outlet.give(pcm)
        epoch_ms = int(self._clock.utc().timestamp() * 1000)
        message = self._wire.media(data, track, round(self.now_ms), epoch_ms)
        self.frames_sent += 1
        self._out.put_nowait(orjson.dumps(message).decode())

    def press(self, digit: str) -> None:
        """A key of the person at the phone."""
        self._send(self._wire.key(digit, round(self.now_ms)))

    def tick(self) -> bytes | None:
        """20 ms have passed: what is played in the next 20, or None for nothing."""
        frame, names = self._playback.tick()
        self.reached += [(self.now_ms, name) for name in names]
        self._send(self._wire.reached(names))
        for name in names:
            self.events.marked(name)
        return frame

    def _open(self) -> None:
        self._opened = True
        self._send(self._wire.opening())

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            self.sent.append((self.now_ms, message))
            self._out.put_nowait(orjson.dumps(message).decode())

    async def _write(self, socket: ClientWebSocketResponse) -> None:
        with suppress(ConnectionError):
            while (text := await self._out.get()) is not None:
                await socket.send_str(text)

    async def _limit(self, socket: ClientWebSocketResponse) -> None:
        drop_ms = self._variants.drop_after_ms
        if drop_ms is not None and drop_ms < self.verb.timeout_s * 1000:
            await self._clock.sleep(drop_ms / 1000)
            self.end = StreamEnd.BROKEN
            _break(socket)
        else:
            await self._clock.sleep(self.verb.timeout_s)
            self.end = StreamEnd.TIMEOUT
            await socket.close()

    async def _read(self, socket: ClientWebSocketResponse) -> StreamEnd:
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                self.violations.append(f"a binary frame of {len(message.data)} bytes")
            elif message.type is WSMsgType.TEXT and self._take(message.data):
                return StreamEnd.STOPPED
        return self.end or (StreamEnd.BROKEN if socket.close_code == 1006 else StreamEnd.CLOSED)

    def _take(self, text: str) -> bool:
        """Act on a message; says whether it ends the stream."""
        try:
            command = self._wire.read(text)
        except RefusedError as error:
            self.violations.append(str(error))
            return False
        if isinstance(command, Sound):
            self._queue(command)
            return False
        self.received.append((self.now_ms, command))
        match command:
            case Mark(name):
                self._playback.put(self._intake.flush())
                self._playback.mark(name)
            case Clear():
                self._clear()
            case Tones(digits):
                self.events.tones(digits)
        return isinstance(command, Stop)

    def _queue(self, sound: Sound) -> None:
        pcm = self._intake.take(sound)
        now = self.now_ms
        if now >= self._variants.deaf_ms:
            self._playback.put(pcm)
        self.queued.append(Queued(now, len(pcm) / BYTES_PER_MS, self._playback.queued_ms))

    def _clear(self) -> None:
        dropped = self._playback.queued_ms
        names = self._playback.clear()
        self._intake.drop()
        self.clears.append(Cleared(self.now_ms, dropped, tuple(names)))
        self._send(self._wire.cleared(names))
        self.events.cleared()

    async def _leave(self, socket: ClientWebSocketResponse, writing: "asyncio.Task[None]") -> None:
        if not socket.closed:
            self._send(self._wire.closing())
        self._out.put_nowait(None)
        await asyncio.wait([writing], timeout=FAREWELL_S)
        writing.cancel()
        await socket.close()


def _break(socket: ClientWebSocketResponse) -> None:
    """End the connection below the WebSocket, so that nobody says goodbye."""
    connection = socket.get_extra_info("socket")
    if connection is not None:
        with sockets.socket(fileno=os.dup(connection.fileno())) as twin, suppress(OSError):
            twin.shutdown(sockets.SHUT_RDWR)
