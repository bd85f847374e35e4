"""The tools that an agent's replies call: run when they may be, and told of in the conversation and in the events."""

import asyncio
from collections.abc import Iterable

import orjson

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.tools.base import Tool
from offhook.calls.tools.runner import ToolRun, ToolRunner
from offhook.events import ToolCalled
from offhook.providers.llm.base import ToolCall, ToolSpec

__all__ = ["CALLED_OFF", "ToolCalls"]

CALLED_OFF = "the caller spoke up, so it was not done"


class ToolCalls:
    """The tool calls of one call."""

    def __init__(self, call: CallHandle, tools: Iterable[Tool], conversation: Conversation):
        self._call = call
        self._conversation = conversation
        self._runner = ToolRunner(tools, call.tool_context)
        self._all_heard = asyncio.Event()
        self._late: set[asyncio.Task[None]] = set()

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the responder may call."""
        return self._runner.specs

    @property
    def at_work(self) -> bool:
        """Whether a tool goes on that nobody waits for any more."""
        return bool(self._late)

    def all_heard(self) -> None:
        """Nothing is being said by either side: tools that waited for that may run."""
        self._all_heard.set()

    async def run(self, call: ToolCall) -> ToolRun:
        """Run a tool and note how it went. Whoever is cancelled while it runs does not undo it: it is noted later."""
        if self._runner.waits_for_speech(call.name):
            await self._hear_out(call)
        try:
            ran = await self._runner.run(call)
        except asyncio.CancelledError:
            task = asyncio.get_running_loop().create_task(self._note_late(call))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise
        self._note(call, ran)
        return ran

    async def close(self) -> None:
        """Wait for what has begun, which has a limit of time, and note how it went."""
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._runner.close()

    async def _hear_out(self, call: ToolCall) -> None:
        """Wait until the caller has heard what was said; an interruption calls the tool off."""
        self._all_heard.clear()
        try:
            await self._all_heard.wait()
        except asyncio.CancelledError:
            self._note(call, ToolRun(orjson.dumps({"error": CALLED_OFF}).decode(), 0, CALLED_OFF))
            raise

    async def _note_late(self, call: ToolCall) -> None:
        self._note(call, await self._runner.run(call))

    def _note(self, call: ToolCall, ran: ToolRun) -> None:
        self._conversation.tool_returned(call.id, ran.text)
        call_id, took_ms = self._call.facts.call_id, round(ran.took_ms)
        self._call.emit(
            ToolCalled(call_id, self._call.now_ms(), call.name, call.arguments, ran.text, ran.error, took_ms)
        )
