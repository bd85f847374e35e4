"""Handing the caller over to one of the places that the agent may transfer to."""

import asyncio
from collections.abc import Mapping
from typing import Any

from offhook.calls.consultation import Wish
from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.config import TransferSettings
from offhook.errors import CallError, ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["TransferCall"]

_COLD_S = 15.0
_BRIEFING_S = 150.0
_LONGEST_SUMMARY = 600
_COLD = "Hand the caller over. Tell the caller in the same reply, before you call it: you cannot speak after it."
_WARM = (
    "Hand the caller over. Tell the caller in the same reply, before you call it. The caller may be asked to wait while"
    " somebody is asked; when nobody takes the call, you go on with the caller."
)


class TransferCall(Tool):
    """The tool `transfer_call`. It knows `places` by their names, and takes no number from the model.

    A place that is warm is asked first, and hears the model's summary; where the carrier has no way to ask, the caller
    is handed over without.
    """

    def __init__(self, places: Mapping[str, TransferSettings]):
        self._places = dict(places)
        rings_s = [place.ring_s for place in self._places.values() if place.warm]
        # No filler: the caller was told what comes, and hears music, or may be ringing at the other end by then.
        longest_s = max(rings_s) + _BRIEFING_S if rings_s else _COLD_S
        self.rules = ToolRules(timeout_s=longest_s, filler="", after_speech=True)
        parameters = _parameters(self._places, warm=bool(rings_s))
        self.spec = ToolSpec("transfer_call", _WARM if rings_s else _COLD, parameters)

    def offered(self, context: ToolContext) -> bool:
        """Only where there is a place to transfer to, and a carrier that does it."""
        return bool(self._places) and context.transfer is not None

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Transfer the call."""
        name = str(arguments.get("to"))
        place = self._places.get(name)
        if place is None or context.transfer is None:
            raise ToolError(f"cannot transfer to {name}; there are: {', '.join(self._places)}")
        try:
            if place.warm and context.hand is not None and context.hand.consults:
                summary = str(arguments.get("summary") or "")
                await context.hand.consult(Wish(place.to, name, summary, place.ring_s))
            else:
                async with asyncio.timeout(_COLD_S):
                    await context.transfer(place.to)
        except CallError as error:
            raise ToolError(f"the transfer to {name} did not work: {error.args[0]}".partition("\n")[0]) from error
        return {"status": "transferred", "to": name}


def _parameters(places: Mapping[str, TransferSettings], *, warm: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"to": {"type": "string", "enum": list(places), "description": "where to"}}
    if warm:
        properties["summary"] = {
            "type": "string",
            "maxLength": _LONGEST_SUMMARY,
            "description": "for who is asked there: who calls and what it is about, in one or two sentences",
        }
    return {"type": "object", "properties": properties, "required": ["to"], "additionalProperties": False}
