"""Settings that take the place of an agent's: for a variant of an experiment, or wherever one agent answers in several
ways. Their fields are those of the agent, none of which needs to be set."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from offhook.config.agents import AgentSettings
from offhook.config.base import Section, wrong

__all__ = ["AgentOverlay", "overlaid"]

_ONE_FOR_ALL = ("max_calls", "busy_agent", "busy_line", "machine", "languages")
"""What is decided before it is known which of an agent's ways a call is answered in."""


def _optional(section: type[Section], without: tuple[str, ...] = ()) -> type[Section]:
    """A section with the fields of `section`, with their limits, of which none needs to be set."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            kind = _optional(kind)
        if name not in without:
            told = Field(description=field.description, examples=field.examples)
            fields[name] = (Annotated[kind | None, *field.metadata, told], None)
    return create_model(f"{section.__name__}Overlay", __base__=Section, __doc__=section.__doc__, **fields)


if TYPE_CHECKING:
    _AgentFields = Section
else:
    _AgentFields = _optional(AgentSettings, _ONE_FOR_ALL)


class AgentOverlay(_AgentFields):
    """Any settings of an agent that are to differ."""

    @property
    def changes(self) -> dict[str, Any]:
        """What is set, as a tree of values."""
        ours = set(AgentOverlay.model_fields)
        return self.model_dump(include=ours, exclude_unset=True, exclude_none=True)


# An agent has overlays itself, which could not be named before they were made of its own fields.
AgentSettings.model_rebuild(_types_namespace={"AgentOverlay": AgentOverlay})


def overlaid(agent: AgentSettings, overlay: AgentOverlay, *path: str) -> AgentSettings:
    """`agent` under `overlay`, which is at `path` of the settings; what does not fit together is told as being there.

    Raises PydanticCustomError, for a validator to raise."""
    try:
        return agent.under(overlay)
    except ValidationError as error:
        # Not chained: it would name a place in a tree that nobody wrote.
        raise _at(path, error) from None


def _at(path: tuple[str, ...], error: ValidationError) -> PydanticCustomError:
    first = error.errors(include_url=False)[0]
    told = first.get("ctx", {})
    return wrong(str(told.get("problem", first["msg"])), *path, *first["loc"], *told.get("keys", ()))
