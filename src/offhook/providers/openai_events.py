"""What all sessions of OpenAI's Realtime API share: events as JSON, kinds of audio, and what an error means.

Source: developers.openai.com, the reference of Realtime events, in the shapes of 2026.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_24K, AudioFormat
from offhook.errors import WireError

__all__ = ["COMMIT", "SESSION_UPDATE", "Failure", "append", "item_id", "media_type", "read_event", "wire_format"]

COMMIT = '{"type":"input_audio_buffer.commit"}'
SESSION_UPDATE = "offhook_session"
"""Our id of the event that configures the session; an error that quotes it is final."""

_MEDIA_TYPES: Mapping[AudioFormat, Mapping[str, Any]] = {
    MULAW_8K: {"type": "audio/pcmu"},
    ALAW_8K: {"type": "audio/pcma"},
    PCM_24K: {"type": "audio/pcm", "rate": 24_000},
}
_FATAL = frozenset(
    {
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "model_not_found",
        "beta_api_shape_disabled",
    }
)


def wire_format(format: AudioFormat) -> AudioFormat:  # noqa: A002
    """What to send for audio in `format`: the same, where the API takes it, and mu-law for other lines of 8 kHz, which
    takes a sixth of the bytes and no resampling."""
    if format in _MEDIA_TYPES:
        return format
    return MULAW_8K if format.rate == MULAW_8K.rate else PCM_24K


def media_type(format: AudioFormat) -> Mapping[str, Any]:  # noqa: A002
    """How a session object names a format of `wire_format`."""
    return _MEDIA_TYPES[format]


def append(audio: bytes) -> str:
    """The event that brings audio."""
    return f'{{"type":"input_audio_buffer.append","audio":"{b64encode(audio).decode()}"}}'


def read_event(data: str | bytes) -> Mapping[str, Any]:
    """An event of the server. Raises WireError."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("an event that is not JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise WireError("an event without a type")
    return event


@dataclass(frozen=True, slots=True)
class Failure:
    """An event of type error. `fatal` where the session is of no use any more. `quotes` is the id of our event."""

    text: str
    code: str
    fatal: bool
    retryable: bool
    quotes: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Failure":
        """What the event `error` tells."""
        error = event.get("error")
        if not isinstance(error, dict):
            raise WireError("an error that says nothing")
        code = str(error.get("code") or error.get("type") or "")
        quotes = str(error.get("event_id") or "")
        ours = quotes == SESSION_UPDATE or code in _FATAL
        expired = code == "session_expired"
        return cls(f"{code}: {error.get('message')}", code, ours or expired, expired or not ours, quotes)


def item_id(event: Mapping[str, Any]) -> str:
    """The item that an event is about. Raises WireError."""
    found = event.get("item_id")
    if not isinstance(found, str) or not found:
        raise WireError(f"{event['type']} without an item")
    return found
