"""Writes `offhook.toml` and `.env.example` from the settings themselves, so that they cannot go stale."""

import json
import textwrap
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from offhook.config import Settings
from offhook.environment import FLAT_NAMES
from offhook.errors import ConfigError
from offhook.settings_tree import find, is_secret, kinds, own_fields, submodel

__all__ = ["env_example", "shown_value", "toml_template", "write_templates"]

_WIDTH = 76
_HEAD = """\
# Settings of Offhook. Every one is here: `#name = value` shows its default, or
# an example where it has none. Take away the # to change it. Paths are relative
# to this file. Secrets do not go here, but into .env: see .env.example.
# `offhook doctor` checks the result.
"""


def toml_template() -> str:
    """A whole `offhook.toml` with every setting at its default, each commented out."""
    return _HEAD + "\n".join(_section(Settings, Settings(), ())) + "\n"


def env_example() -> str:
    """An example of `.env`: the secrets, then the other flat names."""
    secret: list[str] = []
    plain: list[str] = []
    for flat in FLAT_NAMES:
        path = tuple("reception" if step == "*" else step for step in flat.paths[0])
        field = find(path)
        (secret if field is not None and is_secret(field) else plain).append(f"# {flat.name}=")
    lines = ["# Copy to .env and fill in what you use. Keep it to yourself: chmod 600 .env", "", "# Secrets", *secret]
    return "\n".join([*lines, "", "# The same settings as in offhook.toml; these win over that file", *plain, ""])


def write_templates(folder: Path, *, force: bool = False) -> list[Path]:
    """Write both files into `folder`. Raises ConfigError if one exists and `force` is not set."""
    texts = {folder / "offhook.toml": toml_template(), folder / ".env.example": env_example()}
    for path in texts:
        if path.exists() and not force:
            raise ConfigError("is there already", file=path, hint="`offhook init --force` replaces it")
    try:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot be written: {exc.strerror}", file=Path(str(exc.filename))) from exc
    return list(texts)


def shown_value(field: FieldInfo, value: Any) -> str:
    """A setting's default as TOML writes it, or an example where it has none."""
    examples = field.examples or [""]
    return _toml(examples[0] if value is None or value is PydanticUndefined else value)


def _section(model: type[BaseModel], values: BaseModel | None, path: tuple[str, ...]) -> Iterator[str]:
    """Tables come after the plain settings, as TOML wants it."""
    fields = own_fields(model)
    tables = {name: field for name, field in fields.items() if submodel(field.annotation)}
    for name, field in fields.items():
        if name not in tables and not is_secret(field):
            yield from _setting(name, field, getattr(values, name) if values else field.get_default())
    for name, field in tables.items():
        yield from _table(field, getattr(values, name, {}), (*path, name))


def _table(field: FieldInfo, inner: Any, path: tuple[str, ...]) -> Iterator[str]:
    model = submodel(field.annotation)
    if model is None:
        return
    if dict in kinds(field.annotation):
        name = next(iter(inner), None) or _example_name(field, model)
        path, inner = (*path, name), inner.get(name)
    header = f"[{'.'.join(path)}]"
    yield from ("", *_comment(model.__doc__ or ""))
    if isinstance(inner, BaseModel):
        yield header
        yield from _section(model, inner, path)
    else:
        yield f"#[{header}]" if tuple in kinds(field.annotation) else f"#{header}"
        yield from _section(model, None, path)


def _example_name(field: FieldInfo, model: type[BaseModel]) -> str:
    """A name for a table of which there is none: the field's own example, or the kind that its settings show."""
    return str((field.examples or model.model_fields["kind"].examples or ["name"])[0])


def _setting(name: str, field: FieldInfo, value: Any) -> Iterator[str]:
    yield from _comment(field.description or "")
    yield f"#{name} = {shown_value(field, value)}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH):
        yield f"# {line}"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, Path | IPv4Network | IPv6Network):
        return _toml(str(value))
    # TOML's basic strings, numbers and booleans are written as in JSON.
    return json.dumps(value, ensure_ascii=False)
