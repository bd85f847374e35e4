"""Turns lines into what is said: fills in the values, and takes turns among several ways to say it."""

import re
from collections.abc import Iterable
from datetime import date, time
from typing import Any

from offhook.providers.llm.flow.dates import said_date
from offhook.providers.llm.flow.mind import Mind
from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.phones import grouped
from offhook.providers.llm.flow.times import said_time

__all__ = ["Speech", "shown", "spread"]

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_DATE, _TIME = re.compile(r"\d{4}-\d{2}-\d{2}"), re.compile(r"\d{2}:\d{2}")
_OFFERED = 3


class Speech:
    """The lines of one call."""

    def __init__(self, flow: Flow, mind: Mind, today: date, fixed: dict[str, str]):
        self.flow = flow
        self.mind = mind
        self.today = today
        self.fixed = fixed

    def line(self, key: str, lines: Iterable[str], **values: str) -> str:
        """The next of `lines` whose variables are all known; `key` counts how often it was used."""
        every = tuple(lines)
        usable = [line for line in every if self._known(line, values)] or every
        turn = self.mind.uses.get(key, 0)
        self.mind.uses[key] = turn + 1
        return self.filled(usable[turn % len(usable)], values) if usable else ""

    def step(self, lines: tuple[str, ...], tries: int, **values: str) -> str:
        """The line for the first, second, ... failed try; the last one from there on."""
        return self.filled(lines[min(tries, len(lines)) - 1], values) if lines else ""

    def filled(self, line: str, values: dict[str, str]) -> str:
        """`line` with its variables as they are spoken."""
        text = _VARIABLE.sub(lambda match: self._value(match[1], values) or "", line)
        return re.sub(r"\s+([,.?!])", r"\1", re.sub(r"\s{2,}", " ", text)).strip()

    def argument(self, template: str) -> str:
        """A tool's argument: the variables as they are kept, not as they are spoken."""
        return _VARIABLE.sub(lambda match: self._kept(match[1]), template).strip()

    def slot(self, name: str) -> str:
        """A slot's value as it is spoken."""
        return shown(self.flow.slots[name].kind, self.mind.slots.get(name, ""), self.today)

    def _known(self, line: str, values: dict[str, str]) -> bool:
        return all(self._value(variable, values) for variable in _VARIABLE.findall(line))

    def _value(self, variable: str, values: dict[str, str]) -> str:
        if variable in values:
            return values[variable]
        if variable.startswith("result."):
            return _said_result(self.mind.result.get(variable.removeprefix("result.")), self.today)
        return self.slot(variable) if variable in self.flow.slots else self.fixed.get(variable, "")

    def _kept(self, variable: str) -> str:
        if variable.startswith("result."):
            return str(self.mind.result.get(variable.removeprefix("result."), ""))
        return self.mind.slots.get(variable, "") if variable in self.flow.slots else self.fixed.get(variable, "")


def shown(kind: str, value: str, today: date) -> str:
    """A slot's value as it is said."""
    if kind == "phone":
        return grouped(value)
    return _said_one(value, today) if kind in {"date", "time"} else value


def spread(items: list[Any]) -> list[Any]:
    """Three of many, from the beginning, the middle and the end."""
    if len(items) <= _OFFERED:
        return items
    return [items[0], items[len(items) // 2], items[-1]]


def _said_result(value: Any, today: date) -> str:
    if isinstance(value, list):
        parts = [_said_one(str(item), today) for item in spread(value)]
        return parts[0] if len(parts) == 1 else " or ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))
    return "" if value is None else _said_one(str(value), today)


def _said_one(value: str, today: date) -> str:
    try:
        if _DATE.fullmatch(value):
            return said_date(date.fromisoformat(value), today)
        return said_time(time.fromisoformat(value)) if _TIME.fullmatch(value) else value
    except ValueError:
        return value
