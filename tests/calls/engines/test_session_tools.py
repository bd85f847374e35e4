import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from offhook.calls.tools.base import ToolContext
from offhook.calls.tools.transfer_call import TransferCall
from offhook.events import CallEnded, EndReason, ToolCalled
from offhook.providers.llm.base import ToolCall, ToolSpec
from tests.calls.rig import PaperLeg, PaperTool
from tests.calls.sessions import SessionRig

NOTHING = {"type": "object", "properties": {}}
END_CALL = PaperTool(ToolSpec("end_call", "", NOTHING), {"ok": True})


class Slow(PaperTool):
    """A tool that is not done before the test says so."""

    def __init__(self) -> None:
        super().__init__(ToolSpec("look_up", "", NOTHING), {"free": ["10:00"]})
        self.through = asyncio.Event()

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        await self.through.wait()
        return await super().__call__(arguments, context)


def results(rig: SessionRig) -> list[bool]:
    """For each result of a tool that the first session was told: whether it is to answer it."""
    return [each[3] for each in rig.providers[0].sessions[0].asked if each[0] == "tool_result"]


async def test_a_tool_runs_beside_the_session_and_its_result_is_told(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    assert rig.session.tools == ["look_up"]
    await rig.ask("When?")
    rig.session.speak("a", "One moment.", over=False)
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.until_quiet()
    assert rig.said()[-1] == "One moment."
    tool.through.set()
    await rig.run(40)
    assert ("tool_result", "t1", '{"free":["10:00"]}', True) in rig.session.asked
    rig.session.speak("b", "Ten is free.")
    await rig.until_quiet()
    assert rig.said()[-1] == "Ten is free."
    assert [event.name for event in rig.all(ToolCalled)] == ["look_up"]


async def test_the_result_of_a_tool_is_told_although_the_caller_speaks(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.ask("Are you there?")
    tool.through.set()
    await rig.run(40)
    assert ("tool_result", "t1", '{"free":["10:00"]}', True) in rig.session.asked


async def test_a_silence_while_a_tool_works_is_filled_once_if_there_is_a_voice(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,), fallback=True).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(2_800)
    tool.through.set()
    await rig.run(40)
    assert rig.said()[1:] == ["One moment, please."]


async def test_saying_goodbye_hangs_up_when_it_was_heard(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, tools=(END_CALL,)).greeted()
    await rig.ask("Bye.")
    rig.session.speak("bye", "Goodbye then and have a very nice day.", over=False)
    rig.session.events.on_tool_call(ToolCall("t1", "end_call", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(1_400)
    assert rig.leg.closed == []
    await rig.run(800)
    assert rig.leg.closed == [EndReason.AGENT_HUNG_UP]
    assert rig.said()[-1] == "Goodbye then and have a very nice day."
    assert results(rig) == [False]
    assert rig.session.closed == 1


async def test_who_hangs_up_without_a_word_is_asked_for_one(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, tools=(END_CALL,)).greeted()
    await rig.ask("Bye.")
    rig.session.events.on_tool_call(ToolCall("t1", "end_call", {}))
    await rig.run(20)
    rig.session.events.on_response_done("completed", "")
    await rig.run(600)
    assert results(rig) == [True]
    assert rig.leg.closed == []
    rig.session.speak("bye", "Goodbye.")
    await rig.run(800)
    assert rig.said()[-1] == "Goodbye."
    assert rig.leg.closed == [EndReason.AGENT_HUNG_UP]


async def test_a_caller_who_speaks_during_the_goodbye_keeps_the_line(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, tools=(END_CALL,)).greeted()
    await rig.ask("Bye.")
    rig.session.speak("bye", "Goodbye then and have a very nice day.", over=False)
    rig.session.events.on_tool_call(ToolCall("t1", "end_call", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(700)
    await rig.ask("Wait, one more thing!")
    rig.session.speak("yes", "Yes?")
    await rig.run(2_000)
    assert rig.said()[-1] == "Yes?"
    assert rig.leg.closed == []


class Control:
    """A carrier that transfers."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def transfer(self, to: str) -> None:
        self.to.append(to)

    async def send_dtmf(self, digits: str) -> None:
        raise AssertionError

    async def play(self, url: str) -> None:
        raise AssertionError

    async def record(self) -> str:
        raise AssertionError


async def transferring(tmp_path: Path) -> tuple[SessionRig, Control]:
    leg, control = PaperLeg(), Control()
    leg.control = control
    rig = await SessionRig(tmp_path, leg=leg, tools=(TransferCall({"sales": "+1"}),)).greeted()
    await rig.ask("Sales please.")
    rig.session.speak("a", "I will put you through to sales.", over=False)
    rig.session.events.on_tool_call(ToolCall("t1", "transfer_call", {"to": "sales"}))
    rig.session.events.on_response_done("completed", "")
    return rig, control


async def test_a_transfer_waits_for_the_words_before_it(tmp_path: Path) -> None:
    rig, control = await transferring(tmp_path)
    await rig.run(1_200)
    assert control.to == []
    await rig.run(400)
    assert control.to == ["+1"]
    assert rig.said()[-1] == "I will put you through to sales."


async def test_a_transfer_is_called_off_by_the_caller(tmp_path: Path) -> None:
    rig, control = await transferring(tmp_path)
    await rig.run(600)
    await rig.ask("No wait!")
    await rig.run(2_000)
    assert control.to == []
    [called] = rig.all(ToolCalled)
    assert called.error
    assert results(rig) == [True]


async def test_hanging_up_while_a_tool_works(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    await rig.run(40)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    tool.through.set()
    await rig.run(40)
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.CALLER_HUNG_UP]
    assert rig.session.closed == 1
