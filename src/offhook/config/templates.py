"""Places in the texts of a tool's settings: `{argument}`, `{call.id}`, `{env.NAME}`, `{env.NAME:else}`; `{{` and `}}`
are plain braces."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["CALL_FACTS", "Part", "Place", "parts_of", "places_in"]

CALL_FACTS = ("id", "caller_number", "called_number")
"""What `{call.…}` may name, beside `{call.variables.…}`."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_ARGUMENT = re.compile(r"[A-Za-z0-9_-]+")
_VARIABLE = re.compile(r"variables\.[^\s{}]+")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Place:
    """A place that is filled from the arguments, from what is known of the call, or from the environment; there by
    `default` where the name is not set, unless that is None."""

    source: Literal["argument", "call", "env"]
    name: str
    default: str | None = None

    def __str__(self) -> str:
        return f"{{{self.name}}}" if self.source == "argument" else f"{{{self.source}.{self.name}}}"


Part = str | Place


def parts_of(text: str) -> tuple[Part, ...]:
    """A text taken apart into plain texts and places. Raises ValueError that says what is wrong."""
    parts: list[Part] = []
    at = 0
    for found in _TOKEN.finditer(text):
        parts.append(text[at : found.start()])
        parts.append(_part(found))
        at = found.end()
    parts.append(text[at:])
    return tuple(part for part in parts if part != "")


def places_in(value: Any) -> Iterator[Place]:
    """The places in all texts of a value: of a table, a list or a text. Raises ValueError."""
    if isinstance(value, str):
        yield from (part for part in parts_of(value) if isinstance(part, Place))
    elif isinstance(value, dict):
        for each in value.values():
            yield from places_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from places_in(each)


def _part(found: re.Match[str]) -> Part:
    inner = found[1]
    if inner is not None:
        return _place(inner)
    if len(found[0]) == 2:
        return found[0][0]
    raise ValueError(f'there is a single "{found[0]}"; write "{found[0] * 2}" for the character itself')


def _place(inner: str) -> Place:
    source, dot, name = inner.partition(".")
    if not dot and _ARGUMENT.fullmatch(inner):
        return Place("argument", inner)
    if source == "call" and (name in CALL_FACTS or _VARIABLE.fullmatch(name)):
        return Place("call", name)
    if source == "env" and _ENV_NAME.fullmatch((variable := name.partition(":"))[0]):
        return Place("env", variable[0], variable[2] if variable[1] else None)
    facts = ", ".join(f"{{call.{fact}}}" for fact in (*CALL_FACTS, "variables.…"))
    raise ValueError(f'"{{{inner[:40]}}}" is no place; there are: {{argument}}, {facts}, {{env.NAME}}')
