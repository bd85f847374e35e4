"""Reads the settings: `offhook.toml`, `.env` beside it, and the environment, each winning over the one before.

Whatever is wrong is told at once, each with its file and line, its name and a remedy. Values of secrets appear nowhere.
"""

import io
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from offhook.config import Settings
from offhook.config.providers import switched_off
from offhook.config.tools import secret_names
from offhook.environment import FLAT_NAMES, is_placeholder, prefixed_path, targets
from offhook.errors import ConfigError, SettingsError
from offhook.price_file import price_key, price_rows, wrong_in
from offhook.settings_tree import entries, find, is_secret, kinds, submodel
from offhook.toml_lines import KeyPath, key_lines
from offhook.wrong_settings import Complaint, complaints

__all__ = ["Loaded", "load_settings", "read_settings"]

DEFAULT_NAME = "offhook.toml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the files they came from, and notes on what was found but not used."""

    settings: Settings
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a value was set: a line of a file, or a name in the environment."""

    folder: Path
    file: Path | None = None
    line: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    value: str
    origin: _Origin


@dataclass(slots=True)
class _Draft:
    """The settings before they are judged: a tree of raw values, and where each of them came from."""

    folder: Path
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, _Origin] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def put(self, path: tuple[str, ...], value: Any, origin: _Origin) -> None:
        """Set a value, unless a file has something other than a table on the way to it."""
        table = self.values
        for step in path[:-1]:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                return
        table[path[-1]] = value
        self.origins[path] = origin

    def origin(self, path: KeyPath) -> _Origin:
        """Where `path` was set, or the first of what is below it, or the nearest table above it."""
        below = [origin for each, origin in self.origins.items() if each[: len(path)] == path]
        above = [self.origins[path[:length]] for length in range(len(path) - 1, 0, -1) if path[:length] in self.origins]
        for origin in (*below[:1], *above[:1]):
            return origin
        return _Origin(self.folder, self.files[0] if self.files else None)


def load_settings(
    path: Path | None = None, environ: Mapping[str, str] = os.environ, cwd: Path | None = None
) -> Settings:
    """The settings alone; see `read_settings`."""
    return read_settings(path, environ, cwd).settings


def read_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Loaded:
    """Read and judge all settings.

    `path` must exist if given; else `offhook.toml` in `cwd` is read if there is one. Relative paths in a file are
    relative to its folder, those in the environment to `cwd`. Raises ConfigError with everything that is wrong.
    """
    cwd = cwd or Path.cwd()
    draft = _Draft(_folder(path, cwd))
    _read_toml(draft, path, cwd)
    variables = [*_read_dotenv(draft), *_read_environ(environ, cwd)]
    _apply(draft, variables)
    _split_lists(draft)
    _resolve_paths(draft)
    _include_prices(draft)
    settings = _judge(draft)
    return Loaded(settings, tuple(draft.files), (*draft.notes, *_dead_models(settings)))


def _folder(path: Path | None, cwd: Path) -> Path:
    return cwd if path is None else (cwd / path).parent


def _read_toml(draft: _Draft, path: Path | None, cwd: Path) -> None:
    file = cwd / (path or DEFAULT_NAME)
    text = _text(draft, file, required=path is not None)
    if text is None:
        return
    draft.files.append(file)
    try:
        draft.values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        draft.errors.append(_syntax_error(file, exc))
        return
    origins = {key: _Origin(draft.folder, file, line) for key, line in key_lines(text).items()}
    draft.origins.update(origins)
    _refuse_secrets(draft)


def _text(draft: _Draft, file: Path, *, required: bool, hint: str = "`offhook init` writes a new one") -> str | None:
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        if required:
            draft.errors.append(ConfigError("no such file", file=file, hint=hint))
        return None
    except OSError as exc:
        draft.errors.append(ConfigError(f"cannot be read: {exc.strerror}", file=file))
        return None
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        draft.errors.append(ConfigError("is not UTF-8 text", file=file, line=line, hint="save the file as UTF-8"))
        return None


def _syntax_error(file: Path, exc: tomllib.TOMLDecodeError) -> ConfigError:
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(exc), re.DOTALL)
    problem = found[1] if found else str(exc)
    line = int(found[2]) if found and found[2] else None
    hint = 'texts need quotes, as in name = "value"; tables are [section]'
    return ConfigError(f"not valid TOML: {problem}", file=file, line=line, hint=hint)


def _refuse_secrets(draft: _Draft) -> None:
    """Secrets in a file of settings end up in backups and repositories."""
    for path in [path for path in draft.origins if (found := find(path)) is not None and is_secret(found)]:
        name = _secret_name(path)
        origin = draft.origins[path]
        hint = f"put it in .env or the environment, as {name}"
        draft.errors.append(
            ConfigError(
                "secrets do not go in this file", setting=_dotted(path), file=origin.file, line=origin.line, hint=hint
            )
        )
        _remove(draft.values, path)


def _secret_name(path: KeyPath) -> str:
    if path[0] == "keys":
        return str(path[-1]).upper()
    return "the variable that {env.NAME} names" if path[-1] == "secrets" else "the variable named by api_key_env"


def _remove(values: Any, path: KeyPath) -> None:
    for step in path[:-1]:
        values = values[step]
    values.pop(path[-1], None)


def _dotted(path: KeyPath) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _read_dotenv(draft: _Draft) -> Iterator[_Variable]:
    # Only a configuration with a `.env` pays for the parser's import.
    file = draft.folder / ".env"
    text = _text(draft, file, required=False)
    if text is None:
        return
    from dotenv.parser import parse_stream  # noqa: PLC0415

    draft.files.append(file)
    for binding in parse_stream(io.StringIO(text)):
        skipped = binding.original.string[: len(binding.original.string) - len(binding.original.string.lstrip())]
        line = binding.original.line + skipped.count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            draft.errors.append(
                ConfigError("is not NAME=value", file=file, line=line, hint="quote values that span lines")
            )
        elif binding.key is not None and binding.value is not None:
            yield _Variable(binding.key, binding.value, _Origin(draft.folder, file, line, binding.key))


def _read_environ(environ: Mapping[str, str], cwd: Path) -> Iterator[_Variable]:
    for name, value in environ.items():
        yield _Variable(name, value, _Origin(cwd, name=name))


def _apply(draft: _Draft, variables: list[_Variable]) -> None:
    """Put the variables over the file's values: `.env` first, each source's flat names before its prefixed ones."""
    from_file = frozenset(draft.origins)
    usable = {(v.origin.file is None, v.name): v for v in variables if _filled_in(draft, v)}
    for from_environ in (False, True):
        here = {name: variable for (environ, name), variable in usable.items() if environ == from_environ}
        _apply_flat(draft, here, from_file)
        _apply_prefixed(draft, here)
    every = {v.name: v for v in usable.values()}
    _apply_provider_keys(draft, every)
    _apply_tool_secrets(draft, every)


def _filled_in(draft: _Draft, variable: _Variable) -> bool:
    """Whether there is a value; an empty one counts as not set, and so does an example's."""
    known = variable.name in {flat.name for flat in FLAT_NAMES} or prefixed_path(variable.name, ()) is not None
    value = variable.value.strip()
    where = f"{variable.origin.file}:{variable.origin.line}: " if variable.origin.file else ""
    if is_placeholder(value):
        if known:
            draft.notes.append(f"{where}{variable.name} still has its example value; taken as not set")
        return False
    if variable.name == "OPENAI_MODEL" and value and (why := _not_spoken_with(value)):
        draft.notes.append(f"{where}{variable.name} is passed over: {why}")
        return False
    return bool(value)


def _not_spoken_with(model: str) -> str:
    """Why a model cannot be what the name in the environment wants, which is older than most models; "" if it can."""
    if switched_off(model):
        return f"OpenAI switched {model} off in May 2026"
    return "" if "realtime" in model else f"{model} is not a speech-to-speech model; llm.<name>.model has the others"


def _dead_models(settings: Settings) -> list[str]:
    """Notes on tables whose model OpenAI has no more. Other servers may have models of any name."""
    return [
        f"realtime.{name}.model: OpenAI switched {table.model} off in May 2026"
        for name, table in settings.realtime.items()
        if switched_off(table.model) and urlsplit(table.base_url).hostname in (None, "api.openai.com")
    ]


def _agents(draft: _Draft) -> dict[str, Any]:
    agents = draft.values.get("agents", {"reception": {}})
    return agents if isinstance(agents, dict) else {}


def _apply_flat(draft: _Draft, variables: Mapping[str, _Variable], from_file: frozenset[KeyPath]) -> None:
    for flat in FLAT_NAMES:
        if flat.name not in variables:
            continue
        variable = variables[flat.name]
        for path in targets(flat, draft.values):
            if not (flat.mild and path in from_file):
                draft.put(path, variable.value.strip(), variable.origin)


def _apply_prefixed(draft: _Draft, variables: Mapping[str, _Variable]) -> None:
    for name, variable in variables.items():
        path = prefixed_path(name, _agents(draft))
        if path is not None:
            draft.put(path, variable.value, variable.origin)


def _apply_provider_keys(draft: _Draft, variables: Mapping[str, _Variable]) -> None:
    for stage in ("stt", "llm", "tts", "realtime"):
        tables = draft.values.get(stage)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            variable = variables.get(str(table.get("api_key_env"))) if isinstance(table, dict) else None
            if variable is not None:
                draft.put((stage, name, "api_key"), variable.value.strip(), variable.origin)


def _apply_tool_secrets(draft: _Draft, variables: Mapping[str, _Variable]) -> None:
    for kind in ("tools", "mcp"):
        tables = draft.values.get(kind)
        for name, table in list(tables.items()) if isinstance(tables, dict) else ():
            for secret in sorted(secret_names(table)) if isinstance(table, dict) else ():
                if (variable := variables.get(secret)) is not None:
                    draft.put((kind, name, "secrets", secret), variable.value.strip(), variable.origin)


def _split_lists(draft: _Draft) -> None:
    """Lists in the environment are written with commas."""
    for path, origin in draft.origins.items():
        found = find(path) if origin.name else None
        if found is not None and tuple in kinds(found.annotation) and submodel(found.annotation) is None:
            items = str(_value(draft.values, path)).split(",")
            draft.put(tuple(map(str, path)), [item.strip() for item in items if item.strip()], origin)


def _value(values: Any, path: KeyPath) -> Any:
    for step in path:
        values = values[step]
    return values


def _resolve_paths(draft: _Draft) -> None:
    """Make paths absolute: against the folder of the file that has them, or the folder a variable was read in."""
    default = next(entry.field.default for entry in entries() if entry.path == ("server", "data_dir"))
    server = draft.values.get("server", {})
    if isinstance(server, dict) and "data_dir" not in server:
        draft.put(("server", "data_dir"), str(default), _Origin(draft.folder))
    for path, origin in list(draft.origins.items()):
        found = find(path)
        if found is not None and Path in kinds(found.annotation):
            text = _value(draft.values, path)
            if isinstance(text, str):
                draft.put(tuple(map(str, path)), origin.folder / Path(text).expanduser(), origin)


def _include_prices(draft: _Draft) -> None:
    """Add the rows of the file that `costs.prices` names, but for those that the settings have themselves."""
    costs = draft.values.get("costs")
    file = costs.get("prices") if isinstance(costs, dict) else None
    own = draft.values.get("prices", [])
    if not isinstance(file, Path) or not isinstance(own, list):
        return
    text = _text(draft, file, required=True, hint="costs.prices names it")
    if text is None:
        return
    draft.files.append(file)
    try:
        rows = price_rows(text)
    except tomllib.TOMLDecodeError as exc:
        draft.errors.append(_syntax_error(file, exc))
        return
    draft.errors.extend(wrong_in(text, file, draft.values["costs"].get("currency", "USD")))
    taken = [price_key(row) for row in own]
    added = [row for row in rows if price_key(row.values) not in taken]
    draft.values["prices"] = [*own, *(row.values for row in added)]
    for index, row in enumerate(added, len(own)):
        places = {("prices", index, *path): line for path, line in row.lines.items()}
        draft.origins.update({path: _Origin(file.parent, file, line) for path, line in places.items()})


def _judge(draft: _Draft) -> Settings:
    try:
        settings = Settings.model_validate(draft.values)
    except ValidationError:
        # Not chained: pydantic's own text would show the values.
        draft.errors.extend(_located(draft, complaint) for complaint in complaints(draft.values))
    else:
        if not draft.errors:
            return settings
    errors = _in_order(draft.errors)
    raise errors[0] if len(errors) == 1 else SettingsError(errors)


def _in_order(errors: list[ConfigError]) -> list[ConfigError]:
    """By file and line; one complaint a line where a flat name set the same wrong value for several agents."""
    different = {
        (error.file, error.line, error.problem, error.setting.partition(" (")[2]): error for error in errors[::-1]
    }
    return sorted(different.values(), key=lambda error: (str(error.file or ""), error.line or 0))


def _located(draft: _Draft, complaint: Complaint) -> ConfigError:
    origin = draft.origin(complaint.path)
    name = _dotted(complaint.path)
    setting = f"{name} ({origin.name})" if origin.name else name
    return ConfigError(complaint.problem, setting=setting, file=origin.file, line=origin.line, hint=complaint.hint)
