from pathlib import Path

import pytest

from offhook.config import AgentSettings, SilenceSettings
from offhook.events import AgentSaid, CallerSaid, EndReason
from offhook.providers.llm.base import Message, ToolCall, ToolSpec
from tests.calls.rig import VOICE, PaperTool
from tests.calls.sessions import PaperProvider, SessionRig

NOTHING = {"type": "object", "properties": {}}


def look_up() -> PaperTool:
    return PaperTool(ToolSpec("look_up", "", NOTHING), {"free": ["10:00"]})


async def test_the_pipeline_answers_what_the_sessions_could_not(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, fallback=True, answers=["At eight.", "Goodbye."]).greeted()
    await rig.ask("When do you open?")
    rig.session.fail("no such model", retryable=False)
    await rig.until_quiet()
    assert rig.said()[1:] == ["At eight."]
    assert rig.brain.asked[0] == [Message("agent", "Hello there."), Message("caller", "When do you open?")]
    await rig.speak("Thank you.")
    await rig.until_quiet()
    assert rig.said()[-1] == "Goodbye."
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?", "Thank you."]
    assert len(rig.providers[0].sessions) == 1
    assert rig.session.closed >= 1


async def test_the_pipeline_hears_what_the_session_did_not_put_into_words(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, fallback=True, answers=["At eight."]).greeted()
    rig.ears.texts.append("When do you open?")
    await rig.ask("")
    rig.session.fail(retryable=False)
    await rig.run(1_500)
    [said] = rig.all(CallerSaid)
    assert said.text == "When do you open?"
    assert said.end_ms - said.start_ms == pytest.approx(600, abs=64)
    assert 0.9 <= rig.ears.heard_s[0] <= 1.2
    assert rig.said()[1:] == ["At eight."]


async def test_the_pipeline_takes_over_while_the_caller_speaks(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, fallback=True, answers=["At eight."]).greeted()
    rig.ears.texts.append("When do you open?")
    await rig.run(400, VOICE)
    rig.session.fail(retryable=False)
    await rig.run(400, VOICE)
    await rig.run(1_500)
    [said] = rig.all(CallerSaid)
    assert said.end_ms - said.start_ms == pytest.approx(800, abs=64)
    assert rig.said()[1:] == ["At eight."]


async def test_the_pipeline_finishes_what_the_session_began(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, fallback=True, answers=["and a half."]).greeted()
    await rig.ask("When do you open?")
    rig.session.events.on_agent_text("a", "We open at eight", False)
    rig.session.sound("a", 2_000)
    await rig.run(400)
    rig.session.fail(retryable=False)
    await rig.run(4_000)
    assert rig.said()[1:] == ["We open at eight", "and a half."]
    assert rig.brain.asked[0][-1] == Message("agent", "We open at eight", unfinished=True)
    assert rig.all(AgentSaid)[1].heard == "We open at eight"


async def test_the_pipeline_greets_only_whom_nobody_greeted(tmp_path: Path) -> None:
    provider = PaperProvider()
    provider.ready = False
    rig = SessionRig(tmp_path, provider, fallback=True)
    rig.answer()
    await rig.run(100)
    provider.last.fail(retryable=False)
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]


async def test_the_pipeline_says_nothing_where_nothing_is_owed(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, fallback=True, answers=["Fine."]).greeted()
    rig.session.fail(retryable=False)
    await rig.run(2_000)
    assert rig.said() == ["Hello there."]
    await rig.speak("How are you?")
    await rig.until_quiet()
    assert rig.said()[-1] == "Fine."


async def test_the_pipeline_knows_the_keys_and_the_tools_of_before(tmp_path: Path) -> None:
    tool = look_up()
    rig = await SessionRig(tmp_path, fallback=True, tools=(tool,), answers=["Ten is free."]).greeted()
    await rig.ask("When?")
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    await rig.run(40)
    rig.session.fail(retryable=False)
    await rig.run(2_000)
    assert [message.role for message in rig.brain.asked[0]] == ["agent", "caller", "agent", "tool"]
    assert rig.said()[-1] == "Ten is free."
    rig.call.on_dtmf("#")
    await rig.run(100)
    assert rig.brain.asked[1][-1] == Message("caller", keypad="#")


async def test_a_call_that_was_taken_over_ends_as_any_other(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=6, max_duration_line="Time is over.")
    agent = AgentSettings(greeting="Hi.", silence=silence)
    rig = await SessionRig(tmp_path, fallback=True, agent=agent).greeted("Hi.")
    rig.session.fail(retryable=False)
    await rig.run(8_000)
    assert rig.said() == ["Hi.", "Time is over."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_the_last_line_is_said_by_another_voice_if_the_session_dies_with_it(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=3, max_duration_line="Time is over.")
    agent = AgentSettings(greeting="Hi.", silence=silence)
    rig = await SessionRig(tmp_path, fallback=True, agent=agent).greeted("Hi.")
    await rig.run(3_100 - rig.call.now_ms)
    rig.session.fail()
    await rig.run(1_500)
    assert rig.said() == ["Hi.", "Time is over."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_the_pipeline_is_told_of_a_call_that_nears_its_limit(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=60, max_duration_s=20, wrap_up_s=15)
    agent = AgentSettings(greeting="Hi.", silence=silence)
    rig = await SessionRig(tmp_path, fallback=True, agent=agent).greeted("Hi.")
    await rig.run(6_000 - rig.call.now_ms)
    rig.session.fail(retryable=False)
    await rig.run(1_000)
    await rig.speak("Hello?")
    await rig.run(1_000)
    assert [message.role for message in rig.brain.asked[0]] == ["agent", "note", "caller"]


async def test_the_pipeline_answers_at_once_where_no_session_is_worth_asking_for(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path, fallback=True, agent=AgentSettings(greeting="Hello there."), answers=["At eight."])
    rig.providers[0].exhausted = 30.0
    rig.answer()
    await rig.until_quiet()
    await rig.speak("When do you open?")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "At eight."]
    assert rig.providers[0].sessions == []


async def test_calls_go_to_the_next_model_while_the_first_is_used_up_and_come_back(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    first.exhausted = 30.0
    rig = await _greeted(tmp_path / "1", first, second)
    assert (len(first.sessions), len(second.sessions)) == (0, 1)
    first.exhausted = 0.0
    await _greeted(tmp_path / "2", first, second)
    assert (len(first.sessions), len(second.sessions)) == (1, 1)
    assert rig.watched[0].healthy


async def _greeted(folder: Path, *providers: PaperProvider) -> SessionRig:
    rig = SessionRig(folder, *providers, fallback=True)
    rig.answer()
    await rig.run(40)
    return rig
