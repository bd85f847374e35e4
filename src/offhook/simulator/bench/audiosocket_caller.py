"""A caller of a load by AudioSocket."""

import asyncio
import time
from typing import cast
from uuid import uuid4

from offhook.carriers.audiosocket.wire import Audio, CallId, Kind, Parser, Sender, audio_header, encode
from offhook.errors import CallError, WireError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.frame_notes import FrameNotes
from offhook.simulator.bench.stamps import write_stamp

__all__ = ["AudioSocketCaller"]

FRAME_BYTES = 320
HEADER = audio_header(Kind.AUDIO_8K, FRAME_BYTES)


class AudioSocketCaller(asyncio.Protocol):
    """Calls the server at `address`, 8 kHz."""

    def __init__(self, address: Address) -> None:
        self.notes = FrameNotes()
        self.dropped = ""
        self._address = address
        self._gone = asyncio.Event()
        self._over = False
        self._parser = Parser(Sender.SERVER)
        self._frame = bytearray(HEADER + bytes(FRAME_BYTES))
        self._transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        """Call. Raises CallError."""
        address = self._address
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, address.host, address.port)
        except OSError as error:
            raise CallError(f"cannot connect to {address}: {error.strerror or error}") from error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce the call."""
        # uvloop's transport of a connection is one by its methods, not by its class.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(encode(CallId(uuid4())))

    def data_received(self, data: bytes) -> None:
        """Note what came, and when."""
        now_ns = time.monotonic_ns()
        try:
            for message in self._parser.feed(data):
                if isinstance(message, Audio):
                    self.notes.take(message.payload, now_ns)
        except WireError as error:
            self.dropped = str(error)
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up, or this side did."""
        if not self._over:
            self.dropped = str(exc or "the server hung up")
        self._transport = None
        self._gone.set()

    async def send(self) -> None:
        """Send the next frame, stamped now."""
        if self._transport is None:
            return
        write_stamp(self._frame, len(HEADER), self.notes.sequence, time.monotonic_ns())
        self._transport.write(bytes(self._frame))
        self.notes.sequence += 1

    async def hang_up(self) -> None:
        """End the call as Asterisk does when the caller hangs up."""
        if self._transport is not None:
            self._close()
            await self._gone.wait()

    def _close(self) -> None:
        self._over = True
        if self._transport is not None:
            self._transport.close()
