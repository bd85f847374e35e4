"""The AudioSocket wire of Asterisk: one kind byte, two bytes of big-endian length, the payload. No socket, no clock.

Source: `res_audiosocket.c`, `app_audiosocket.c` and `chan_audiosocket.c` of Asterisk 22.10. Samples are signed 16-bit
little-endian mono, although the length is big-endian.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple
from uuid import UUID

from offhook.errors import WireError

__all__ = [
    "HEADER_BYTES",
    "KIND_OF_RATE",
    "MAX_AUDIO_BYTES",
    "RATE_OF_KIND",
    "Audio",
    "AudioSocketError",
    "CallId",
    "Dtmf",
    "ErrorCode",
    "Failure",
    "Fault",
    "Hangup",
    "Kind",
    "Message",
    "Parser",
    "Sender",
    "audio_header",
    "encode",
]

HEADER_BYTES = 3
MAX_AUDIO_BYTES = 38_400
"""100 ms at 192 kHz. Asterisk cuts linear audio at 70 ms a packet, so nothing that is live audio is longer."""


class Kind(IntEnum):
    """What a message is. Rates beyond 8 kHz and DTMF came with later releases of Asterisk than the rest."""

    HANGUP = 0x00
    UUID = 0x01
    DTMF = 0x03
    AUDIO_8K = 0x10
    AUDIO_12K = 0x11
    AUDIO_16K = 0x12
    AUDIO_24K = 0x13
    AUDIO_32K = 0x14
    AUDIO_44K1 = 0x15
    AUDIO_48K = 0x16
    AUDIO_96K = 0x17
    AUDIO_192K = 0x18
    ERROR = 0xFF


RATE_OF_KIND: dict[Kind, int] = {
    Kind.AUDIO_8K: 8_000,
    Kind.AUDIO_12K: 12_000,
    Kind.AUDIO_16K: 16_000,
    Kind.AUDIO_24K: 24_000,
    Kind.AUDIO_32K: 32_000,
    Kind.AUDIO_44K1: 44_100,
    Kind.AUDIO_48K: 48_000,
    Kind.AUDIO_96K: 96_000,
    Kind.AUDIO_192K: 192_000,
}
KIND_OF_RATE: dict[int, Kind] = {rate: kind for kind, rate in RATE_OF_KIND.items()}


class ErrorCode(IntEnum):
    """Codes of an error message. Asterisk defines them and never sends one; others may."""

    NONE = 0x00
    CALLER_HUNG_UP = 0x01
    FRAME_FORWARDING = 0x02
    MEMORY = 0x04
    UNKNOWN = 0xFF


class Sender(Enum):
    """Whose messages a parser reads: each side may send other kinds."""

    ASTERISK = "asterisk"
    SERVER = "server"


class Fault(StrEnum):
    """In which way a message is malformed."""

    WRONG_FIRST_MESSAGE = "wrong_first_message"
    UNKNOWN_KIND = "unknown_kind"
    WRONG_KIND = "wrong_kind"
    WRONG_LENGTH = "wrong_length"
    EMPTY_AUDIO = "empty_audio"
    ODD_AUDIO = "odd_audio"
    GIANT_AUDIO = "giant_audio"


class AudioSocketError(WireError):
    """A message is malformed; `fault` says how."""

    def __init__(self, fault: Fault, problem: str):
        self.fault = fault
        super().__init__(problem)


class Audio(NamedTuple):
    """Samples, at the rate that `kind` stands for. A tuple: there are fifty a second of each call."""

    kind: Kind
    payload: bytes


@dataclass(frozen=True, slots=True)
class CallId:
    """The first message of a connection: the id of the call, sent as 16 raw bytes."""

    uuid: UUID


@dataclass(frozen=True, slots=True)
class Dtmf:
    """The caller released a key. One character, as it came; Asterisk can also report a fax tone this way."""

    digit: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End of the call; from the server, the dialplan goes on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error message with its code, not always one of `ErrorCode`."""

    code: int


Message = Audio | CallId | Dtmf | Hangup | Failure

_AUDIO_KINDS: dict[int, Kind] = {int(kind): kind for kind in RATE_OF_KIND}
_LENGTHS: dict[int, int] = {Kind.HANGUP: 0, Kind.UUID: 16, Kind.DTMF: 1, Kind.ERROR: 1}


class Parser:
    """Turns the bytes of one connection, cut in any way, into messages.

    A malformed header is refused at once, before its payload is there, so no more than one message is ever held.
    After an `AudioSocketError` the place in the stream is lost: the parser is of no further use.
    """

    def __init__(self, sender: Sender = Sender.ASTERISK):
        self._sender = sender
        self._identified = False
        self._held = bytearray()
        self._needed = HEADER_BYTES

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._held)

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes. Iterate to the end: parsing happens on the way.

        Raises AudioSocketError in place of a malformed message, after those that came before it.
        """
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return
            data = bytes(self._held)
            self._held.clear()
        at, size = 0, len(data)
        while size - at >= HEADER_BYTES:
            start = at + HEADER_BYTES
            end = start + (data[at + 1] << 8 | data[at + 2])
            audio = self._judge(data[at], end - start)
            if end > size:
                self._needed = end - at
                break
            yield Audio(audio, data[start:end]) if audio else self._control(data[at], data[start:end])
            at = end
        else:
            self._needed = HEADER_BYTES
        self._held += data[at:]

    def _judge(self, kind: int, length: int) -> Kind | None:
        """The kind of an audio header, None for any other; raises for what may not come here."""
        audio = _AUDIO_KINDS.get(kind)
        if self._sender is Sender.ASTERISK and self._identified == (kind == Kind.UUID):
            self._refuse_order(kind)
        if audio is None:
            self._judge_control(kind, length)
        elif length == 0 or length & 1 or length > MAX_AUDIO_BYTES:
            _refuse_audio(length)
        return audio

    def _refuse_order(self, kind: int) -> None:
        if self._identified:
            raise AudioSocketError(Fault.WRONG_KIND, "a second UUID on one connection")
        raise AudioSocketError(
            Fault.WRONG_FIRST_MESSAGE, f"the first message is of kind 0x{kind:02x} and must be a UUID, 0x01"
        )

    def _judge_control(self, kind: int, length: int) -> None:
        expected = _LENGTHS.get(kind)
        if expected is None:
            raise AudioSocketError(Fault.UNKNOWN_KIND, f"unknown kind 0x{kind:02x}, {length} bytes")
        if self._sender is Sender.SERVER and kind != Kind.HANGUP:
            raise AudioSocketError(
                Fault.WRONG_KIND, f"kind 0x{kind:02x} from a server, which may send audio and hangup"
            )
        if length != expected:
            problem = f"{length} bytes in a message of kind 0x{kind:02x}, which has {expected}"
            raise AudioSocketError(Fault.WRONG_LENGTH, problem)

    def _control(self, kind: int, payload: bytes) -> Message:
        if kind == Kind.UUID:
            self._identified = True
            return CallId(UUID(bytes=payload))
        if kind == Kind.DTMF:
            return Dtmf(payload.decode("latin-1"))
        return Hangup() if kind == Kind.HANGUP else Failure(payload[0])


def audio_header(kind: Kind, length: int) -> bytes:
    """The three bytes before `length` bytes of audio. Raises AudioSocketError for a length that ends a call."""
    if length == 0 or length & 1 or length > MAX_AUDIO_BYTES:
        _refuse_audio(length)
    return bytes((kind, length >> 8, length & 0xFF))


def encode(message: Message) -> bytes:
    """Header and payload as one object, to leave in one write: Asterisk hangs up on 5 ms between the two."""
    match message:
        case Audio(kind, payload):
            return audio_header(kind, len(payload)) + payload
        case CallId(uuid):
            return _control_message(Kind.UUID, uuid.bytes)
        case Dtmf(digit):
            return _control_message(Kind.DTMF, digit.encode("latin-1"))
        case Failure(code):
            return _control_message(Kind.ERROR, bytes((code,)))
        case Hangup():
            return _control_message(Kind.HANGUP, b"")


def _control_message(kind: Kind, payload: bytes) -> bytes:
    return bytes((kind, 0, len(payload))) + payload


def _refuse_audio(length: int) -> None:
    if length == 0:
        raise AudioSocketError(Fault.EMPTY_AUDIO, "an audio message of zero bytes")
    if length > MAX_AUDIO_BYTES:
        raise AudioSocketError(
            Fault.GIANT_AUDIO, f"an audio message of {length} bytes, above the limit of {MAX_AUDIO_BYTES}"
        )
    raise AudioSocketError(Fault.ODD_AUDIO, f"an audio message of {length} bytes, half a sample too many")
