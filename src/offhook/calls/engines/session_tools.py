"""Runs the tools that a session calls, beside it: nothing of what it tells waits for them."""

import asyncio
from collections.abc import Callable

import orjson

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.replies import report_trouble
from offhook.calls.engines.tool_calls import CALLED_OFF
from offhook.calls.tools.base import Tool
from offhook.calls.tools.runner import ToolRun, ToolRunner
from offhook.calls.track import Track
from offhook.events import EndReason, ToolCalled
from offhook.providers.llm.base import ToolCall, ToolSpec

__all__ = ["SessionTools"]

OnRan = Callable[[ToolCall, ToolRun], None]


class SessionTools:
    """The tools of one call."""

    def __init__(self, call: CallHandle, tools: tuple[Tool, ...], conversation: Conversation):
        self._call = call
        self._runner = ToolRunner(tools, call.tool_context)
        self._conversation = conversation
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        self._all_heard = asyncio.Event()

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What a session may call."""
        return self._runner.specs

    @property
    def running(self) -> bool:
        """Whether a tool was called whose result is not there."""
        return bool(self._tasks)

    def run(self, call: ToolCall, on_ran: OnRan) -> None:
        """Run a tool, note how it went, and tell `on_ran`."""
        track = Track(self._call.playout.format)
        self._conversation.agent_says(track)
        self._conversation.agent_calls(track, (call,))
        task = asyncio.get_running_loop().create_task(self._guarded(call, on_ran))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def all_heard(self) -> None:
        """Nothing is being said by either side: tools that waited for that may run."""
        self._all_heard.set()

    def call_off(self) -> None:
        """The caller spoke up: tools that wait for the agent's words to be heard are not run."""
        for task in self._waiting:
            task.cancel()

    async def done(self) -> None:
        """Wait until no tool runs."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Wait for what has begun, and forget its results."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._runner.close()

    async def _guarded(self, call: ToolCall, on_ran: OnRan) -> None:
        try:
            await self._run(call, on_ran)
        except Exception as error:  # noqa: BLE001 - a task's top
            report_trouble(self._call, "tool", error)
            self._call.end(EndReason.ERROR, str(error))

    async def _run(self, call: ToolCall, on_ran: OnRan) -> None:
        if self._runner.waits_for_speech(call.name) and not await self._heard_out():
            ran = ToolRun(orjson.dumps({"error": CALLED_OFF}).decode(), 0, CALLED_OFF)
        else:
            ran = await self._runner.run(call)
        self._conversation.tool_returned(call.id, ran.text)
        facts, now, took_ms = self._call.facts, self._call.now_ms(), round(ran.took_ms)
        self._call.emit(ToolCalled(facts.call_id, now, call.name, call.arguments, ran.text, ran.error, took_ms))
        on_ran(call, ran)

    async def _heard_out(self) -> bool:
        """Wait until the caller has heard what was said; false if it was called off."""
        self._all_heard.clear()
        hearing = asyncio.get_running_loop().create_task(self._until_heard())
        self._waiting.add(hearing)
        hearing.add_done_callback(self._waiting.discard)
        try:
            await asyncio.wait([hearing])
        except asyncio.CancelledError:
            hearing.cancel()
            raise
        return not hearing.cancelled()

    async def _until_heard(self) -> None:
        await self._all_heard.wait()
