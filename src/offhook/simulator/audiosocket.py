"""Calls to an agent as Asterisk makes them, over AudioSocket."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

from offhook.carriers.audiosocket.wire import (
    KIND_OF_RATE,
    Audio,
    CallId,
    Dtmf,
    Hangup,
    Message,
    Parser,
    Sender,
    encode,
)
from offhook.errors import CallError, WireError
from offhook.simulator.exchange import Receiver

__all__ = ["Address", "AudioSocketCircuit"]

FAREWELL_S = 1.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the agent's AudioSocket listens."""

    host: str = "127.0.0.1"
    port: int = 9093

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def dial(self, rate: int) -> "AudioSocketCircuit":
        """Connect and introduce a new call. Raises CallError if there is nobody."""
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
        except OSError as error:
            raise CallError(
                f"cannot connect to {self}: {error.strerror or error}. Is `offhook serve` running?"
            ) from error
        return AudioSocketCircuit(reader, writer, rate)


class AudioSocketCircuit:
    """One connection, which is one call."""

    faults = None

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: int):
        uuid = uuid4()
        self.call_id = str(uuid)
        self._kind = KIND_OF_RATE[rate]
        self._reader = reader
        self._writer = writer
        self._listening: asyncio.Task[None] | None = None
        writer.write(encode(CallId(uuid)))

    def listen(self, receiver: Receiver) -> None:
        """Pass on what comes until the connection ends."""
        self._listening = asyncio.create_task(self._listen(receiver))

    def send(self, pcm: bytes) -> None:
        """Send a frame."""
        self._writer.write(encode(Audio(self._kind, pcm)))

    def press(self, digit: str) -> None:
        """Press a key."""
        self._writer.write(encode(Dtmf(digit)))

    async def hang_up(self) -> None:
        """End as Asterisk does when the caller hangs up: the server gets an end of file and no message."""
        with suppress(OSError):
            self._writer.write_eof()
            if self._listening is not None:
                await asyncio.wait([self._listening], timeout=FAREWELL_S)
        if self._listening is not None:
            self._listening.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self, receiver: Receiver) -> None:
        parser = Parser(Sender.SERVER)
        problem = ""
        try:
            while data := await self._reader.read(65_536):
                at = receiver.now
                for message in parser.feed(data):
                    _pass_on(message, receiver, at)
        except (OSError, WireError) as error:
            problem = f"the connection broke: {error}"
        receiver.hung_up(problem)


def _pass_on(message: Message, receiver: Receiver, at: int) -> None:
    if isinstance(message, Audio):
        receiver.hear(message.payload, at)
    elif isinstance(message, Hangup):
        receiver.hung_up()
