"""Waiting in a call: for a caller who asked for a moment, or with music while the agent needs one."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import Field

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.tools.runner import ToolRun
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["Hold", "caller_is_next"]

_LONGEST_S = 300


class _Hold(Arguments):
    how: Literal["wait", "music"] = Field(
        "wait", description="wait: listen in silence, for a caller who asked for a moment; music: the caller is on hold"
    )
    seconds: int = Field(60, ge=1, le=_LONGEST_S, description="for how long at most")


class Hold(Tool):
    """The tool `hold`. Nobody asks "are you still there?" meanwhile."""

    spec = ToolSpec(
        "hold",
        "Wait. When the caller asks you to hold on, say that you will, and call it. It ends when the caller speaks.",
        schema_of(_Hold),
    )
    rules = ToolRules(timeout_s=_LONGEST_S + 10.0, filler="", after_speech=True)

    def offered(self, context: ToolContext) -> bool:
        """Only in a call."""
        return context.hand is not None

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Wait, and say what ended it: voice, key or time."""
        wish = _Hold.model_validate(dict(arguments))
        if context.hand is None:
            raise ToolError("there is no call to wait in")
        wait = context.hand.wait_for if wish.how == "wait" else context.hand.hold_for
        sign = await wait(wish.seconds)
        if sign == "gone":
            raise ToolError("the caller hung up")
        return {"status": "over", "because": sign}


def caller_is_next(name: str, ran: ToolRun) -> bool:
    """Whether a wait ended because the caller speaks: then that is answered, and not the result of the tool."""
    if name != Hold.spec.name or ran.error:
        return False
    return bool(orjson.loads(ran.text).get("because") == "voice")
