"""Tools in both engines: when they run, what becomes of them when the caller speaks, and what is heard meanwhile."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from offhook.calls.conversation import Conversation
from offhook.calls.engines.tool_calls import ToolCalls
from offhook.calls.leg import CallControl
from offhook.calls.tools.base import ToolContext, ToolRules
from offhook.calls.tools.hold import Hold
from offhook.calls.tools.transfer_call import TransferCall
from offhook.config import AgentSettings, TransferSettings
from offhook.events import CallEnded, EndReason, ToolCalled
from offhook.providers.llm.base import Message, Piece, ToolCall, ToolSpec
from tests.calls.rig import VOICE, PaperLeg, PaperTool, Rig
from tests.calls.sessions import SessionRig

NOTHING = {"type": "object", "properties": {}}
END_CALL = PaperTool(ToolSpec("end_call", "", NOTHING), {"ok": True})
SLOW = ToolSpec("look_up", "", NOTHING)
FOUND = '{"free":["10:00"]}'
FIRST, SECOND, THIRD = AgentSettings().filler_lines


class Slow(PaperTool):
    """A tool that is not done before the test says so."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(SLOW, {"free": ["10:00"]}, rules=ToolRules(**{"timeout_s": 60.0, **rules}))
        self.begun, self.through, self.stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        self.begun.set()
        try:
            await self.through.wait()
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        return await super().__call__(arguments, context)


# In the pipeline


async def looking_up(tool: Slow, tmp_path: Path, *answers: str, **others: Any) -> Rig:
    """A call whose agent has just begun to look something up, without a word before."""
    asks: list[Piece] = [ToolCall("1", "look_up", {})]
    rig = Rig(tmp_path, answers=[asks, *(answers or ["Ten is free."])], tools=(tool,), **others).answer()
    await rig.until_quiet()
    await rig.speak("When?", then=520)
    while not tool.begun.is_set():
        await rig.run(20)
    return rig


def sounds(rig: Rig) -> list[bytes]:
    """The frames that the caller heard something in."""
    return [frame for frame in rig.leg.heard if frame != rig.leg.format.silence]


async def test_what_a_tool_did_is_told_though_the_caller_hung_up_meanwhile(tmp_path: Path) -> None:
    tool = Slow()
    rig = await looking_up(tool, tmp_path)
    rig.call.end(EndReason.CALLER_HUNG_UP)
    await rig.run(100)
    tool.through.set()
    await rig.call.ended.wait()
    told = [type(event) for event in rig.events if isinstance(event, ToolCalled | CallEnded)]
    assert told == [ToolCalled, CallEnded]
    assert rig.all(ToolCalled)[0].result == FOUND


async def test_a_tool_that_goes_on_alone_keeps_the_call_open(tmp_path: Path) -> None:
    tool = Slow()
    rig = await looking_up(tool, tmp_path)
    assert rig.pipeline is not None
    rig.pipeline.wind_up("Goodbye.", EndReason.SILENCE)
    await rig.run(2_000)
    assert not rig.leg.closed
    tool.through.set()
    await rig.run(1_000)
    assert rig.leg.closed == [EndReason.SILENCE]


async def test_a_caller_who_waits_for_a_tool_is_told_so_now_and_then_in_different_words(tmp_path: Path) -> None:
    tool = Slow()
    rig = await looking_up(tool, tmp_path)
    await rig.run(660)
    quiet = len(sounds(rig))
    await rig.run(80)
    assert len(sounds(rig)) > quiet
    await rig.run(6_000)
    assert rig.said()[1:] == [FIRST]
    await rig.run(7_000 + 6_000)
    tool.through.set()
    await rig.until_quiet()
    assert rig.said()[1:] == [FIRST, SECOND, THIRD, "Ten is free."]
    assert [message.role for message in rig.brain.asked[1]] == ["agent", "caller", "agent", "tool"]


async def test_a_tool_has_its_own_words_or_none(tmp_path: Path) -> None:
    tool = Slow(filler="Let me look at my book.")
    rig = await looking_up(tool, tmp_path)
    await rig.run(10_000)
    assert rig.said()[1:] == ["Let me look at my book.", SECOND]
    silent = Slow(filler="")
    rig = await looking_up(silent, tmp_path)
    await rig.run(9_000)
    assert rig.said()[1:] == []


async def test_no_filler_while_the_caller_speaks_or_the_agent_does(tmp_path: Path) -> None:
    tool = Slow()
    words = "One two three four five six seven eight nine ten."
    asks: list[Piece | str] = [words, ToolCall("1", "look_up", {})]
    rig = Rig(tmp_path, answers=[asks, "Ten is free."], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("When?", then=560)
    await rig.run(2_400)
    assert tool.begun.is_set()
    assert rig.said()[1:] == [words]
    await rig.run(2_000, VOICE)
    assert rig.said()[1:] == [words]


async def test_a_tool_that_wants_it_is_stopped_by_the_caller_and_the_model_is_told(tmp_path: Path) -> None:
    tool = Slow(on_barge_in="cancel")
    rig = await looking_up(tool, tmp_path, "Which day then?")
    rig.ears.texts.append("No, wait.")
    await rig.run(800, VOICE)
    await rig.run(40)
    assert tool.stopped.is_set()
    await rig.run(900)
    await rig.until_quiet()
    [called] = rig.all(ToolCalled)
    assert called.error == "the caller spoke up, so it was stopped; part of it may have been done"
    assert 0 < called.duration_ms < 1_500
    [result] = [message for message in rig.brain.asked[1] if message.role == "tool"]
    assert "it was stopped" in result.text
    assert rig.said()[-1] == "Which day then?"


async def test_the_next_answer_waits_for_a_tool_that_goes_on(tmp_path: Path) -> None:
    tool = Slow()
    rig = await looking_up(tool, tmp_path)
    await rig.speak("Hello?", ms=800, then=1_000)
    assert not tool.stopped.is_set()
    assert len(rig.brain.asked) == 1
    tool.through.set()
    await rig.until_quiet()
    assert [message.role for message in rig.brain.asked[-1]] == ["agent", "caller", "agent", "tool", "caller"]
    assert Message("tool", FOUND, tool_call_id="1") in rig.brain.asked[-1]
    assert rig.said()[-1] == "Ten is free."


async def test_it_does_not_wait_for_ever_and_the_model_knows(tmp_path: Path) -> None:
    tool = Slow()
    agent = AgentSettings(greeting="Hello.", tool_timeout_s=2, filler_lines=())
    rig = await looking_up(tool, tmp_path, "I am on it.", "Ten is free.", agent=agent)
    await rig.speak("Hello?", ms=800, then=3_500)
    assert rig.said()[-1] == "I am on it."
    [result] = [message for message in rig.brain.asked[-1] if message.role == "tool"]
    assert "still running" in result.text
    tool.through.set()
    await rig.speak("And now?", then=2_000)
    results = [message for message in rig.brain.asked[-1] if message.role == "tool"]
    assert results == [Message("tool", FOUND, tool_call_id="1")]
    assert rig.said()[-1] == "Ten is free."


# Beside a session


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


@pytest.mark.parametrize("ms", [2_800, 9_000])
async def test_a_silence_while_a_tool_works_is_filled(tmp_path: Path, ms: int) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,), fallback=True).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(ms)
    tool.through.set()
    await rig.run(40)
    assert rig.said()[1:] == [FIRST, SECOND][: 1 + (ms > 7_000)]


async def test_a_session_without_another_voice_says_it_itself(tmp_path: Path) -> None:
    tool = Slow(filler="Let me look.")
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(800)
    assert rig.session.said()[-1].endswith('"Let me look."')
    rig.session.speak("filler", "Let me look.")
    await rig.run(1_000)
    assert len(rig.session.said()) == 2
    tool.through.set()
    await rig.run(40)
    assert ("tool_result", "t1", FOUND, True) in rig.session.asked
    rig.session.speak("b", "Ten is free.")
    await rig.until_quiet()
    assert rig.said()[1:] == ["Let me look.", "Ten is free."]


async def test_a_session_that_is_answering_is_not_asked_for_more(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, tools=(Slow(),)).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    await rig.run(1_000)
    assert len(rig.session.said()) == 1


async def test_a_tool_beside_a_session_is_stopped_by_the_caller_if_it_wants_that(tmp_path: Path) -> None:
    tool = Slow(on_barge_in="cancel")
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.ask("No, wait.")
    assert tool.stopped.is_set()
    [result] = [each for each in rig.session.asked if each[0] == "tool_result"]
    assert "it was stopped" in result[2]


async def test_a_call_that_a_session_tells_twice_is_one(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    for _ in range(2):
        rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    tool.through.set()
    await rig.run(40)
    assert len(tool.seen) == len(rig.all(ToolCalled)) == len(results(rig)) == 1


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

    async def bridge(self, other: CallControl) -> None:
        raise AssertionError(other)

    async def send_dtmf(self, digits: str) -> None:
        raise AssertionError

    async def play(self, url: str) -> None:
        raise AssertionError

    async def record(self) -> str:
        raise AssertionError


async def transferring(tmp_path: Path) -> tuple[SessionRig, Control]:
    leg, control = PaperLeg(), Control()
    leg.control = control
    rig = await SessionRig(tmp_path, leg=leg, tools=(TransferCall({"sales": TransferSettings(to="+1")}),)).greeted()
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


async def test_a_tool_that_runs_while_others_take_its_place_is_finished(tmp_path: Path) -> None:
    slow, other = Slow(), PaperTool(ToolSpec("look_in", "", NOTHING), {"in": True})
    conversation = Conversation()
    rig = Rig(tmp_path).answer()
    assert rig.pipeline is not None
    handle = rig.pipeline._call
    calls = ToolCalls(handle, (slow,), conversation)
    ran: list[str] = []
    calls.begin(ToolCall("1", "look_up", {}), lambda call, run: ran.append(run.text))
    calls.change((other,), timeout_s=1.0)
    assert [spec.name for spec in calls.specs] == ["look_in"]
    slow.through.set()
    await calls.done()
    await calls.run(ToolCall("2", "look_in", {}), lambda call, run: ran.append(run.text))
    await calls.run(ToolCall("3", "look_up", {}), lambda call, run: ran.append(run.error))
    assert ran == [FOUND, '{"in":true}', "there is no tool look_up; there are: look_in"]
    await calls.close()
    rig.call.end(EndReason.SHUTDOWN)
    await rig.call.ended.wait()


@pytest.mark.parametrize("engine", ["pipeline", "sessions"])
async def test_the_limit_of_a_call_does_not_wait_for_a_caller_who_asked_for_a_moment(
    tmp_path: Path, engine: str
) -> None:
    waits = ToolCall("t1", "hold", {"how": "wait", "seconds": 300})
    if engine == "pipeline":
        rig = Rig(tmp_path, answers=[[waits]], tools=(Hold(),)).answer()
        await rig.until_quiet()
        await rig.speak("One moment.")
    else:
        rig = await SessionRig(tmp_path, tools=(Hold(),)).greeted()
        await rig.ask("One moment.")
        rig.session.events.on_tool_call(waits)
        rig.session.events.on_response_done("completed", "")
    await rig.run(2_000)
    rig.call.wind_up("Our time is over.", EndReason.COST_LIMIT)
    await rig.run(400)
    if isinstance(rig, SessionRig):
        rig.session.speak("a", "Our time is over.")
    await rig.run(5_000)
    assert (rig.said()[-1], rig.leg.closed) == ("Our time is over.", [EndReason.COST_LIMIT])


async def test_who_hangs_up_does_not_hold(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, tools=(Hold(), END_CALL)).greeted()
    await rig.ask("Bye.")
    rig.session.speak("bye", "Goodbye then.", over=False)
    rig.session.events.on_tool_call(ToolCall("t1", "hold", {"how": "music", "seconds": 300}))
    rig.session.events.on_tool_call(ToolCall("t2", "end_call", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(5_000)
    assert rig.leg.closed == [EndReason.AGENT_HUNG_UP]
