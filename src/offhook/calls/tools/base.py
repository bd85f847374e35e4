"""What a tool is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from offhook.calls.change import Change
from offhook.calls.consultation import Wish
from offhook.providers.llm.base import ToolSpec

__all__ = ["CallHand", "Sign", "Tool", "ToolContext", "ToolRules"]

Sign = Literal["voice", "key", "time", "gone"]
"""What ended a wait: the caller spoke, or pressed a key; the time was over; the caller is gone."""


class CallHand(Protocol):
    """What a tool can do to the call that uses it, besides what the agent says."""

    @property
    def consults(self) -> bool:
        """Whether somebody can be asked to take the call over."""
        ...

    async def consult(self, wish: Wish) -> None:
        """Ask somebody to take the call over, while the caller hears music; returns when they have it.

        Raises CallError, and the caller is back."""
        ...

    async def hold_for(self, seconds: float) -> Sign:
        """Let the caller hear music for so long, or until a key is pressed; returns what ended it."""
        ...

    async def wait_for(self, seconds: float) -> Sign:
        """Let time pass until the caller speaks or presses a key, or it is over; returns what ended it."""
        ...

    async def press(self, digits: str) -> None:
        """Press keys towards the caller. Raises CallError."""
        ...

    def conclude(self, disposition: str, summary: str) -> None:
        """Keep the agent's word on how the call went; a later one replaces it."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call that uses it. `now` gives the local time with its zone. `transfer` hands the
    caller over to a number, where the carrier lets us; it raises CallError. `variables` came with the call.
    `tool_call_id` is the responder's name of this use of the tool. `hand` is for all else that is done to a call in
    progress. `change` changes the agent in the middle of the call; it raises ToolError, and nothing is changed.
    `shared` is what the lifespan of the tool's agent gave, for tools in Python."""

    call_id: str
    caller_number: str
    data_dir: Path
    now: Callable[[], datetime]
    transfer: Callable[[str], Awaitable[None]] | None = None
    called_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    tool_call_id: str = ""
    hand: CallHand | None = None
    change: Callable[[Change], None] | None = None
    shared: Any = None


@dataclass(frozen=True, slots=True)
class ToolRules:
    """How the calls of a tool are run.

    `timeout_s` is how long one may take; the agent's `tool_timeout_s` if None. `filler` is what the caller hears first
    if it takes long; the agent's `filler_lines` if None, nothing at all if empty. When the caller interrupts, `cancel`
    stops a tool and tells the model so; with `keep` it goes on, and its result is entered into the conversation.
    `after_speech` has it run when the caller has heard what was said before, and not at all if the caller speaks up.
    """

    timeout_s: float | None = None
    filler: str | None = None
    on_barge_in: Literal["cancel", "keep"] = "keep"
    after_speech: bool = False


class Tool(Protocol):
    """One thing an agent can do, the same object for all calls. Whoever inherits from this has the usual rules."""

    spec: ToolSpec
    rules: ToolRules = ToolRules()

    def offered(self, context: ToolContext) -> bool:
        """Whether a call has it at all."""
        return True

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Do it. Returns what can be written as JSON: dataclasses, pydantic models and dates can. Raises ToolError with
        words for the agent."""
        ...
