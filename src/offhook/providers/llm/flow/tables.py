"""What every table of a flow or facts file has in common."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Lines", "Table", "pick"]

_Line = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A table whose keys are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Lines = Annotated[tuple[_Line, ...], BeforeValidator(_as_list)]


def pick(lines: tuple[str, ...], turn: int) -> str:
    """One of several ways to say it, another one each time."""
    return lines[turn % len(lines)] if lines else ""
