"""Runs the tools that a responder calls: checked, timed, limited, and each call once."""

import asyncio
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog
from pydantic_core import to_json

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.tools.schemas import checked, checker_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolCall, ToolSpec

__all__ = ["ToolRun", "ToolRunner"]

_log = structlog.get_logger(__name__)
_NO_RULES = ToolRules()


@dataclass(frozen=True, slots=True)
class ToolRun:
    """How a tool call went. `text` is the result as JSON; `error` is empty if it went well."""

    text: str
    took_ms: float
    error: str = ""

    @classmethod
    def failed(cls, error: str, took_ms: float = 0) -> "ToolRun":
        """One whose result is an error."""
        return cls(orjson.dumps({"error": error}).decode(), took_ms, error)


class ToolRunner:
    """The tools of one call. `timeout_s` is for those that have no limit of their own; `max_bytes` is for a result."""

    def __init__(self, tools: Iterable[Tool], context: ToolContext, *, timeout_s: float = 3.0, max_bytes: int = 16_384):
        self._tools = {tool.spec.name: tool for tool in tools if tool.offered(context)}
        self._usable: Collection[str] = self._tools
        self._checkers = {name: checker_of(tool.spec.parameters) for name, tool in self._tools.items()}
        self._context = context
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._runs: dict[str, asyncio.Task[ToolRun]] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the responder may call."""
        return tuple(tool.spec for name, tool in self._tools.items() if name in self._usable)

    def limit(self, names: Collection[str] | None) -> None:
        """From now on only these may be called; all if None. What runs goes on."""
        self._usable = self._tools if names is None else names

    def rules(self, name: str) -> ToolRules:
        """The rules of a tool; the usual ones if there is no such tool."""
        tool = self._tools.get(name)
        return tool.rules if tool is not None else _NO_RULES

    async def run(self, call: ToolCall) -> ToolRun:
        """Run a tool. The same id again gets the first result; giving up waiting does not stop what has begun. Raises
        CancelledError if it is stopped."""
        if call.id not in self._runs:
            self._runs[call.id] = asyncio.create_task(self._run(call))
        return await asyncio.shield(self._runs[call.id])

    def stop(self, call_id: str) -> None:
        """Stop what has begun."""
        if call_id in self._runs:
            self._runs[call_id].cancel()

    async def close(self) -> None:
        """Wait for what has begun; each has its time limit."""
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def _run(self, call: ToolCall) -> ToolRun:
        begun = time.perf_counter()
        text, error = "", ""
        try:
            text = self._written(call.name, await self._result(call))
        except ToolError as failure:
            error = str(failure)
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            error = f"{call.name} failed: it was cancelled"
        except Exception as failure:  # noqa: BLE001 - a user's tool may raise anything, and must not end the call
            _log.exception("tool failed", call_id=self._context.call_id, tool=call.name)
            error = f"{call.name} failed: {type(failure).__name__}"
        took_ms = (time.perf_counter() - begun) * 1000
        _log.info("tool ran", call_id=self._context.call_id, tool=call.name, took_ms=round(took_ms, 1), error=error)
        return ToolRun.failed(error, took_ms) if error else ToolRun(text, took_ms)

    async def _result(self, call: ToolCall) -> Any:
        tool = self._tools.get(call.name)
        if tool is None or call.name not in self._usable:
            known = ", ".join(spec.name for spec in self.specs)
            raise ToolError(f"there is no tool {call.name}; there are: {known}")
        arguments = checked(self._checkers[call.name], call.arguments)
        context = replace(self._context, tool_call_id=call.id)
        own_s = tool.rules.timeout_s
        limit_s = self._timeout_s if own_s is None else own_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await tool(arguments, context)
        except TimeoutError as error:
            if limit.expired():
                raise ToolError(f"{call.name} took longer than {limit_s:g} s") from error
            raise

    def _written(self, name: str, result: Any) -> str:
        try:
            text = to_json(result, inf_nan_mode="null")
        except ValueError as error:
            _log.error("a tool's result is no JSON", call_id=self._context.call_id, tool=name, error=str(error))
            raise ToolError(f"{name} gave a result that cannot be written as JSON") from error
        if len(text) > self._max_bytes:
            raise ToolError(f"the result has {len(text)} bytes; the most is {self._max_bytes}")
        return text.decode()


def _is_cancelled() -> bool:
    """Whether the running task is meant, rather than something that a tool waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
