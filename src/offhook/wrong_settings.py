"""Says what is wrong with a tree of settings, in words for the person who wrote it, and what to do about it."""

import copy
import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from offhook.config import Settings
from offhook.settings_tree import find, is_secret, known_keys
from offhook.toml_lines import KeyPath

__all__ = ["Complaint", "complaints"]

_ROUNDS = 50
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Complaint:
    """One wrong setting: where, what is wrong and what to do."""

    path: KeyPath
    problem: str
    hint: str


def complaints(values: dict[str, Any]) -> list[Complaint]:
    """Everything that is wrong with `values`.

    Rules that join several settings are only judged once each of these is right by itself. So what was found is
    mended in a copy, and the copy judged again, until nothing new comes up.
    """
    values = copy.deepcopy(values)
    found: list[Complaint] = []
    for _ in range(_ROUNDS):
        new = {each.path: each for each in reversed(list(_round(values))) if not _told(each.path, found)}
        if not new:
            break
        found.extend(reversed(new.values()))
        for path in new:
            _mend(values, path)
    return found


def _told(path: KeyPath, found: list[Complaint]) -> bool:
    """Whether the place, or one above or below it, was complained about already."""
    return any(path[: len(each.path)] == each.path or each.path[: len(path)] == path for each in found)


def _round(values: dict[str, Any]) -> Iterator[Complaint]:
    try:
        Settings.model_validate(values)
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
    else:
        return
    for error in errors:
        if error["type"] != "default_factory_not_called":
            path = _path(error)
            yield Complaint(path, *_words(error, path))


def _path(error: ErrorDetails) -> KeyPath:
    """The error's place in the tree, without what pydantic adds for unions and keys."""
    keys = error.get("ctx", {}).get("keys", ())
    path: KeyPath = (*error["loc"], *keys)
    if path[-1:] == ("[key]",):
        return path[:-1]
    if error["type"] in ("missing", "extra_forbidden"):
        return path
    while path and find(path) is None and not isinstance(path[-1], int):
        path = path[:-1]
    return path


def _mend(values: dict[str, Any], path: KeyPath) -> None:
    """Take the wrong value out, or the table that lacks a value; of a list, the whole list."""
    if path[0] == "routes" and len(path) > 1 and isinstance(path[1], int):
        # A harmless route in its place lets the others keep their numbers.
        values["routes"][path[1]] = {"agent": next(iter(values.get("agents") or ()), "reception")}
        return
    if path[0] == "experiments" and len(path) > 1:
        # Without its agent, or one of its variants, the rest of it would only be wrong in other ways.
        _table(values, ("experiments",)).pop(path[1], None)
        return
    plain = tuple(itertools.takewhile(lambda step: isinstance(step, str), path))
    above = _table(values, plain[:-1])
    if plain[-1] in above:
        del above[plain[-1]]
    elif len(plain) > 1:
        _table(values, plain[:-2]).pop(plain[-2], None)


def _table(values: dict[str, Any], path: KeyPath) -> dict[Any, Any]:
    """The table at `path`; an empty one if it is gone already."""
    table: Any = values
    for step in path:
        table = table.get(step) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _words(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    say = _SAYINGS.get(error["type"])
    if say is not None:
        return say(error, path)
    return f"{_shown(error, path)}{error['msg'][:1].lower()}{error['msg'][1:]}", _advice(path)


def _shown(error: ErrorDetails, path: KeyPath) -> str:
    """The wrong value, if it may be seen: short, and neither a secret nor an address that could hold one."""
    field = find(path)
    value = error["input"]
    secret = field is None or path[0] == "keys" or is_secret(field) or str(path[-1]).endswith("url")
    if secret or not isinstance(value, str | int | float | bool):
        return ""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text} " if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}... "


def _advice(path: KeyPath) -> str:
    """What the setting is for, as its description says."""
    field = find(path)
    return field.description if field is not None and field.description else ""


def _unknown(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    known = known_keys(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    return "there is no such setting", hint


def _missing(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    return "is needed", _advice(path) or f"set {path[-1]}"


def _choice(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    expected = error["ctx"]["expected"].replace("'", "")
    given = str(error["input"])
    near = difflib.get_close_matches(given, expected.replace(" or ", ", ").split(", "), n=1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"{_shown(error, path)}is not one of its values", f"it may be {expected}{meant}"


def _kind(words: str) -> Callable[[ErrorDetails, KeyPath], tuple[str, str]]:
    def say(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
        return f"{_shown(error, path) or 'it '}is not {words}", _range(path) or _advice(path)

    return say


def _limit(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    return f"{_shown(error, path)}is out of range", _range(path)


_SIGNS: Mapping[str, str] = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def _range(path: KeyPath) -> str:
    """The limits of a number, in words."""
    field = find(path)
    if field is None:
        return ""
    limits = " and ".join(
        f"{words} {getattr(rule, sign)}"
        for rule in _rules(field.metadata, field.annotation)
        for sign, words in _SIGNS.items()
        if getattr(rule, sign, None) is not None
    )
    return f"it must be {limits}" if limits else ""


def _rules(metadata: list[Any], annotation: Any) -> list[Any]:
    """Limits of the field, and of the type inside an `X | None`."""
    inner = [rule for part in getattr(annotation, "__args__", ()) for rule in getattr(part, "__metadata__", ())]
    return [rule for each in (*metadata, *inner) for rule in (each.metadata if hasattr(each, "metadata") else (each,))]


def _pattern(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    if path[0] == "agents" and len(path) == 2:
        return "an agent's name cannot be this", "use letters, digits, _ and - only"
    if str(path[-1]).endswith("url"):
        return "is not a web address", "it begins with http:// or https://"
    return f"{_shown(error, path)}is not of the right form", _FORMS.get(str(path[-1]), _advice(path))


_FORMS: Mapping[str, str] = {"language": 'a code of two small letters, such as "en"'}


def _joined(error: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    return error["ctx"]["problem"], ""


_SAYINGS: Mapping[str, Callable[[ErrorDetails, KeyPath], tuple[str, str]]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "literal_error": _choice,
    "setting": _joined,
    "string_pattern_mismatch": _pattern,
    "greater_than_equal": _limit,
    "greater_than": _limit,
    "less_than_equal": _limit,
    "less_than": _limit,
    "int_parsing": _kind("a whole number"),
    "int_type": _kind("a whole number"),
    "int_from_float": _kind("a whole number"),
    "decimal_parsing": _kind("a number"),
    "decimal_type": _kind("a number"),
    "finite_number": _kind("a number"),
    "date_from_datetime_parsing": _kind('a day such as "2026-11-21"'),
    "date_parsing": _kind('a day such as "2026-11-21"'),
    "date_type": _kind('a day such as "2026-11-21"'),
    "float_parsing": _kind("a number"),
    "float_type": _kind("a number"),
    "bool_parsing": _kind("true or false"),
    "bool_type": _kind("true or false"),
    "string_type": _kind("a text in quotes"),
    "path_type": _kind("a path in quotes"),
    "tuple_type": _kind("a list"),
    "dict_type": _kind("a table"),
    "model_type": _kind("a table"),
    "model_attributes_type": _kind("a table"),
    "ip_v4_network": _kind("a network such as 10.0.0.0/8"),
    "ip_v6_network": _kind("a network such as 10.0.0.0/8"),
}
