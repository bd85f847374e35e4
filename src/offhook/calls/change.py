"""What of an agent can be changed in the middle of a call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["NO_CHANGE", "Change"]


@dataclass(frozen=True, slots=True)
class Change:
    """Whatever is None stays as it is; the rest counts from the next utterance of the agent on.

    `instructions` are for language models. `voice` and `language` are names of the agent's `voices` and `languages`. A
    language brings the agent's own instructions, voice, tools and turns in it, and voids what was changed before.
    `tools` are names of those that the agent may use from now on, of all that it has. `turns` has settings of
    `agents.<name>.turns` by their names. `line` is said at once, word for word.
    """

    instructions: str | None = None
    voice: str | None = None
    language: str | None = None
    tools: Sequence[str] | None = None
    turns: Mapping[str, Any] | None = None
    line: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What it changes."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) is not None)

    def then(self, later: "Change") -> "Change":
        """Both, one after the other, without the lines that they had said."""
        if later.language is not None:
            return Change(later.instructions, later.voice, later.language, later.tools, later.turns)
        return Change(
            self.instructions if later.instructions is None else later.instructions,
            self.voice if later.voice is None else later.voice,
            self.language,
            self.tools if later.tools is None else later.tools,
            self.turns if later.turns is None else {**(self.turns or {}), **later.turns},
        )


NO_CHANGE = Change()
