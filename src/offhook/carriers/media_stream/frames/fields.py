"""Finding what is meant in a carrier's JSON: names in any spelling, numbers as text, formats by any of their names.

The carriers' own pages, their examples and what was seen on their lines differ in all of these.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from offhook.audio.formats import AudioFormat, Encoding
from offhook.errors import AudioError, WireError

__all__ = ["Message", "field", "identifier", "media_format", "parameters"]

Message = dict[str, Any]

MAX_IDENTIFIER = 200
"""Characters. A stream id goes out with every frame, so its length is not the peer's to choose."""

_ENCODINGS = {
    "mulaw": Encoding.MULAW,
    "ulaw": Encoding.MULAW,
    "pcmu": Encoding.MULAW,
    "l16": Encoding.PCM16,
    "linear16": Encoding.PCM16,
    "pcm16": Encoding.PCM16,
}


def field(names: frozenset[str], *places: object) -> Any:
    """The first value that is not empty under one of `names`, given in lower case without `_` and `-`.

    Places are searched in order; those that are no JSON objects hold nothing. None if there is no such value.
    """
    for place in places:
        if isinstance(place, dict):
            for key, value in place.items():
                if value not in (None, "") and _plain(key) in names:
                    return value
    return None


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def identifier(value: object) -> str:
    """An id as text; empty for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if len(text) <= MAX_IDENTIFIER else ""


def parameters(value: object) -> Mapping[str, str]:
    """Values that were given to the stream when it was ordered: a JSON object, one as text, or `k=v;k2=v2`."""
    if isinstance(value, str):
        value = _object(value) if value.lstrip().startswith("{") else _pairs(value)
    if not isinstance(value, dict):
        return {}
    return {key: str(item) for key, item in value.items() if isinstance(item, str | int | float)}


def _object(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _pairs(text: str) -> dict[str, str]:
    parts = text.split(";" if ";" in text else ",")
    pairs = (part.partition("=") for part in parts if "=" in part)
    return {key.strip(): value.strip() for key, _, value in pairs}


def media_format(encoding: object, rate: object, asked: AudioFormat) -> AudioFormat | None:
    """The format that a start tells, as `audio/x-l16` with a rate beside it or as `audio/x-l16;rate=8000`.

    None if it tells none. A rate that is missing is the one that was asked for. Raises WireError for an encoding that
    no one here speaks.
    """
    if not isinstance(encoding, str) or not encoding.strip():
        return None
    name, _, options = encoding.lower().partition(";")
    known = _ENCODINGS.get(name.strip().removeprefix("audio/").removeprefix("x-"))
    if known is None:
        raise WireError(f"the stream is in {encoding[:40]!r}, which is not served")
    hertz = _number(rate) or _number(options.replace(" ", "").removeprefix("rate="))
    try:
        return AudioFormat(known, hertz or (asked.rate if asked.encoding is known else 8_000))
    except AudioError as error:
        raise WireError(str(error)) from None


def _number(value: object) -> int:
    """A rate in Hz; 0 for what is none."""
    text = value.strip() if isinstance(value, str) else str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
