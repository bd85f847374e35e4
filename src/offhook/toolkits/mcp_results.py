"""What a language model gets of an MCP server: the tools, as it takes them, and their results. No I/O."""

import re
from collections.abc import Iterable
from typing import Any

import orjson
from mcp_types import CallToolResult, ContentBlock, TextContent, Tool

from offhook.calls.tools.schemas import inlined
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["MOST_BYTES", "result_of", "spec_of"]

MOST_BYTES = 12_000
"""Longest result: what is longer is cut. Written as JSON, it must fit into what a tool may say."""
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1_024
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


def spec_of(tool: Tool, prefix: str = "") -> ToolSpec:
    """A tool as a model sees it."""
    name = _NOT_IN_NAMES.sub("_", f"{prefix}_{tool.name}" if prefix else tool.name)[:_LONGEST_NAME]
    description = tool.description or tool.title or ""
    return ToolSpec(name, description[:_LONGEST_DESCRIPTION], _plain(tool.input_schema))


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without references, where these can be followed; not every model reads them. Of one that cannot be written to a
    model, with numbers too long or too deep, nothing is left."""
    try:
        plain = inlined(schema)
    except (AttributeError, TypeError):
        plain = schema
    return next((each for each in (plain, schema) if _writable(each)), {"type": "object"})


def _writable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def result_of(result: CallToolResult) -> Any:
    """What a tool said: its structured content if there is any, else its text. Raises ToolError where it failed."""
    text = "\n".join(_texts(result.content))
    if result.is_error:
        raise ToolError(_cut(text) or "it failed, and did not say why")
    if result.structured_content is not None and _fits(result.structured_content):
        return result.structured_content
    return _value(text) if text else {"status": "done"}


def _texts(content: Iterable[ContentBlock]) -> Iterable[str]:
    for block in content:
        if isinstance(block, TextContent):
            yield block.text
        else:
            resource = getattr(block, "resource", None)
            yield getattr(resource, "text", None) or f"[{block.type}]"


def _value(text: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _cut(text)
    return value if _fits(value) else _cut(text)


def _fits(value: Any) -> bool:
    try:
        return len(orjson.dumps(value)) <= MOST_BYTES
    except orjson.JSONEncodeError:
        return False


def _cut(text: str) -> str:
    """As much of a text as can be told, with a sign that something is missing."""
    if len(orjson.dumps(text, default=str)) <= MOST_BYTES:
        return text
    half = text.encode(errors="replace")[: MOST_BYTES // 2].decode(errors="ignore")
    return f"{half} … (cut)"
