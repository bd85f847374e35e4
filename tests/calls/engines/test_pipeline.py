import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from offhook.calls.engines.prompts import nearly_over
from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings, SilenceSettings, TurnSettings
from offhook.errors import ProviderError
from offhook.events import (
    AgentPaused,
    AgentResumed,
    AgentSaid,
    BargeIn,
    CallEnded,
    CallerSaid,
    CallTrouble,
    DtmfReceived,
    EndReason,
    ToolCalled,
    TurnMeasured,
)
from offhook.providers.llm.base import Message, Piece, TextDelta, ToolCall, ToolSpec
from tests.calls.rig import MS_A_WORD, VOICE, Brain, PaperTool, Rig

END_CALL = PaperTool(ToolSpec("end_call", "", {"type": "object", "properties": {}}), {"ok": True})
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


async def test_greets_then_takes_turns(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["We open at eight."]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "We open at eight."]
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?"]
    assert rig.brain.asked == [[Message("agent", "Hello there."), Message("caller", "When do you open?")]]
    [turn] = rig.all(TurnMeasured)
    assert 480 <= turn.endpoint_ms <= turn.first_audio_ms <= 620


async def test_the_greeting_knows_what_came_with_the_call(tmp_path: Path) -> None:
    agent = AgentSettings(greeting="Hello {name}, {other}.")
    rig = Rig(tmp_path, agent=agent, variables={"name": "Ada"}).answer()
    await rig.until_quiet()
    assert rig.said() == ["Hello Ada, {other}."]


async def test_the_recogniser_gets_what_came_before_the_voice(tmp_path: Path) -> None:
    rig = Rig(tmp_path).answer()
    await rig.until_quiet()
    await rig.speak("Yes.", ms=400)
    assert 0.3 + 0.4 <= rig.ears.heard_s[0] <= 0.3 + 0.4 + 0.25


async def test_an_interruption_stops_the_agent_and_keeps_the_words_that_were_heard(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[LONG, "All right."]).answer()
    await rig.until_quiet()
    await rig.speak("Tell me.", then=1600)
    voiced_at = rig.call.now_ms
    await rig.speak("No stop.", ms=400, then=900)
    [barge_in] = rig.all(BargeIn)
    assert barge_in.onset_ms == pytest.approx(voiced_at, abs=32)
    assert barge_in.stopped_ms - barge_in.onset_ms <= 100
    said = rig.all(AgentSaid)[1]
    assert said.interrupted
    assert said.heard == " ".join(LONG.split()[: barge_in.heard_ms // 200])
    assert rig.brain.asked[1][-2:] == [Message("agent", said.heard, interrupted=True), Message("caller", "No stop.")]


async def test_after_a_backchannel_the_agent_goes_on_from_the_word_it_stopped_at(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[LONG]).answer()
    await rig.until_quiet()
    await rig.speak("Tell me.", then=1600)
    await rig.speak("Mm-hm.", ms=200, then=300)
    await rig.until_quiet()
    [paused], [resumed] = rig.all(AgentPaused), rig.all(AgentResumed)
    assert resumed.because == "Mm-hm."
    assert resumed.resumed_word == LONG.split()[(paused.heard_ms) // 200]
    assert rig.said()[-1] == LONG
    assert rig.all(BargeIn) == []
    assert len(rig.brain.asked) == 1


async def test_a_cough_lets_the_agent_go_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[LONG]).answer()
    await rig.until_quiet()
    await rig.speak("Tell me.", then=1600)
    await rig.speak("", ms=100, then=300)
    await rig.until_quiet()
    assert [event.because for event in rig.all(AgentResumed)] == ["noise"]
    assert rig.said()[-1] == LONG


async def test_a_caller_who_goes_on_before_the_answer_begins_is_heard_out(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Too early.", "For tomorrow, fine."]).answer()
    await rig.until_quiet()
    rig.brain.hurry.clear()
    await rig.speak("I want to book.", then=600)
    await rig.speak("Tomorrow.", then=900)
    rig.brain.hurry.set()
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "For tomorrow, fine."]
    assert [message.text for message in rig.brain.asked[-1][-2:]] == ["I want to book.", "Tomorrow."]


async def test_saying_goodbye_hangs_up_when_it_was_heard(tmp_path: Path) -> None:
    goodbye: list[Piece] = [TextDelta("Goodbye then."), ToolCall("1", "end_call", {})]
    rig = Rig(tmp_path, answers=[goodbye], tools=(END_CALL,)).answer()
    await rig.until_quiet()
    await rig.speak("Bye.")
    await rig.until_quiet()
    await rig.run(500)
    assert rig.said()[-1] == "Goodbye then."
    assert rig.leg.closed == [EndReason.AGENT_HUNG_UP]
    assert rig.all(CallEnded)[0].reason is EndReason.AGENT_HUNG_UP
    assert rig.brain.closed == 1


async def test_a_caller_who_speaks_during_the_goodbye_keeps_the_line(tmp_path: Path) -> None:
    goodbye: list[Piece] = [TextDelta("Goodbye then and have a very nice day."), ToolCall("1", "end_call", {})]
    rig = Rig(tmp_path, answers=[goodbye, "Yes?"], tools=(END_CALL,)).answer()
    await rig.until_quiet()
    await rig.speak("Bye.", then=900)
    await rig.speak("Wait, one more thing!", then=900)
    await rig.until_quiet()
    assert rig.said()[-1] == "Yes?"
    assert rig.leg.closed == []


async def test_a_tool_runs_and_its_result_is_answered(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
    tool = PaperTool(ToolSpec("look_up", "", schema), {"free": ["10:00"]})
    asks: list[Piece] = [TextDelta("One moment."), ToolCall("1", "look_up", {"day": "monday"})]
    rig = Rig(tmp_path, answers=[asks, "Ten is free."], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("Monday?")
    await rig.until_quiet()
    assert tool.seen == [{"day": "monday"}]
    assert rig.said()[1:] == ["One moment.", "Ten is free."]
    assert rig.all(ToolCalled)[0].error == ""
    assert [message.role for message in rig.brain.asked[1]] == ["agent", "caller", "agent", "tool"]


async def test_keys_silence_the_agent_and_are_answered_together(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Thank you."], agent=AgentSettings(greeting=LONG)).answer()
    await rig.run(600)
    for digit in "415#":
        rig.call.on_dtmf(digit)
        await rig.run(100)
    await rig.until_quiet()
    assert [event.digit for event in rig.all(DtmfReceived)] == list("415#")
    assert rig.brain.asked[0][-1] == Message("caller", keypad="415#")
    assert rig.said()[-1] == "Thank you."


async def test_silence_is_asked_about_once_and_then_ends_the_call(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=2, hang_up_after_s=2, ask_line="Still there?", goodbye_line="Goodbye.")
    rig = Rig(tmp_path, agent=AgentSettings(greeting="Hi.", silence=silence)).answer()
    await rig.run(9_000)
    assert rig.said() == ["Hi.", "Still there?", "Goodbye."]
    assert rig.leg.closed == [EndReason.SILENCE]


async def test_the_longest_call_is_announced_and_ended_whatever_the_caller_says(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=3, max_duration_line="Time is over, goodbye.")
    rig = Rig(tmp_path, answers=[LONG], agent=AgentSettings(greeting="Hi.", silence=silence)).answer()
    await rig.speak("Go on.", then=2_000)
    await rig.speak("But I want to talk!", ms=1_500, then=1_500)
    assert rig.said()[-1] == "Time is over, goodbye."
    assert rig.leg.closed == [EndReason.MAX_DURATION]
    assert len(rig.brain.asked) == 1


async def test_a_brain_that_fails_is_excused_and_the_call_goes_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[ProviderError("is down", provider="brain"), "Now it works."]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?")
    await rig.until_quiet()
    await rig.speak("Hello again?")
    await rig.until_quiet()
    assert rig.said()[1:] == [rig.agent.trouble_line, "Now it works."]
    assert [event.what for event in rig.all(CallTrouble)] == ["reply"]


async def test_a_fault_of_ours_ends_that_call_cleanly(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[RuntimeError("a bug")]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?")
    await rig.run(100)
    assert rig.leg.closed == [EndReason.ERROR]


async def test_ears_that_fail_are_excused(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Good."]).answer()
    await rig.until_quiet()
    rig.ears.texts.append(ProviderError("is down", provider="ears"))
    await rig.speak("Hello?")
    await rig.until_quiet()
    assert rig.said()[-1] == rig.agent.trouble_line
    await rig.speak("Hello?")
    await rig.until_quiet()
    assert rig.said()[-1] == "Good."


async def test_a_mouth_that_fails_leaves_the_call_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.mouth.fails = ProviderError("is down", provider="mouth")
    rig.answer()
    await rig.run(500)
    assert [event.what for event in rig.all(CallTrouble)] == ["speech"]
    assert rig.leg.closed == []


async def test_hanging_up_in_the_middle_of_a_reply_stops_everything(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[LONG]).answer()
    await rig.until_quiet()
    await rig.speak("Go.", then=1_200)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(200)
    assert rig.all(CallEnded)[0].reason is EndReason.CALLER_HUNG_UP
    assert rig.all(AgentSaid)[-1].interrupted
    sent = len(rig.leg.sent)
    await rig.run(200)
    assert len(rig.leg.sent) == sent


async def test_a_muted_line_still_ends_the_turn(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Fine."]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?", then=0)
    events, rig.leg.events = rig.leg.events, None
    await rig.run(1_000)
    rig.leg.events = events
    assert [event.text for event in rig.all(CallerSaid)] == ["Hello?"]


async def test_without_barge_in_the_agent_finishes(tmp_path: Path) -> None:
    agent = AgentSettings(greeting=LONG, turns=TurnSettings(barge_in=False))
    rig = Rig(tmp_path, agent=agent).answer()
    await rig.run(600)
    await rig.speak("Stop!", then=200)
    await rig.until_quiet()
    assert rig.said() == [LONG]


async def test_what_a_tool_did_is_known_even_if_the_caller_interrupted_it(tmp_path: Path) -> None:
    class Slow(PaperTool):
        async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
            begun.set()
            await through.wait()
            return await super().__call__(arguments, context)

    begun, through = asyncio.Event(), asyncio.Event()
    tool = Slow(ToolSpec("book", "", {"type": "object", "properties": {}}), {"status": "booked"})
    asks: list[Piece] = [ToolCall("1", "book", {})]
    rig = Rig(tmp_path, answers=[asks, "It is booked."], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("Book it.")
    assert begun.is_set()
    rig.ears.texts.append("Are you there?")
    await rig.run(800, VOICE)
    through.set()
    await rig.run(900)
    await rig.until_quiet()
    assert [message.role for message in rig.brain.asked[1]] == ["agent", "caller", "agent", "tool", "caller"]
    assert [event.name for event in rig.all(ToolCalled)] == ["book"]
    assert rig.said()[-1] == "It is booked."


async def test_a_caller_who_speaks_right_after_the_goodbye_is_heard_out(tmp_path: Path) -> None:
    goodbye: list[Piece] = [TextDelta("Goodbye."), ToolCall("1", "end_call", {})]
    rig = Rig(tmp_path, answers=[goodbye, "Yes?"], tools=(END_CALL,)).answer()
    await rig.until_quiet()
    await rig.speak("Bye.", then=620)
    while rig.call._playout.active:
        await rig.run(20)
    await rig.speak("Oh, one more thing.", then=900)
    await rig.until_quiet()
    assert rig.said()[-1] == "Yes?"
    assert rig.leg.closed == []


class Script(Brain):
    """A brain that follows a script."""

    scripted = True


WRAPPED_UP = SilenceSettings(
    ask_after_s=60, max_duration_s=12, wrap_up_s=6, wrap_up_line="Time is short.", max_duration_line="Goodbye."
)


async def test_a_model_is_told_in_time_to_come_to_an_end(tmp_path: Path) -> None:
    agent = AgentSettings(greeting="Hi.", silence=WRAPPED_UP)
    rig = Rig(tmp_path, answers=["Eight.", "Then goodbye."], agent=agent).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?")
    await rig.run(6_200 - rig.call.now_ms)
    await rig.speak("And when do you close?")
    await rig.run(6_000)
    before, after = rig.brain.asked
    assert [message.role for message in before] == ["agent", "caller"]
    assert [message.role for message in after] == ["agent", "caller", "agent", "note", "caller"]
    assert after[3] == Message("note", nearly_over(6))
    assert rig.said() == ["Hi.", "Eight.", "Then goodbye.", "Goodbye."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_who_follows_a_script_says_so_once_when_nobody_speaks(tmp_path: Path) -> None:
    agent = AgentSettings(greeting="Hi.", silence=WRAPPED_UP)
    rig = Rig(tmp_path, brains=[Script(["We are open."])], agent=agent).answer()
    await rig.run(5_600)
    await rig.speak("Are you open?", ms=800)
    await rig.run(1_000)
    assert rig.said() == ["Hi.", "We are open.", "Time is short."]
    await rig.run(6_000)
    assert rig.said() == ["Hi.", "We are open.", "Time is short.", "Goodbye."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]
    ended = rig.all(CallEnded)[0].at_ms
    assert 12_000 + MS_A_WORD <= ended <= 13_000


async def test_a_caller_who_talks_to_the_limit_hears_the_last_line_only(tmp_path: Path) -> None:
    agent = AgentSettings(greeting="Hi.", silence=WRAPPED_UP)
    rig = Rig(tmp_path, brains=[Script()], agent=agent).answer()
    await rig.run(5_000)
    await rig.run(8_000, VOICE)
    assert rig.said() == ["Hi.", "Goodbye."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]
