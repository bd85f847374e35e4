from pathlib import Path

import pytest

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.prompts import GO_ON
from offhook.calls.tools.hold import Hold
from offhook.events import AgentSaid, BargeIn, CallerSaid, CallTrouble, EndReason, ToolCalled
from offhook.providers.llm.base import Message, ToolCall
from tests.calls.engines.test_sessions import LONG, Slow
from tests.calls.rig import VOICE
from tests.calls.sessions import PaperProvider, PaperSession, SessionRig

QUIET_MS = 400


async def aged(tmp_path: Path, within_s: float = 600.0, **more: object) -> SessionRig:
    """A call whose session has told that it ends in `within_s`, with nobody speaking."""
    rig = await SessionRig(tmp_path, **more).greeted()  # type: ignore[arg-type]
    rig.session.events.on_expiring(within_s)
    return rig


def opened(rig: SessionRig) -> list[PaperSession]:
    return rig.providers[0].sessions


async def test_a_session_that_grows_old_hands_over_at_a_quiet_moment_and_nobody_hears_of_it(tmp_path: Path) -> None:
    rig = await aged(tmp_path)
    before = len(rig.leg.heard)
    await rig.run(QUIET_MS)
    first, second = opened(rig)
    assert second.history == [Message("agent", "Hello there.")]
    assert second.asked == []
    assert (first.closed, second.closed) == (1, 0)
    assert rig.all(CallTrouble) == []
    assert set(rig.leg.heard[before:]) == {PCM_8K.silence}
    assert rig.watched[0].healthy
    await rig.ask("When do you open?", session=second)
    second.speak("a", "At eight.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "At eight."]
    [said] = rig.all(CallerSaid)
    assert said.end_ms - said.start_ms == pytest.approx(600, abs=64)


async def test_while_the_next_one_opens_both_hear_the_caller(tmp_path: Path) -> None:
    rig = await aged(tmp_path)
    rig.providers[0].ready = False
    await rig.run(QUIET_MS)
    first, second = opened(rig)
    before = len(first.frames), len(second.frames)
    await rig.run(200)
    assert (len(first.frames) - before[0], len(second.frames) - before[1]) == (10, 10)
    rig.providers[0].ready = True
    await rig.run(60)
    heard = len(second.frames)
    await rig.run(200, VOICE)
    assert second.voiced_ms == 200
    assert (len(second.frames) - heard, first.voiced_ms) == (10, 0)


async def test_a_caller_who_speaks_meanwhile_stays_with_the_one_who_knows_all(tmp_path: Path) -> None:
    rig = await aged(tmp_path)
    rig.providers[0].ready = False
    await rig.run(QUIET_MS)
    first, second = opened(rig)
    await rig.ask("When do you open?", session=first)
    assert (first.voiced_ms, second.closed, first.closed) == (600, 1, 0)
    first.speak("a", "At eight.")
    rig.providers[0].ready = True
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "At eight."]
    await rig.run(2_000)
    assert len(opened(rig)) == 3
    third = rig.session
    assert [message.text for message in third.history] == ["Hello there.", "When do you open?", "At eight."]
    assert first.closed == 1


async def test_what_the_next_one_tells_before_its_time_does_not_count(tmp_path: Path) -> None:
    rig = await aged(tmp_path)
    rig.providers[0].ready = False
    await rig.run(QUIET_MS)
    first, second = opened(rig)
    second.events.on_speech_started("c", 100)
    second.speak("a", "Pardon?")
    await rig.run(100)
    assert (rig.said(), second.closed, first.closed) == (["Hello there."], 1, 0)


async def test_a_next_one_that_cannot_be_had_leaves_the_call_where_it_is(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    rig = await SessionRig(tmp_path, first, second).greeted()
    first.last.events.on_expiring(600.0)
    first.ready = False
    await rig.run(QUIET_MS)
    first.last.fail()
    await rig.run(40)
    assert (rig.watched[0].healthy, rig.all(CallTrouble)) == (False, [])
    await rig.ask("When do you open?", session=first.sessions[0])
    first.sessions[0].speak("a", "At eight.")
    await rig.until_quiet()
    assert rig.said()[-1] == "At eight."
    assert first.sessions[0].closed == 0


@pytest.mark.parametrize("what", ["the agent speaks", "an answer is owed", "a tool runs"])
async def test_a_call_at_work_is_left_alone(tmp_path: Path, what: str) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("Tell me.")
    if what == "the agent speaks":
        rig.session.speak("a", LONG)
    if what == "a tool runs":
        rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
        rig.session.events.on_response_done("completed", "")
    rig.session.events.on_expiring(600.0)
    await rig.run(1_000)
    assert len(opened(rig)) == 1
    tool.through.set()


async def test_a_caller_who_never_stops_is_handed_over_before_the_end_and_loses_no_word(tmp_path: Path) -> None:
    rig = await aged(tmp_path, 10.0)
    await rig.run(100, VOICE)
    opened(rig)[0].events.on_speech_started("c", rig.call.now_ms - 100)
    await rig.run(8_500, VOICE)
    first, second = opened(rig)
    assert (first.closed, second.closed) == (1, 0)
    assert second.voiced_ms == 8_600
    assert rig.all(CallTrouble) == []


async def test_an_agent_that_never_stops_goes_on_with_its_sentence(tmp_path: Path) -> None:
    rig = await aged(tmp_path, 5.0)
    rig.session.events.on_expiring(5.0)
    await rig.ask("Tell me.")
    rig.session.events.on_agent_text("a", LONG, False)
    rig.session.sound("a", 3_000)
    await rig.run(2_500)
    first, second = opened(rig)
    assert (first.closed, second.said()) == (1, [GO_ON])
    assert rig.all(BargeIn) == []
    second.speak("b", "and so on.")
    await rig.run(3_000)
    assert [event.interrupted for event in rig.all(AgentSaid)] == [False, False, False]


async def test_a_call_that_ends_has_closed_both(tmp_path: Path) -> None:
    rig = await aged(tmp_path)
    rig.providers[0].ready = False
    await rig.run(QUIET_MS)
    rig.call.end(EndReason.SHUTDOWN)
    await rig.call.ended.wait()
    assert [session.closed for session in opened(rig)] == [1, 1]


async def test_a_tool_of_the_old_one_is_waited_for_where_it_must_go(tmp_path: Path) -> None:
    tool = Slow()
    rig = await SessionRig(tmp_path, tools=(tool,)).greeted()
    await rig.ask("When?")
    rig.session.events.on_expiring(2.5)
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(1_000)
    assert len(opened(rig)) == 1
    tool.through.set()
    await rig.run(100)
    assert [message.role for message in rig.session.history] == ["agent", "caller", "agent", "tool"]


@pytest.mark.parametrize("how", ["it dies", "it is too old"])
async def test_a_caller_who_asked_for_a_moment_is_heard_by_the_next_one(tmp_path: Path, how: str) -> None:
    rig = await SessionRig(tmp_path, tools=(Hold(),)).greeted()
    await rig.ask("One moment.")
    rig.session.events.on_tool_call(ToolCall("t1", "hold", {"how": "wait", "seconds": 300}))
    rig.session.events.on_response_done("completed", "")
    await rig.run(1_000)
    assert len(opened(rig)) == 1
    if how == "it dies":
        rig.session.fail()
    else:
        rig.session.events.on_expiring(1.0)
    await rig.run(400)
    first, second = opened(rig)
    assert (first.closed, second.closed) == (1, 0)
    second.speak("a", "I am still here.")
    await rig.until_quiet()
    [held] = rig.all(ToolCalled)
    assert "is over" in held.error
    await rig.ask("I am back.", session=second)
    second.speak("b", "Welcome back.")
    await rig.until_quiet()
    assert rig.said()[-1] == "Welcome back."
