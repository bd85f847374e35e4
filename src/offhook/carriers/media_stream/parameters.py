"""The parameters of one webhook, wherever the carrier has put them: query, form or JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

__all__ = ["Parameters", "read_parameters"]

_MOST = 200
_LONGEST_NAME = 100
_LONGEST_VALUE = 2_000


@dataclass(frozen=True)
class Parameters:
    """What a webhook says.

    `values` is query and body together, the body's where both have a name, cut to sizes that any carrier stays within.
    `body` is the body alone, as it came, for its signature: lists of texts for a form, anything for JSON.
    """

    values: Mapping[str, str]
    body: Mapping[str, Any] = field(default_factory=dict)
    is_form: bool = False

    def get(self, *names: str) -> str:
        """The first of `names` that has a value, in just this spelling if possible, else whatever its case; or ""."""
        exact = (self.values.get(name) for name in names)
        folded = (self._folded.get(name.casefold()) for name in names)
        return next(filter(None, (*exact, *folded)), "")

    @cached_property
    def _folded(self) -> dict[str, str]:
        folded: dict[str, str] = {}
        for name, value in self.values.items():
            folded.setdefault(name.casefold(), value)
        return folded


def read_parameters(query: str, content_type: str = "", body: bytes = b"") -> Parameters:
    """Read a request. What cannot be read is passed over: carriers are never told that they were wrong."""
    is_json = "json" in content_type or ("form" not in content_type and body.lstrip()[:1] == b"{")
    read = _json(body) if is_json else _form(body.decode("utf-8", "replace"))
    values = {name: texts[0] for name, texts in _form(query).items()} | {
        name: value[0] if isinstance(value, list) and not is_json else _text(value) for name, value in read.items()
    }
    return Parameters(_bounded(values), read, is_form=bool(read) and not is_json)


def _form(encoded: str) -> dict[str, list[str]]:
    read: dict[str, list[str]] = {}
    for name, value in parse_qsl("&".join(encoded.split("&", _MOST)[:_MOST]), keep_blank_values=True, errors="replace"):
        read.setdefault(name, []).append(value)
    return read


def _json(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
        orjson.dumps(read)  # refuses what is nested deeper than anybody here could follow
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return {}
    return read if isinstance(read, dict) else {}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return orjson.dumps(value).decode()


def _bounded(values: Mapping[str, str]) -> dict[str, str]:
    pairs = list(values.items())[:_MOST]
    return {name[:_LONGEST_NAME]: value[:_LONGEST_VALUE] for name, value in pairs}
