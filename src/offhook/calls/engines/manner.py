"""How the agent of one call is at the moment: in which language, with which instructions, tools, voice and turns."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from offhook.calls.change import NO_CHANGE, Change
from offhook.calls.engines.base import CallHandle
from offhook.calls.placeholders import fill
from offhook.calls.tools.base import Tool
from offhook.calls.tools.schemas import faults_of
from offhook.config import AgentSettings, TurnSettings
from offhook.errors import ToolError
from offhook.events import AgentChanged

__all__ = ["Manner", "Parts", "tell_change"]


class Parts(Protocol):
    """What the calls of an agent share, in one of its languages. `instructions` have their places unfilled; None for
    those of the call. `languages` has the parts of all, this one included, by their codes."""

    @property
    def agent(self) -> AgentSettings: ...

    @property
    def tools(self) -> Iterable[Tool]: ...

    @property
    def instructions(self) -> str | None: ...

    @property
    def languages(self) -> Mapping[str, Any]: ...

    @property
    def voice_names(self) -> Collection[str]: ...


P = TypeVar("P", bound=Parts)


@dataclass(frozen=True, slots=True)
class Manner(Generic[P]):
    """`agent` has the turns as they were changed; `tools` are names, None for all. `change` is all that was changed
    since the call began, for whoever takes it over."""

    call: CallHandle
    parts: P
    agent: AgentSettings
    instructions: str
    voice: str | None = None
    tools: frozenset[str] | None = None
    change: Change = NO_CHANGE

    @classmethod
    def of(cls, call: CallHandle, parts: P) -> "Manner[P]":
        """How a call begins."""
        return cls(call, parts, parts.agent, call.facts.instructions)

    @property
    def language(self) -> str:
        """The language that the agent talks."""
        return self.agent.language

    def news(self, change: Change) -> Change:
        """What of `change` is not so already."""
        return replace(change, language=None) if change.language == self.language else change

    def after(self, change: Change) -> "Manner[P]":
        """How it is after `change`. Raises ToolError where that names what is not there, with what there is."""
        begun = self if change.language is None else self._in(change.language)
        if change.voice is not None:
            _check((change.voice,), begun.parts.voice_names, "voice")
        tools = begun.tools
        if change.tools is not None:
            context = self.call.tool_context
            known = [tool.spec.name for tool in begun.parts.tools if tool.offered(context)]
            _check(change.tools, known, "tool")
            tools = frozenset(change.tools)
        return replace(
            begun,
            agent=begun.agent if change.turns is None else _with_turns(begun.agent, change.turns),
            instructions=begun.instructions if change.instructions is None else change.instructions,
            voice=begun.voice if change.voice is None else change.voice,
            tools=tools,
            change=self.change.then(change),
        )

    def _in(self, language: str) -> "Manner[P]":
        _check((language,), self.parts.languages, "language")
        parts: P = self.parts.languages[language]
        facts = self.call.facts
        told = facts.instructions if parts.instructions is None else fill(parts.instructions, facts.variables)
        return Manner(self.call, parts, parts.agent, told)


def tell_change(manner: Manner[Any], change: Change, because: str) -> None:
    """Emit that the agent was changed."""
    call = manner.call
    call.emit(AgentChanged(call.facts.call_id, call.now_ms(), because, manner.language, change.names))


def _check(names: Iterable[str], known: Collection[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise ToolError(f"there is no {what} {name}; there are: {', '.join(known) or 'none'}")


def _with_turns(agent: AgentSettings, turns: Mapping[str, Any]) -> AgentSettings:
    try:
        changed = TurnSettings.model_validate({**agent.turns.model_dump(exclude_unset=True), **turns})
    except ValidationError as error:
        raise ToolError(f"turns: {faults_of(error)}") from error
    return agent.model_copy(update={"turns": changed})
