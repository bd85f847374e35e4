"""Hanging up. The engine performs it, once the goodbye is out; the tool says that it may, and how the call went."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["EndCall"]


class _Ending(Arguments):
    reason: str = Field("goodbye", max_length=200, description="why, in a word or two")
    disposition: str = Field("", max_length=40, description="how the call went, in one word")
    summary: str = Field("", max_length=2_000, description="what it was about and what was agreed, in short")


class EndCall(Tool):
    """The tool `end_call`. With `dispositions` the model has to choose one of them."""

    def __init__(self, dispositions: Sequence[str] = ()):
        self._dispositions = tuple(dispositions)
        parameters = schema_of(_Ending)
        if self._dispositions:
            chosen = {**parameters["properties"]["disposition"], "enum": list(self._dispositions)}
            chosen.pop("default", None)
            chosen.pop("maxLength", None)
            parameters["properties"] = {**parameters["properties"], "disposition": chosen}
            parameters["required"] = ["disposition"]
        self.spec = ToolSpec("end_call", "Hang up. Call it after you have said goodbye.", parameters)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Says that the call is ending."""
        ending = _Ending.model_validate(dict(arguments))
        if self._dispositions and ending.disposition not in self._dispositions:
            raise ToolError(f"disposition: must be one of {', '.join(self._dispositions)}")
        if context.hand is not None:
            context.hand.conclude(ending.disposition, ending.summary)
        return {"status": "ending", "reason": ending.reason}
