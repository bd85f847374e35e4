import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from offhook.calls.engines.prompts import ANSWER_NOW, GO_ON
from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings
from offhook.events import AgentSaid, CallerSaid, CallTrouble, EndReason
from offhook.providers.llm.base import Message, ToolCall, ToolSpec
from tests.calls.rig import VOICE, PaperTool
from tests.calls.sessions import STALL_MS, PaperProvider, SessionRig

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
NOTHING = {"type": "object", "properties": {}}


class Slow(PaperTool):
    """A tool that is not done before the test says so."""

    def __init__(self) -> None:
        super().__init__(ToolSpec("look_up", "", NOTHING), {"free": ["10:00"]})
        self.through = asyncio.Event()

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        await self.through.wait()
        return await super().__call__(arguments, context)


def two() -> tuple[PaperProvider, PaperProvider]:
    return PaperProvider("first"), PaperProvider("second")


async def test_a_session_that_dies_before_the_greeting(tmp_path: Path) -> None:
    first, second = two()
    first.ready = False
    rig = SessionRig(tmp_path, first, second)
    rig.answer()
    await rig.run(100)
    first.last.fail()
    await rig.run(100)
    assert second.last.said()[0].endswith('"Hello there."')
    second.last.speak("greeting", "Hello there.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]
    assert (first.last.closed, rig.watched[0].healthy) == (1, False)
    assert [event.what for event in rig.all(CallTrouble)] == ["session"]


async def test_a_session_that_never_begins(tmp_path: Path) -> None:
    first, second = two()
    first.ready = False
    rig = SessionRig(tmp_path, first, second)
    rig.answer()
    await rig.run(STALL_MS)
    assert second.sessions == []
    await rig.run(100)
    assert second.last.said()[0].endswith('"Hello there."')


async def test_a_session_that_dies_in_the_greeting_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    first, second = two()
    rig = SessionRig(tmp_path, first, second, agent=AgentSettings(greeting=LONG))
    rig.answer()
    await rig.run(40)
    first.last.events.on_agent_text("g", LONG, False)
    first.last.sound("g", 1_600)
    await rig.run(400)
    first.last.fail()
    await rig.run(100)
    assert second.last.said() == [GO_ON]
    [cut] = second.last.history
    assert cut.unfinished
    assert LONG.startswith(cut.text)
    assert 3 <= len(cut.text.split()) <= 10
    second.last.speak("g", "and so on.")
    await rig.run(3_000)
    assert rig.said() == [cut.text, "and so on."]
    assert not rig.all(AgentSaid)[0].interrupted


async def test_a_session_that_dies_while_the_caller_speaks_is_followed_by_one_that_hears_it_all(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.run(400, VOICE)
    first.last.fail()
    await rig.run(40, VOICE)
    assert second.last.voiced_ms == 440
    assert second.last.history == [Message("agent", "Hello there.")]
    await rig.run(400, VOICE)
    second.last.events.on_speech_started("c", 300)
    await rig.run(500)
    second.last.events.on_speech_stopped("c", 1_140)
    second.last.events.on_caller_said("c", "When do you open?", True)
    second.last.speak("a", "At eight.")
    await rig.until_quiet()
    assert rig.said()[-1] == "At eight."
    [said] = rig.all(CallerSaid)
    assert said.end_ms - said.start_ms == pytest.approx(840, abs=64)


async def test_a_session_that_dies_with_the_turn_is_followed_by_one_that_hears_it(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("")
    await rig.run(100)
    first.last.fail()
    await rig.run(100)
    assert second.last.voiced_ms == 600
    assert second.last.said() == []


async def test_a_session_that_dies_owing_an_answer_to_words_is_followed_by_one_that_gives_it(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("When do you open?")
    await rig.run(100)
    first.last.fail()
    await rig.run(100)
    assert second.last.said() == [ANSWER_NOW]
    assert second.last.history == [Message("agent", "Hello there."), Message("caller", "When do you open?")]
    assert second.last.voiced_ms == 0


async def test_a_session_that_dies_while_nobody_speaks_is_replaced_in_silence(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second, fallback=True).greeted()
    await rig.run(1_000)
    first.last.fail()
    await rig.run(4_000)
    assert (second.last.asked, rig.said()) == ([], ["Hello there."])
    assert second.last.history == [Message("agent", "Hello there.")]


async def test_what_was_said_whole_is_heard_to_its_end_although_the_session_is_dead(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("Tell me.")
    first.last.speak("a", LONG)
    await rig.run(400)
    first.last.fail()
    await rig.run(4_000)
    assert rig.said()[-1] == LONG
    assert second.last.said() == []
    assert second.last.history[-1] == Message("agent", LONG)


async def test_a_tool_that_was_called_by_the_dead_is_answered_by_the_next(tmp_path: Path) -> None:
    tool = Slow()
    first, second = two()
    rig = await SessionRig(tmp_path, first, second, tools=(tool,)).greeted()
    await rig.ask("When?")
    first.last.events.on_tool_call(ToolCall("t1", "look_up", {}))
    await rig.run(40)
    first.last.fail()
    await rig.run(200)
    assert second.sessions == []
    tool.through.set()
    await rig.run(40)
    assert [message.role for message in second.last.history] == ["agent", "caller", "agent", "tool"]
    assert second.last.said() == [ANSWER_NOW]


async def test_an_answer_that_does_not_come_is_given_by_the_next_within_two_seconds(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("When do you open?")
    await rig.run(STALL_MS)
    assert second.sessions == []
    await rig.run(60)
    assert second.last.said() == [ANSWER_NOW]


async def test_an_answer_that_stops_in_the_middle_is_finished_by_the_next(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("Tell me.")
    first.last.events.on_agent_text("a", "One two three", False)
    first.last.sound("a", 600)
    await rig.run(600 + STALL_MS + 80)
    assert second.last.said() == [GO_ON]


async def test_who_does_not_even_notice_the_caller_is_replaced(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.run(1_000, VOICE)
    await rig.run(500 + STALL_MS + 100)
    assert second.last.voiced_ms == 1_000


async def test_a_short_noise_that_nobody_notices_replaces_nobody(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.run(200, VOICE)
    await rig.run(4_000)
    assert second.sessions == []


async def test_an_answer_that_fails_is_given_by_the_next(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("When do you open?")
    first.last.events.on_response_done("failed", "insufficient_quota")
    await rig.run(40)
    assert second.last.said() == [ANSWER_NOW]
    assert "insufficient_quota" in rig.all(CallTrouble)[0].detail


async def test_a_gap_that_would_be_heard_is_filled(tmp_path: Path) -> None:
    first, second = two()
    second.ready = False
    rig = await SessionRig(tmp_path, first, second, fallback=True).greeted()
    await rig.ask("When do you open?")
    first.last.fail()
    await rig.run(1_100)
    second.ready = True
    await rig.run(40)
    second.last.speak("a", "At eight.")
    await rig.run(2_000)
    assert rig.said()[1:] == ["One moment, please.", "At eight."]


async def test_the_only_provider_is_tried_once_more(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("When do you open?")
    rig.session.fail()
    await rig.run(100)
    assert len(rig.providers[0].sessions) == 2
    assert rig.session.said() == [ANSWER_NOW]
    rig.session.speak("a", "At eight.")
    await rig.until_quiet()
    assert rig.said()[-1] == "At eight."


async def test_where_nobody_is_left_it_is_tried_again_for_a_while_before_the_call_ends(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    for _ in range(4):
        rig.session.fail()
        await rig.run(1_700)
    assert rig.leg.closed == []
    for _ in range(10):
        rig.session.fail()
        await rig.run(1_700)
    assert rig.leg.closed == [EndReason.ERROR]


async def _replaced(rig: SessionRig, provider: PaperProvider, since_ms: int) -> int:
    """How long after `since_ms` a session of `provider` was asked to speak."""
    while not provider.sessions or not provider.last.said():
        await rig.run(20)
        assert rig.call.now_ms - since_ms < 10_000
    return rig.call.now_ms - since_ms


@pytest.mark.parametrize("at", ["opening", "greeting", "turn", "keys", "tool", "answer"])
async def test_a_session_that_stalls_is_replaced_within_two_seconds(tmp_path: Path, at: str) -> None:
    first, second = two()
    first.ready = at != "opening"
    rig = SessionRig(tmp_path, first, second, tools=(PaperTool(ToolSpec("look_up", "", NOTHING), {}),))
    if at in ("opening", "greeting"):
        rig.answer()
    else:
        await rig.greeted()
    since_ms = rig.call.now_ms
    if at == "keys":
        for digit in "5#":
            rig.call.on_dtmf(digit)
        await rig.run(40)
        since_ms = rig.call.now_ms
    if at in ("turn", "tool", "answer"):
        await rig.ask("When do you open?")
        since_ms = rig.call.now_ms
    if at == "tool":
        first.last.events.on_tool_call(ToolCall("t1", "look_up", {}))
        first.last.events.on_response_done("completed", "")
        await rig.run(40)
        since_ms = rig.call.now_ms
    if at == "answer":
        first.last.events.on_agent_text("a", "One two", False)
        first.last.sound("a", 400)
        await rig.run(400)
        since_ms = rig.call.now_ms
    assert await _replaced(rig, second, since_ms) <= 2_000


async def test_a_model_that_shows_that_it_works_is_not_replaced(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("When do you open?")
    for _ in range(10):
        await rig.run(1_400)
        first.last.events.on_sign()
    first.last.speak("a", "At eight.")
    await rig.until_quiet()
    assert (rig.said()[-1], second.sessions) == ("At eight.", [])


async def test_a_tool_may_take_its_time(tmp_path: Path) -> None:
    tool = Slow()
    first, second = two()
    rig = await SessionRig(tmp_path, first, second, tools=(tool,)).greeted()
    await rig.ask("When?")
    first.last.events.on_tool_call(ToolCall("t1", "look_up", {}))
    first.last.events.on_response_done("completed", "")
    await rig.run(1_200)
    first.last.speak("f", "One moment.")
    await rig.run(1_400)
    tool.through.set()
    await rig.run(1_000)
    first.last.speak("a", "At ten.")
    await rig.until_quiet()
    assert (rig.said()[-1], second.sessions) == ("At ten.", [])


async def test_a_long_answer_that_came_at_once_is_not_taken_for_a_stall(tmp_path: Path) -> None:
    first, second = two()
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("Tell me.")
    first.last.events.on_agent_text("a", LONG * 4, False)
    first.last.sound("a", 13_000)
    await rig.run(12_000)
    first.last.events.on_item_done("a")
    first.last.events.on_response_done("completed", "")
    await rig.until_quiet()
    await rig.run(6_000)
    assert second.sessions == []
