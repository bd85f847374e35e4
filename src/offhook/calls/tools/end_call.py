"""Hanging up. The engine performs it, once the goodbye is out; the tool only says that it may."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.providers.llm.base import ToolSpec

__all__ = ["EndCall"]


class _Reason(Arguments):
    reason: str = Field("goodbye", max_length=200, description="why, in a word or two")


class EndCall(Tool):
    """The tool `end_call`."""

    spec = ToolSpec("end_call", "Hang up. Call it after you have said goodbye.", schema_of(_Reason))

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Says that the call is ending."""
        return {"status": "ending", "reason": _Reason.model_validate(dict(arguments)).reason}
