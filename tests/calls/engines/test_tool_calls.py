import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offhook.calls.tools.base import ToolContext
from offhook.events import CallEnded, EndReason, ToolCalled
from offhook.providers.llm.base import Piece, ToolCall, ToolSpec
from tests.calls.rig import PaperTool, Rig

SPEC = ToolSpec("book", "", {"type": "object", "properties": {}})


class Slow(PaperTool):
    """Takes until the test lets it go."""

    def __init__(self) -> None:
        super().__init__(SPEC, {"status": "booked"})
        self.begun, self.through = asyncio.Event(), asyncio.Event()

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        self.begun.set()
        await self.through.wait()
        return await super().__call__(arguments, context)


async def rig_that_books(tool: Slow, tmp_path: Path) -> Rig:
    asks: list[Piece] = [ToolCall("1", "book", {})]
    rig = Rig(tmp_path, answers=[asks, "It is booked."], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("Book it.")
    assert tool.begun.is_set()
    return rig


async def test_what_a_tool_did_is_told_though_the_caller_hung_up_meanwhile(tmp_path: Path) -> None:
    tool = Slow()
    rig = await rig_that_books(tool, tmp_path)
    rig.call.end(EndReason.CALLER_HUNG_UP)
    await rig.run(100)
    tool.through.set()
    await rig.call.ended.wait()
    told = [type(event) for event in rig.events if isinstance(event, ToolCalled | CallEnded)]
    assert told == [ToolCalled, CallEnded]
    assert rig.all(ToolCalled)[0].result == '{"status":"booked"}'


async def test_a_tool_that_goes_on_alone_keeps_the_call_open(tmp_path: Path) -> None:
    tool = Slow()
    rig = await rig_that_books(tool, tmp_path)
    assert rig.pipeline is not None
    rig.pipeline.wind_up("Goodbye.", EndReason.SILENCE)
    await rig.run(2_000)
    assert not rig.leg.closed
    tool.through.set()
    await rig.run(1_000)
    assert rig.leg.closed == [EndReason.SILENCE]
