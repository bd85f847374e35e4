"""Pressing keys towards the other side, as in the menu of a machine that answered."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.errors import CallError, ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["SendDtmf"]


class _Keys(Arguments):
    digits: str = Field(
        pattern=r"^[0-9*#A-Dw]{1,32}$", description="the keys, of 0-9, *, # and A-D; w is a pause of half a second"
    )


class SendDtmf(Tool):
    """The tool `send_dtmf`."""

    spec = ToolSpec(
        "send_dtmf",
        "Press keys of the telephone, to find your way through the menu of a machine. Say nothing with it.",
        schema_of(_Keys),
    )
    rules = ToolRules(timeout_s=30.0, filler="")

    def offered(self, context: ToolContext) -> bool:
        """Only in a call."""
        return context.hand is not None

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Press the keys."""
        keys = _Keys.model_validate(dict(arguments)).digits
        if context.hand is None:
            raise ToolError("there is no call to press keys in")
        try:
            await context.hand.press(keys)
        except CallError as error:
            raise ToolError(f"the keys could not be pressed: {error.args[0]}".partition("\n")[0]) from error
        return {"status": "pressed", "digits": keys}
