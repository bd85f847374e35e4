"""The tools that an agent calls: run when they may be, and told of in the conversation and in the events."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.tools.base import Tool
from offhook.calls.tools.hold import Hold
from offhook.calls.tools.runner import ToolRun, ToolRunner
from offhook.events import EndReason, ToolCalled
from offhook.providers.llm.base import ToolCall, ToolSpec

__all__ = ["CALL_ENDS", "OnRan", "ToolCalls"]

_SPOKE_UP = "the caller spoke up"
_STILL_RUNNING = '{"status":"still running, and not to be called again: the result will be here when it is known"}'
_CALL_ENDED = "the call ended"
CALL_ENDS = "the call ends"
_UNHEARD = "the caller could not be heard for a moment"
OnRan = Callable[[ToolCall, ToolRun], None]


@dataclass(eq=False)
class _Begun:
    """A call of a tool. `ran` has its result; `heard` is there while it waits for the agent's words to be heard."""

    call: ToolCall
    runner: ToolRunner
    on_ran: OnRan
    begun_ms: int
    ran: asyncio.Future[ToolRun]
    heard: asyncio.Future[None] | None


class ToolCalls:
    """The tool calls of one call, whichever engine asks for them. Each runs once; `timeout_s` is for those that have no
    limit of their own."""

    def __init__(self, call: CallHandle, tools: Iterable[Tool], conversation: Conversation, *, timeout_s: float = 3.0):
        self._call = call
        self._conversation = conversation
        self._runner = ToolRunner(tools, call.tool_context, timeout_s=timeout_s)
        self._runners = [self._runner]
        self._timeout_s = timeout_s
        self._begun: dict[str, _Begun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def change(self, tools: Iterable[Tool], *, timeout_s: float) -> None:
        """Offer other tools from now on; what was begun is finished as it was."""
        self._runner = ToolRunner(tools, self._call.tool_context, timeout_s=timeout_s)
        self._runners.append(self._runner)
        self._timeout_s = timeout_s

    def limit(self, names: Collection[str] | None) -> None:
        """Offer only these of the tools from now on; all if None."""
        self._runner.limit(names)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What may be called."""
        return self._runner.specs

    @property
    def running(self) -> bool:
        """Whether a tool was called whose result is not there."""
        return any(not each.ran.done() for each in self._begun.values())

    @property
    def filler(self) -> str | None:
        """What the caller hears first if the tool at work takes long; None if it does not say."""
        rules = (each.runner.rules(each.call.name) for each in self._begun.values() if not each.ran.done())
        return next((each.filler for each in rules if each.filler is not None), None)

    async def run(self, call: ToolCall, on_ran: OnRan) -> None:
        """Run a tool to its end. Whoever is cancelled meanwhile does not undo it."""
        self.begin(call, on_ran)
        await asyncio.shield(self._begun[call.id].ran)

    def begin(self, call: ToolCall, on_ran: OnRan) -> None:
        """Run a tool, note how it went, and tell `on_ran`. The same call again is not another one."""
        if call.id in self._begun:
            return
        loop = asyncio.get_running_loop()
        runner = self._runner
        heard = loop.create_future() if runner.rules(call.name).after_speech else None
        begun = _Begun(call, runner, on_ran, self._call.now_ms(), loop.create_future(), heard)
        self._begun[call.id] = begun
        task = loop.create_task(self._guarded(begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def all_heard(self) -> None:
        """Nothing is being said by either side: tools that waited for that may run."""
        for begun in self._begun.values():
            if begun.heard is not None and not begun.heard.done():
                begun.heard.set_result(None)

    def call_off(self, because: str = _SPOKE_UP) -> None:
        """What waits for the agent's words to be heard is not run, and what wants that is stopped."""
        for begun in [each for each in self._begun.values() if not each.ran.done()]:
            if begun.heard is not None and not begun.heard.done():
                self._stop(begun, f"{because}, so it was not done")
            elif begun.runner.rules(begun.call.name).on_barge_in == "cancel":
                self._stop(begun, f"{because}, so it was stopped; part of it may have been done")

    def end_waits(self, because: str = _UNHEARD) -> None:
        """Nobody listens to the caller any more: a wait for the caller's voice would only end with its time."""
        for begun in [each for each in self._begun.values() if not each.ran.done()]:
            if begun.call.name == Hold.spec.name:
                self._stop(begun, f"{because}, so the wait is over")

    async def settle(self) -> None:
        """Wait for tools that went on though their answer was dropped, but not for ever: of those that take longer the
        conversation says so."""
        going_on = [each for each in self._begun.values() if not each.ran.done()]
        if going_on:
            await asyncio.wait([each.ran for each in going_on], timeout=self._timeout_s)
        for each in going_on:
            if not each.ran.done():
                self._conversation.tool_returned(each.call.id, _STILL_RUNNING)

    async def done(self) -> None:
        """Wait until no tool runs."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def close(self) -> None:
        """Wait for what has begun, which has a limit of time, and note how it went; tell nobody any more."""
        self._closed = True
        self.call_off(_CALL_ENDED)
        await self.done()
        for runner in self._runners:
            await runner.close()

    def _stop(self, begun: _Begun, why: str) -> None:
        began = begun.heard is None or begun.heard.done()
        if begun.heard is not None:
            begun.heard.cancel()
        begun.runner.stop(begun.call.id)
        self._finish(begun, ToolRun.failed(why, self._call.now_ms() - begun.begun_ms if began else 0))

    async def _guarded(self, begun: _Begun) -> None:
        try:
            await self._perform(begun)
        except Exception as error:  # noqa: BLE001 - a task's top
            report_trouble(self._call, "tool", error)
            self._call.end(EndReason.ERROR, str(error))

    async def _perform(self, begun: _Begun) -> None:
        if begun.heard is not None:
            await asyncio.wait([begun.heard])
        if begun.ran.done():
            return
        try:
            ran = await begun.runner.run(begun.call)
        except asyncio.CancelledError:
            if not begun.ran.done():
                raise
            return
        self._finish(begun, ran)

    def _finish(self, begun: _Begun, ran: ToolRun) -> None:
        if begun.ran.done():
            return
        begun.ran.set_result(ran)
        call, call_id, took_ms = begun.call, self._call.facts.call_id, round(ran.took_ms)
        self._conversation.tool_returned(call.id, ran.text)
        self._call.emit(
            ToolCalled(call_id, self._call.now_ms(), call.name, call.arguments, ran.text, ran.error, took_ms)
        )
        if not self._closed:
            begun.on_ran(call, ran)
