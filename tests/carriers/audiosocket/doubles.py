"""What the tests of this room share: a clock, a transport, a call and an Asterisk."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.audiosocket.wire import Audio, CallId, Kind, encode
from offhook.events import EndReason

CALL_ID = UUID("3f2c8d0e-5b1a-4c7e-9a43-0d6c1b2e7f10")
HELLO = encode(CallId(CALL_ID))
PACKET = encode(Audio(Kind.AUDIO_8K, bytes(range(160)) * 2))


@dataclass
class Call:
    """A call that remembers what its leg told it."""

    said: list[bytes | str | tuple[EndReason, str]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_audio(self, frame: bytes) -> None:
        self.said.append(frame)

    def on_dtmf(self, digit: str) -> None:
        self.said.append(digit)

    def on_played(self, name: str) -> None:
        raise AssertionError("this carrier knows no marks")

    def on_closed(self, reason: EndReason, detail: str) -> None:
        self.said.append((reason, detail))
        self.ended.set()

    @property
    def frames(self) -> list[bytes]:
        return [item for item in self.said if isinstance(item, bytes)]

    @property
    def ends(self) -> list[EndReason]:
        return [item[0] for item in self.said if isinstance(item, tuple)]


@dataclass
class Switchboard:
    """Answers every call, or none while `answer` is false."""

    answer: bool = True
    legs: list[AudioSocketLeg] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def on_call(self, leg: AudioSocketLeg) -> None:
        self.legs.append(leg)
        call = Call()
        self.calls.append(call)
        if self.answer:
            leg.attach(call)
        self.arrived.set()


@dataclass
class Appointment:
    """A callback at a time, unless cancelled."""

    at: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Clock:
    """Time that passes when told."""

    now: float = 0.0
    appointments: list[Appointment] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Appointment:
        appointment = Appointment(self.now + delay, callback)
        self.appointments.append(appointment)
        return appointment

    @property
    def due(self) -> list[Appointment]:
        return [appointment for appointment in self.appointments if not appointment.cancelled]

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds + 1e-9
        while waiting := [appointment for appointment in self.due if appointment.at <= end]:
            first = min(waiting, key=lambda appointment: appointment.at)
            self.appointments.remove(first)
            self.now = first.at
            first.callback()
        self.now = end


class Socket:
    """Remembers its options."""

    def __init__(self) -> None:
        self.options: dict[tuple[int, int], int] = {}

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options[level, option] = value


class Transport(asyncio.Transport):
    """Remembers every write, and what was done at the end."""

    def __init__(self, peer: tuple[Any, ...] | None = ("127.0.0.1", 40_000)):
        super().__init__()
        self.peer = peer
        self.writes: list[bytes] = []
        self.deeds: list[str] = []
        self.unread = 0
        self.high: int | None = None
        self.socket = Socket()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": self.peer, "socket": self.socket}.get(name, default)

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        self.writes.append(bytes(data))

    def write_eof(self) -> None:
        self.deeds.append("eof")

    def close(self) -> None:
        self.deeds.append("close")

    def abort(self) -> None:
        self.deeds.append("abort")

    def get_write_buffer_size(self) -> int:
        return self.unread

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high


class Asterisk:
    """The far end of a real connection."""

    def __init__(self, port: int, receive_buffer: int | None = None):
        self._port = port
        self._receive_buffer = receive_buffer
        self.call_id = uuid4()

    async def connect(self) -> "Asterisk":
        sock = socket.socket()
        sock.setblocking(False)
        if self._receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        self.socket = sock
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        return self

    async def say(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def identify(self, call_id: UUID | None = None) -> None:
        await self.say(encode(CallId(call_id or self.call_id)))

    async def hear(self, count: int) -> bytes:
        """The next `count` bytes."""
        data = b""
        while len(data) < count:
            part = await asyncio.get_running_loop().sock_recv(self.socket, count - len(data))
            assert part, "the server has ended the connection"
            data += part
        return data

    async def hear_out(self) -> bytes:
        """Everything up to the server's end of file or reset."""
        data = b""
        try:
            while part := await asyncio.get_running_loop().sock_recv(self.socket, 65_536):
                data += part
        except ConnectionResetError:
            pass
        return data

    def hang_up(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()
