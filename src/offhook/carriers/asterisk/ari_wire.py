"""The texts of Asterisk's REST interface (ARI): its events, and what may be part of a path. No socket.

Source: `rest-api/api-docs/events.json` and `res/ari` of Asterisk 22.10. What an event names becomes part of
requests, so that names with anything but plain characters in them are no names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from offhook.errors import WireError

__all__ = [
    "MAX_EVENT_BYTES",
    "AriChannel",
    "AriEvent",
    "Destroyed",
    "Dialled",
    "HangupRequested",
    "Left",
    "Replaced",
    "Started",
    "channel_of",
    "event_of",
    "plain_id",
    "read_body",
]

MAX_EVENT_BYTES = 1_048_576
"""Events of channels with many variables have some kilobytes."""

_ID = re.compile(r"[A-Za-z0-9_.:@+-]{1,150}(?:;[12])?")
_MOST_ARGUMENTS = 64
_MOST_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class AriChannel:
    """A channel as events and lists have it. Numbers and names are empty where Asterisk knows none."""

    id: str
    name: str
    state: str = ""
    caller_number: str = ""
    caller_name: str = ""
    extension: str = ""
    context: str = ""
    language: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class Started:
    """A channel has come into our application: by the dialplan, or because we placed it there."""

    channel: AriChannel
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A channel is no longer in our application: hung up, or on in the dialplan."""

    channel: str


@dataclass(frozen=True, slots=True)
class HangupRequested:
    """A channel is about to be hung up; `cause` is of Q.850."""

    channel: str
    cause: int


@dataclass(frozen=True, slots=True)
class Destroyed:
    """A channel is no more; `cause` is of Q.850."""

    channel: str
    cause: int
    text: str


@dataclass(frozen=True, slots=True)
class Dialled:
    """How a call to a channel goes: `RINGING`, `ANSWER`, `BUSY`, `CONGESTION`, `NOANSWER` …; empty when it begins."""

    channel: str
    status: str


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another program has connected for our application: events go there from now on."""


AriEvent = Started | Left | HangupRequested | Destroyed | Dialled | Replaced


def plain_id(text: object) -> str:
    """`text`, if it is the id of a channel or bridge that may be part of a path. Raises WireError."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise WireError(f"no id of a channel or a bridge: {str(text)[:80]!r}")
    return text


def channel_of(body: object) -> AriChannel:
    """A channel. Raises WireError for what is none."""
    if not isinstance(body, dict):
        raise WireError("an event tells no channel where there must be one")
    caller, dialplan = _object(body, "caller"), _object(body, "dialplan")
    return AriChannel(
        plain_id(body.get("id")),
        _text(body, "name"),
        _text(body, "state"),
        _text(caller, "number"),
        _text(caller, "name"),
        _text(dialplan, "exten"),
        _text(dialplan, "context"),
        _text(body, "language"),
        _text(body, "accountcode"),
    )


def read_body(text: str) -> Mapping[str, Any]:
    """The fields of an event. Raises WireError for what is no event at all."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WireError(f"an event is no JSON: {text[:60]!r}") from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise WireError(f"an event without a type: {text[:60]!r}")
    return body


def event_of(body: Mapping[str, Any]) -> AriEvent | None:
    """An event; None for one that we have no use for. Raises WireError for one that lacks what it must have."""
    read = _EVENTS.get(body["type"])
    return read(body) if read is not None else None


def _started(body: Mapping[str, Any]) -> Started:
    given = body.get("args", [])
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise WireError("the arguments of StasisStart are no texts")
    return Started(channel_of(body.get("channel")), tuple(each[:_MOST_CHARS] for each in given[:_MOST_ARGUMENTS]))


def _left(body: Mapping[str, Any]) -> Left:
    return Left(_channel_id(body, "channel"))


def _hangup_requested(body: Mapping[str, Any]) -> HangupRequested:
    return HangupRequested(_channel_id(body, "channel"), _number(body, "cause"))


def _destroyed(body: Mapping[str, Any]) -> Destroyed:
    return Destroyed(_channel_id(body, "channel"), _number(body, "cause"), _text(body, "cause_txt"))


def _dialled(body: Mapping[str, Any]) -> Dialled:
    return Dialled(_channel_id(body, "peer"), _text(body, "dialstatus"))


_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], AriEvent]] = {
    "StasisStart": _started,
    "StasisEnd": _left,
    "ChannelHangupRequest": _hangup_requested,
    "ChannelDestroyed": _destroyed,
    "Dial": _dialled,
    "ApplicationReplaced": lambda body: Replaced(),
}


def _channel_id(body: Mapping[str, Any], name: str) -> str:
    return plain_id(_object(body, name).get("id"))


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value[:_MOST_CHARS] if isinstance(value, str) else ""


def _number(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
