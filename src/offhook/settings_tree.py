"""The settings as a tree of names, for whatever reads, writes or explains them."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from offhook.config import AgentOverlay, Settings

__all__ = ["Entry", "entries", "find", "is_secret", "kinds", "known_keys", "own_fields", "submodel"]

AGENT = "<name>"


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: its path (`<name>` stands for a table of that name), its field and the section it is in."""

    path: tuple[str, ...]
    field: FieldInfo
    section: type[BaseModel]

    @property
    def dotted(self) -> str:
        """The name as messages and documents write it."""
        return ".".join(self.path)


def kinds(annotation: Any) -> set[Any]:
    """The types an annotation allows, with `None`, unions and item types taken apart."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return set().union(*(kinds(part) for part in get_args(annotation)))
    return set() if annotation is NoneType else {origin or annotation}


def submodel(annotation: Any) -> type[BaseModel] | None:
    """The section an annotation holds, by itself, in a table of names or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = (submodel(part) for part in get_args(annotation))
    return next((part for part in parts if part is not None), None)


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting's value must never be shown."""
    inner = (kinds(part) for part in get_args(field.annotation))
    return SecretStr in set().union(kinds(field.annotation), *inner)


def own_fields(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a section, without those that only take the place of an agent's."""
    borrowed = AgentOverlay.model_fields if issubclass(section, AgentOverlay) else ()
    return {name: field for name, field in section.model_fields.items() if name not in borrowed}


def entries(section: type[BaseModel] = Settings, above: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Every setting that holds a value of its own, in the order of the models."""
    for name, field in own_fields(section).items():
        inner = submodel(field.annotation)
        path = (*above, name)
        if inner is None:
            yield Entry(path, field, section)
        else:
            yield from entries(inner, (*path, AGENT) if dict in kinds(field.annotation) else path)


def find(path: tuple[str | int, ...]) -> FieldInfo | None:
    """The field at `path`, in which agents have their own names and items of lists their index."""
    section: type[BaseModel] | None = Settings
    field: FieldInfo | None = None
    steps = iter(path)
    for step in steps:
        if section is None or step not in section.model_fields:
            return None
        field = section.model_fields[str(step)]
        section = submodel(field.annotation)
        if section is not None and kinds(field.annotation) & {dict, tuple} and next(steps, None) is None:
            return field
    return field


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys that the section at `path` may have."""
    field = find(path)
    section = Settings if not path else submodel(field.annotation) if field is not None else None
    return list(section.model_fields) if section is not None else []
