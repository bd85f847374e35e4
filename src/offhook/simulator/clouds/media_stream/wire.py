"""What goes over the socket of a stream, whatever the carrier writes it like. No socket, no clock."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from offhook.errors import WireError

__all__ = [
    "Clear",
    "Command",
    "Mark",
    "Message",
    "RefusedError",
    "Sound",
    "Stop",
    "Tones",
    "Wire",
    "payload",
    "required",
]

Message = dict[str, Any]


class RefusedError(WireError):
    """A message of the server that the carrier would not act on."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio to be queued."""

    data: bytes
    encoding: str
    rate: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Tell when everything before this has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Drop what is queued."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the stream."""


@dataclass(frozen=True, slots=True)
class Tones:
    """Send keys to the person at the phone."""

    digits: str


Command = Sound | Mark | Clear | Stop | Tones


class Wire(Protocol):
    """One stream's messages: those of the cloud as objects to be sent, those of the server as commands.

    Times are `stream_ms`, milliseconds since the stream began, and `epoch_ms`.
    """

    def opening(self) -> list[Message]:
        """What comes first."""
        ...

    def media(self, data: bytes, track: str, stream_ms: int, epoch_ms: int) -> Message:
        """20 ms of audio."""
        ...

    def key(self, digit: str, stream_ms: int) -> list[Message]:
        """A key that was pressed."""
        ...

    def reached(self, names: Sequence[str]) -> list[Message]:
        """Marks that were reached."""
        ...

    def cleared(self, names: Sequence[str]) -> list[Message]:
        """The queue was dropped, and with it these marks."""
        ...

    def closing(self) -> list[Message]:
        """What comes last."""
        ...

    def read(self, text: str) -> Command:
        """What the server wants. Raises RefusedError."""
        ...


def parsed(text: str) -> Message:
    """A message of the server. Raises RefusedError for what is not a JSON object with an event."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RefusedError(f"not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("event"), str):
        raise RefusedError("not an object with an event")
    return value


def required(message: Mapping[str, Any], name: str, kind: type) -> Any:
    """A member of a message. Raises RefusedError where it is missing or of another kind."""
    value = message.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RefusedError(f"{name} is {value!r} and should be {kind.__name__}")
    return value


def payload(media: Mapping[str, Any]) -> bytes:
    """The audio in a message. Raises RefusedError for what is not base64, not raw, or nothing."""
    try:
        data = base64.b64decode(required(media, "payload", str), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError(f"payload is not base64: {error}") from error
    if not data:
        raise RefusedError("payload is empty")
    if data.startswith(b"RIFF"):
        raise RefusedError("payload is a WAV file and should be raw audio")
    return data
