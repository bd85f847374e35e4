"""Messages that callers leave: one JSON line each in messages.jsonl."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import structlog
from pydantic import Field

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.files import append_line, locked
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["TakeMessage"]

_log = structlog.get_logger(__name__)
_FILE = "messages.jsonl"


class _Message(Arguments):
    name: str = Field("", max_length=200, description="who it is from")
    number: str = Field("", max_length=40, description="the telephone number to call back, digits only")
    reason: str = Field("", max_length=4000, description="what it is about, in the caller's words")


class TakeMessage(Tool):
    """The tool `take_message`. The same message from the same call is kept once."""

    spec = ToolSpec("take_message", "Take a message for the business, to be called back about.", schema_of(_Message))

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Keep the message. Raises ToolError."""
        message = _Message.model_validate(dict(arguments))
        entry = {
            "call_id": context.call_id,
            "taken_at": context.now().isoformat(timespec="seconds"),
            "caller_number": context.caller_number,
            **message.model_dump(),
        }
        await asyncio.to_thread(_keep, context.data_dir / _FILE, entry)
        return {"status": "saved"}


def _keep(path: Path, entry: Mapping[str, str]) -> None:
    try:
        with locked(path):
            if not _is_kept(path, entry):
                append_line(path, orjson.dumps(dict(entry)))
    except OSError as error:
        _log.error("message not saved", call_id=entry["call_id"], file=str(path), error=str(error))
        raise ToolError(f"the message could not be saved: {error.strerror or error}") from error


def _is_kept(path: Path, entry: Mapping[str, str]) -> bool:
    """Whether this call has left this very message before, which happens when a turn is taken back."""
    if not path.exists():
        return False
    call = orjson.dumps(entry["call_id"])
    with path.open("rb") as lines:
        return any(call in line and _same(line, entry) for line in lines)


def _same(line: bytes, entry: Mapping[str, str]) -> bool:
    try:
        other = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return all(other.get(key) == value for key, value in entry.items() if key != "taken_at")
