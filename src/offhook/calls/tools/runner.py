"""Runs the tools that a responder calls: checked, timed, limited, and each call once."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.schemas import checked, checker_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall, ToolSpec

__all__ = ["ToolRun", "ToolRunner"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """How a tool call went. `text` is the result as JSON; `error` is empty if it went well."""

    text: str
    took_ms: float
    error: str = ""


class ToolRunner:
    """The tools of one call."""

    def __init__(self, tools: Iterable[Tool], context: ToolContext, *, timeout_s: float = 3.0, max_bytes: int = 16_384):
        self._tools = {tool.spec.name: tool for tool in tools if _offered(tool, context)}
        self._checkers = {name: checker_of(tool.spec.parameters) for name, tool in self._tools.items()}
        self._context = context
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._runs: dict[str, asyncio.Task[ToolRun]] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the responder may call."""
        return tuple(tool.spec for tool in self._tools.values())

    def waits_for_speech(self, name: str) -> bool:
        """Whether a tool is to run only when the caller has heard what was said before it."""
        return bool(getattr(self._tools.get(name), "after_speech", False))

    async def run(self, call: ToolCall) -> ToolRun:
        """Run a tool. The same id again gets the first result; giving up waiting does not stop what has begun."""
        if call.id not in self._runs:
            self._runs[call.id] = asyncio.create_task(self._run(call))
        return await asyncio.shield(self._runs[call.id])

    async def close(self) -> None:
        """Wait for what has begun; each has its time limit."""
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def _run(self, call: ToolCall) -> ToolRun:
        begun = time.perf_counter()
        text, error = "", ""
        try:
            text = self._written(await self._result(call))
        except ToolError as failure:
            error = str(failure)
        except TimeoutError:
            error = f"{call.name} took longer than {self._limit_s(call.name):g} s"
        except Exception as failure:  # noqa: BLE001 - a user's tool may raise anything, and must not end the call
            _log.exception("tool failed", call_id=self._context.call_id, tool=call.name)
            error = f"{call.name} failed: {type(failure).__name__}"
        took_ms = (time.perf_counter() - begun) * 1000
        _log.info("tool ran", call_id=self._context.call_id, tool=call.name, took_ms=round(took_ms, 1), error=error)
        return ToolRun(text or orjson.dumps({"error": error}).decode(), took_ms, error)

    async def _result(self, call: ToolCall) -> Any:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool {call.name}; there are: {', '.join(self._tools)}")
        arguments = checked(self._checkers[call.name], call.arguments)
        async with asyncio.timeout(self._limit_s(call.name)):
            return await tool(arguments, self._context)

    def _limit_s(self, name: str) -> float:
        return float(getattr(self._tools.get(name), "timeout_s", self._timeout_s))

    def _written(self, result: Any) -> str:
        text = orjson.dumps(result)
        if len(text) > self._max_bytes:
            raise ToolError(f"the result has {len(text)} bytes; the most is {self._max_bytes}")
        return text.decode()


def _offered(tool: Tool, context: ToolContext) -> bool:
    asked = getattr(tool, "offered", None)
    return asked is None or bool(asked(context))
