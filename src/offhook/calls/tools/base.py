"""What a tool is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from offhook.providers.llm.base import ToolSpec

__all__ = ["Tool", "ToolContext", "ToolRules"]


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call that uses it. `now` gives the local time with its zone. `transfer` hands the
    caller over to a number, where the carrier lets us; it raises CallError. `variables` came with the call.
    `tool_call_id` is the responder's name of this use of the tool."""

    call_id: str
    caller_number: str
    data_dir: Path
    now: Callable[[], datetime]
    transfer: Callable[[str], Awaitable[None]] | None = None
    called_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    tool_call_id: str = ""


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
