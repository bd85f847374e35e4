"""Reads a file of prices, which `costs.prices` names: [[prices]] as the settings have them, and their currency."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.errors import ConfigError
from offhook.toml_lines import KeyPath, key_lines

__all__ = ["PriceRow", "price_key", "price_rows", "wrong_in"]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One [[prices]], not yet judged, and the lines of what is in it; its own is that of the empty path."""

    values: Any
    lines: Mapping[KeyPath, int]


def price_rows(text: str) -> list[PriceRow]:
    """The rows of a file that is valid TOML."""
    rows, lines = tomllib.loads(text).get("prices", []), key_lines(text)
    return [
        PriceRow(row, {path[2:]: line for path, line in lines.items() if path[:2] == ("prices", index)})
        for index, row in enumerate(rows if isinstance(rows, list) else ())
    ]


def wrong_in(text: str, file: Path, currency: object) -> Iterator[ConfigError]:
    """What is wrong around the rows of a file that is valid TOML."""
    lines = key_lines(text)
    for name, value in tomllib.loads(text).items():
        hint = "a file of prices has [[prices]], and may have currency"
        if name not in ("currency", "prices") or (name == "prices" and not isinstance(value, list)):
            yield ConfigError("does not belong here", setting=name, file=file, line=lines[name,], hint=hint)
        if name == "currency" and value != currency:
            problem = f"these prices are in {value}, and costs.currency is {currency}"
            yield ConfigError(problem, setting=name, file=file, line=lines[name,])


def price_key(row: Any) -> tuple[object, ...]:
    """What there may be one price for."""
    return tuple(row.get(name, "*") for name in ("provider", "kind", "model", "unit")) if isinstance(row, dict) else ()
