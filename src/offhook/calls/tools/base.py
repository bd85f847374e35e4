"""What a tool is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from offhook.providers.llm.base import ToolSpec

__all__ = ["Tool", "ToolContext"]


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call that uses it. `now` gives the local time with its zone. `transfer` hands the
    caller over to a number, where the carrier lets us; it raises CallError."""

    call_id: str
    caller_number: str
    data_dir: Path
    now: Callable[[], datetime]
    transfer: Callable[[str], Awaitable[None]] | None = None


class Tool(Protocol):
    """One thing an agent can do, the same object for all calls.

    A tool may also have `offered(context)`, which says whether a call has it at all, `after_speech = True`, which has
    it run when the caller has heard what was said before, and `timeout_s` of its own.
    """

    spec: ToolSpec

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Do it. Returns what `orjson` can write. Raises ToolError with words for the agent."""
        ...
