"""The wire of Asterisk's WebSocket channel: texts that control, binary messages that are sound. No socket, no clock.

Source: `channels/chan_websocket.c` of Asterisk 22.10. Events and commands are JSON with the option `f(json)`, else a
word and what belongs to it; both sides speak the same. Sound is what the channel's format says, without any header;
linear samples are little-endian.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from offhook.audio.formats import ALAW_8K, MULAW_8K, AudioFormat, Encoding
from offhook.errors import WireError

__all__ = [
    "FORMATS",
    "KEYS",
    "MAX_COMMAND_BYTES",
    "Command",
    "Event",
    "Flow",
    "KeyPressed",
    "MarkProcessed",
    "MediaStart",
    "QueueDrained",
    "Status",
    "Trouble",
    "command",
    "read_event",
]

KEYS = frozenset("0123456789*#ABCD")
MAX_COMMAND_BYTES = 128
"""A longer text is passed over by Asterisk."""

FORMATS: Mapping[str, AudioFormat] = {
    "ulaw": MULAW_8K,
    "alaw": ALAW_8K,
    "slin": AudioFormat(Encoding.PCM16, 8_000),
    "slin12": AudioFormat(Encoding.PCM16, 12_000),
    "slin16": AudioFormat(Encoding.PCM16, 16_000),
    "slin24": AudioFormat(Encoding.PCM16, 24_000),
    "slin32": AudioFormat(Encoding.PCM16, 32_000),
    "slin44": AudioFormat(Encoding.PCM16, 44_100),
    "slin48": AudioFormat(Encoding.PCM16, 48_000),
    "slin96": AudioFormat(Encoding.PCM16, 96_000),
    "slin192": AudioFormat(Encoding.PCM16, 192_000),
}
"""Asterisk's names of the formats that we speak."""

Command = Literal["MARK_MEDIA", "FLUSH_MEDIA", "GET_STATUS", "HANGUP"]


@dataclass(frozen=True, slots=True)
class MediaStart:
    """The first message: whose sound will come and how. `variables` are those that the WebSocket channel has.

    `channel` is its name and `channel_id` what does not change; `frame_bytes` is what Asterisk plays at a time, and
    `is_json` how the channel wants to be spoken to.
    """

    connection_id: str
    channel: str
    channel_id: str
    format: AudioFormat
    frame_bytes: int
    variables: Mapping[str, str] = field(default_factory=dict)
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """Whether Asterisk has room for more sound: it has none from 900 frames on, and then again below 800."""

    open: bool


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller released a key: one of `KEYS`."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkProcessed:
    """What was sent before the mark `name` has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class QueueDrained:
    """Nothing waits any more. Told once for each time that it was asked for."""


@dataclass(frozen=True, slots=True)
class Status:
    """How many frames wait."""

    queue_length: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Asterisk could not do what we asked; `text` is its word."""

    text: str


Event = MediaStart | Flow | KeyPressed | MarkProcessed | QueueDrained | Status | Trouble


def read_event(text: str) -> Event | None:
    """One text message of Asterisk; None for one that tells us nothing.

    Raises WireError for what is no message, and for a start that no call can begin with.
    """
    is_json = text.startswith("{")
    name, fields = _json_fields(text) if is_json else _plain_fields(text)
    return _start(fields, is_json) if name == "MEDIA_START" else _later(name, fields)


def command(name: Command, correlation_id: str = "", *, is_json: bool) -> str:
    """A text that Asterisk takes. Raises WireError for one that it would pass over: too long, or more than one word."""
    if any(sign.isspace() or sign in '"\\' or not sign.isprintable() for sign in correlation_id):
        raise WireError(f"{correlation_id[:40]!r} is no id of a mark")
    if is_json:
        fields = {"command": name} | ({"correlation_id": correlation_id} if correlation_id else {})
        text = orjson.dumps(fields).decode()
    else:
        text = f"{name} {correlation_id}".rstrip()
    if len(text.encode()) > MAX_COMMAND_BYTES:
        raise WireError(f"a command of {len(text.encode())} bytes, above the limit of {MAX_COMMAND_BYTES}")
    return text


def _json_fields(text: str) -> tuple[str, Mapping[str, Any]]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WireError(f"a message is no JSON: {text[:60]!r}") from error
    if not isinstance(fields, dict):
        raise WireError(f"a message is no JSON object: {text[:60]!r}")
    return _text(fields, "event"), fields


def _plain_fields(text: str) -> tuple[str, Mapping[str, Any]]:
    """A word, and fields as `name:value`. The id of a mark stands alone; an error's text is the rest of the line."""
    name, _, rest = text.partition(" ")
    if not name.replace("_", "").isalpha() or not name.isupper():
        raise WireError(f"a message begins with no event: {text[:60]!r}")
    if name == "MEDIA_MARK_PROCESSED":
        return name, {"correlation_id": rest.strip()}
    told, _, error_text = rest.partition("error_text:")
    pairs = (each.partition(":") for each in told.split() if ":" in each)
    return name, {key: value for key, _, value in pairs} | ({"error_text": error_text} if error_text else {})


def _later(name: str, fields: Mapping[str, Any]) -> Event | None:
    event: Event | None = None
    match name:
        case "MEDIA_MARK_PROCESSED":
            mark = _text(fields, "correlation_id")
            event = MarkProcessed(mark) if mark else None
        case "DTMF_END":
            digit = _text(fields, "digit")
            event = KeyPressed(digit) if digit in KEYS else None
        case "MEDIA_XOFF" | "MEDIA_XON":
            event = Flow(name == "MEDIA_XON")
        case "QUEUE_DRAINED":
            event = QueueDrained()
        case "STATUS":
            event = Status(_whole(fields, "queue_length"))
        case "ERROR":
            event = Trouble(_text(fields, "error_text")[:200])
    return event


def _start(fields: Mapping[str, Any], is_json: bool) -> MediaStart:
    named = _text(fields, "format")
    audio_format = FORMATS.get(named)
    if audio_format is None:
        raise WireError(
            f"the channel's format is {named[:40]!r}; name c(ulaw), c(slin16) or c(slin24) in the dial string"
        )
    frame_bytes = _whole(fields, "optimal_frame_size")
    if not 0 < frame_bytes <= audio_format.frame_bytes or audio_format.frame_bytes % frame_bytes:
        raise WireError(
            f"the channel plays {frame_bytes} bytes at a time, and 20 ms of {named} have {audio_format.frame_bytes};"
            " the option p must not be set"
        )
    told = fields.get("channel_variables")
    return MediaStart(
        connection_id=_text(fields, "connection_id"),
        channel=_text(fields, "channel"),
        channel_id=_text(fields, "channel_id"),
        format=audio_format,
        frame_bytes=frame_bytes,
        variables=_texts(told) if isinstance(told, dict) else {},
        is_json=is_json,
    )


def _texts(values: Mapping[Any, Any]) -> Mapping[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise WireError(f"{name} of a message is no text")
    return value


def _whole(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name, "")
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    raise WireError(f"{name} of a message is no number")
