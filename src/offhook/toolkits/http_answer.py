"""What a language model gets of an HTTP answer: the part that was asked for, and never much. No I/O."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from offhook.errors import WireError

__all__ = ["PASSING", "HttpAnswer", "what_it_says"]

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of troubles that may be over at once."""
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_OURS = frozenset({401, 403, 407})
"""Statuses that are no answer to a caller: it is our key that is wrong."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer, read to its end. `kind` is its media type, in small letters and without parameters."""

    status: int
    kind: str
    body: bytes

    @property
    def is_json(self) -> bool:
        """Whether it says so."""
        return self.kind == "application/json" or self.kind.endswith("+json")

    @property
    def is_text(self) -> bool:
        """Whether a model can read it."""
        return self.kind.startswith("text/") or not self.kind


def what_it_says(answer: HttpAnswer, pointer: str, most_bytes: int) -> Any:
    """What the model gets: the part at the JSON `pointer`, None where there is nothing, or what a refusal says.

    Raises WireError for troubles that are not the model's: of the server, of the key, or of an answer's form or size.
    """
    if (
        answer.status in PASSING
        or answer.status in _OURS
        or not 200 <= answer.status < 500
        or 300 <= answer.status < 400
    ):
        raise WireError(f"HTTP {answer.status}")
    if answer.status >= 400:
        return {"status": answer.status, "error": _refusal(answer, most_bytes)}
    value = _value(answer, pointer)
    size = _size(value)
    if size > most_bytes:
        raise WireError(f"its answer has {size} bytes, of {most_bytes}; let `result` name the part that is needed")
    return value


def _value(answer: HttpAnswer, pointer: str) -> Any:
    if not answer.body:
        return {"status": "done"}
    if answer.is_json:
        return _at(_parsed(answer.body), pointer)
    if pointer or not answer.is_text:
        raise WireError(f'its answer is no JSON but "{answer.kind[:60]}"')
    return answer.body.decode("utf-8", errors="replace")


def _refusal(answer: HttpAnswer, most_bytes: int) -> Any:
    """What was wrong with the request, which the model may mend or tell the caller."""
    if answer.is_json and answer.body:
        value = _parsed(answer.body)
        return value if _size(value) <= most_bytes else _cut(answer.body, most_bytes)
    if answer.kind == "text/plain" and answer.body:
        return _cut(answer.body, most_bytes)
    return _PHRASES.get(answer.status, "refused")


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WireError("its answer is not valid JSON") from error


def _size(value: Any) -> int:
    try:
        return len(orjson.dumps(value))
    except orjson.JSONEncodeError as error:
        # Parsed, but nested deeper than can be written.
        raise WireError("its answer is nested too deeply") from error


def _cut(body: bytes, most_bytes: int) -> str:
    return body[:most_bytes].decode("utf-8", errors="ignore")


def _at(value: Any, pointer: str) -> Any:
    """RFC 6901; None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
