"""Handing the caller over to one of the places that the agent may transfer to."""

from collections.abc import Mapping
from typing import Any

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.errors import CallError, ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["TransferCall"]


class TransferCall(Tool):
    """The tool `transfer_call`. It knows `places`, a number for each name, and takes no number from the model."""

    # No filler: the caller was told what comes, and may be ringing at the other end before it is over.
    rules = ToolRules(timeout_s=15.0, filler="", after_speech=True)

    def __init__(self, places: Mapping[str, str]):
        self._places = dict(places)
        to = {"type": "string", "enum": list(self._places), "description": "where to"}
        self.spec = ToolSpec(
            "transfer_call",
            "Hand the caller over. Tell the caller in the same reply, before you call it: you cannot speak after it.",
            {"type": "object", "properties": {"to": to}, "required": ["to"], "additionalProperties": False},
        )

    def offered(self, context: ToolContext) -> bool:
        """Only where there is a place to transfer to, and a carrier that does it."""
        return bool(self._places) and context.transfer is not None

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Transfer the call."""
        place = str(arguments.get("to"))
        number = self._places.get(place)
        if number is None or context.transfer is None:
            raise ToolError(f"cannot transfer to {place}; there are: {', '.join(self._places)}")
        try:
            await context.transfer(number)
        except CallError as error:
            raise ToolError(f"the transfer to {place} did not work: {error.args[0]}".partition("\n")[0]) from error
        return {"status": "transferred", "to": place}
