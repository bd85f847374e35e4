"""Reads scenario files. Whatever is wrong in one is told with its line, all of it at once."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from offhook.errors import ConfigError, SettingsError
from offhook.simulator.scenario import AgentEar, CallerVoice, Expectations, Line, Scenario
from offhook.simulator.steps import STEPS, step_model
from offhook.toml_lines import KeyPath, key_lines

__all__ = ["load_scenario", "parse_scenario"]

_PARTS: Mapping[str, type[BaseModel]] = {
    "caller": CallerVoice,
    "line": Line,
    "agent": AgentEar,
    "expect": Expectations,
}


def load_scenario(file: Path) -> Scenario:
    """The scenario in `file`. Raises ConfigError with file, line and remedy."""
    try:
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise ConfigError("no such scenario", file=file, hint="examples/scenarios has some to begin with") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", file=file, hint="a scenario is a UTF-8 text file") from error
    return parse_scenario(text, file)


def parse_scenario(text: str, file: Path | None = None) -> Scenario:
    """The scenario that `text` describes; `file` is named in errors. Raises ConfigError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, file) from error
    try:
        scenario = Scenario.model_validate(values)
    except ValidationError as error:
        raise _as_config_error(error, values, key_lines(text), file) from error
    return scenario.from_file(file) if file else scenario


def _syntax_error(error: tomllib.TOMLDecodeError, file: Path | None) -> ConfigError:
    found = re.search(r"line (\d+)", str(error))
    hint = 'texts need quotes, and a step stands on one line: { say = "hello" },'
    return ConfigError(f"not valid TOML: {error}", file=file, line=int(found[1]) if found else None, hint=hint)


def _as_config_error(
    error: ValidationError, values: dict[str, Any], lines: Mapping[KeyPath, int], file: Path | None
) -> ConfigError:
    # A list of which every item is wrong is also too short for pydantic.
    wrong = [each for each in error.errors(include_url=False) if not (each["type"] == "too_short" and each["input"])]
    errors = [_complaint(each, values, lines, file) for each in wrong]
    return errors[0] if len(errors) == 1 else SettingsError(errors)


def _complaint(
    error: ErrorDetails, values: dict[str, Any], lines: Mapping[KeyPath, int], file: Path | None
) -> ConfigError:
    path = _path(error["loc"], values)
    line = next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)
    problem, hint = _words(error, path, values)
    return ConfigError(problem, setting=_shown(path), file=file, line=line, hint=hint)


def _path(loc: KeyPath, values: dict[str, Any]) -> KeyPath:
    """The author's own path to the error: pydantic's has the names of step models in it as well."""
    names = {model.__name__ for model in STEPS.values()}
    return tuple(part for part in loc if part not in names)


def _shown(path: KeyPath) -> str:
    if path[:1] == ("steps",) and len(path) > 1 and isinstance(path[1], int):
        return ".".join(["step " + str(path[1] + 1), *(str(part) for part in path[2:] if isinstance(part, str))])
    return ".".join(str(part) for part in path)


def _words(error: ErrorDetails, path: KeyPath, values: dict[str, Any]) -> tuple[str, str]:
    """What is wrong and what to do, in words for the author."""
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), _known(path, values))
    if kind == "missing":
        return "is missing", 'for example title = "A caller asks the price"' if path == ("title",) else ""
    if kind == "value_error":
        problem, _, remedy = str(error["ctx"]["error"]).partition("; ")
        return problem, remedy
    given = error["input"]
    return f"{message[0].lower()}{message[1:]}, not {given!r}" if _short(given) else message, ""


def _short(given: object) -> bool:
    return isinstance(given, str | int | float | bool) and len(str(given)) < 60


def _unknown_key(key: str, known: Iterable[str]) -> tuple[str, str]:
    known = list(known)
    close = get_close_matches(key, known, 1)
    return "there is no such key", f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def _known(path: KeyPath, values: dict[str, Any]) -> Iterable[str]:
    if path[0] == "steps" and isinstance(path[1], int):
        return step_model(values["steps"][path[1]]).model_fields
    if path[0] in _PARTS and len(path) > 1:
        return _PARTS[str(path[0])].model_fields
    return Scenario.model_fields
