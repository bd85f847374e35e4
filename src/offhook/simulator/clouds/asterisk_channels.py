"""Channels of the double of Asterisk: who is on them, where they are in the dialplan, and their AudioSocket."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

__all__ = ["Callee", "Channel", "Plug"]

_KINDS = {8_000: 0x10, 16_000: 0x12, 24_000: 0x13}
_FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class Callee:
    """What becomes of a call to a number: `answers`, `busy`, `silent` (rings until the time is up) or `congestion`;
    `rings_s` is how long it rings before it answers."""

    does: str = "answers"
    rings_s: float = 0.05


@dataclass(eq=False)
class Channel:
    """A channel. `went` lists the places of the dialplan it was sent to, `keys` what was pressed towards it,
    `recordings` the files that are being written, `bridged_with` is who is talked with directly. `gone` is set when it
    is hung up."""

    name: str
    id: str
    context: str
    extension: str
    number: str = ""
    caller: str = ""
    language: str = "en"
    state: str = "Up"
    application: str = ""
    data: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    went: list[tuple[str, str]] = field(default_factory=list)
    keys: str = ""
    recordings: list[str] = field(default_factory=list)
    plug: "Plug | None" = None
    bridged_with: "Channel | None" = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def fields(self, prefix: str = "") -> list[tuple[str, str]]:
        """The channel as events have it."""
        told = {
            "Channel": self.name,
            "ChannelState": {"Down": "0", "Ringing": "5", "Up": "6", "Busy": "7"}[self.state],
            "ChannelStateDesc": self.state,
            "CallerIDNum": self.number or "<unknown>",
            "CallerIDName": self.caller or "<unknown>",
            "ConnectedLineNum": "<unknown>",
            "ConnectedLineName": "<unknown>",
            "Language": self.language,
            "AccountCode": "",
            "Context": self.context,
            "Exten": self.extension,
            "Priority": "3",
            "Uniqueid": self.id,
            "Linkedid": self.id,
        }
        return [(prefix + name, value) for name, value in told.items()]


class Plug:
    """The AudioSocket of a channel: says its UUID, then fifty frames a second, and reads what comes.

    `heard` counts the frames that came, `sound` has their samples, pcm16 at `rate`."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ended: Callable[[], Awaitable[None]],
        rate: int = 8_000,
    ):
        self._size = rate // 25
        self._head = bytes([_KINDS[rate]]) + self._size.to_bytes(2, "big")
        self._reader = reader
        self._writer = writer
        self._ended = ended
        self._sending = asyncio.create_task(self._send())
        self._reading = asyncio.create_task(self._read())
        self._sayings: deque[bytes] = deque()
        self.heard = 0
        self.sound = bytearray()
        self.pulled = False

    @classmethod
    async def into(
        cls, host: str, port: int, call_id: str, ended: Callable[[], Awaitable[None]], rate: int = 8_000
    ) -> "Plug":
        """Connect and say which call it is. `ended` is told when the server ends it, not when we do."""
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"\x01\x00\x10" + UUID(call_id).bytes)
        return cls(reader, writer, ended, rate)

    def say(self, pcm: bytes) -> None:
        """Speak: pcm16 at the rate of the plug, behind what is still being said."""
        size = self._size
        self._sayings += (pcm[at : at + size].ljust(size, b"\0") for at in range(0, len(pcm), size))

    def press(self, digit: str) -> None:
        """Press a key."""
        self._writer.write(b"\x03\x00\x01" + digit.encode())

    async def pull(self) -> None:
        """End the connection as Asterisk does: an end of file and no message."""
        if self.pulled:
            return
        self.pulled = True
        self._sending.cancel()
        with contextlib.suppress(OSError):
            self._writer.write_eof()
        await asyncio.wait([self._reading], timeout=1)
        await self.close()

    async def close(self) -> None:
        """Be gone."""
        self.pulled = True
        own = asyncio.current_task()
        for task in (self._sending, self._reading):
            if task is not own:
                task.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        begun, sent = loop.time(), 0
        with contextlib.suppress(OSError):
            while True:
                self._writer.write(self._head + (self._sayings.popleft() if self._sayings else bytes(self._size)))
                await self._writer.drain()
                sent += 1
                await asyncio.sleep(max(0.0, begun + sent * _FRAME_S - loop.time()))

    async def _read(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await self._reader.readexactly(3)
                payload = await self._reader.readexactly(int.from_bytes(head[1:], "big"))
                if head[0] == 0:
                    break
                self.heard += 1
                self.sound += payload
        if not self.pulled:
            await self.close()
            await self._ended()
