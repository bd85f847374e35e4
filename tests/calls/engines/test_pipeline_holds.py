from pathlib import Path

from offhook.calls.tools.end_call import EndCall
from offhook.calls.tools.hold import Hold
from offhook.config import AgentSettings
from offhook.events import CallEnded, CallerHeld, EndReason, ToolCalled
from offhook.providers.llm.base import Piece, TextDelta, ToolCall
from tests.calls.rig import VOICE, Rig

WAIT: list[Piece] = [TextDelta("Take your time."), ToolCall("1", "hold", {"seconds": 100})]
MUSIC: list[Piece] = [TextDelta("One moment."), ToolCall("1", "hold", {"how": "music", "seconds": 20})]
WORDLESS: list[Piece] = [ToolCall("1", "end_call", {"disposition": "sale"})]


async def asked_to_hold(folder: Path, *answers: list[Piece] | str) -> Rig:
    rig = Rig(folder, answers=answers, tools=(Hold(), EndCall())).answer()
    await rig.until_quiet()
    await rig.speak("Hold on a second.")
    await rig.run(1_500)
    return rig


async def test_an_agent_that_waits_asks_nothing(tmp_path: Path) -> None:
    rig = await asked_to_hold(tmp_path, WAIT, "Are you done?")
    await rig.run(90_000)
    assert rig.said() == ["Hello there.", "Take your time."]
    await rig.run(12_000)
    assert rig.said()[-1] == "Are you done?"
    assert '"because":"time"' in rig.brain.asked[-1][-1].text


async def test_a_caller_who_comes_back_is_answered_once(tmp_path: Path) -> None:
    rig = await asked_to_hold(tmp_path, WAIT, "Welcome back.", "That was one too many.")
    await rig.run(30_000)
    await rig.speak("I am back.")
    await rig.until_quiet()
    await rig.run(3_000)
    assert rig.said() == ["Hello there.", "Take your time.", "Welcome back."]
    assert [message.role for message in rig.brain.asked[-1]] == ["agent", "caller", "agent", "tool", "caller"]
    assert [event.result for event in rig.all(ToolCalled)] == ['{"status":"over","because":"voice"}']


async def test_a_key_ends_the_wait_too(tmp_path: Path) -> None:
    rig = await asked_to_hold(tmp_path, WAIT, "Four, I see.")
    await rig.run(10_000)
    rig.call.on_dtmf("4")
    rig.call.on_dtmf("#")
    await rig.run(200)
    await rig.until_quiet()
    assert rig.said()[-1] == "Four, I see."


async def test_a_caller_hears_music_for_as_long_as_the_agent_wants(tmp_path: Path) -> None:
    rig = await asked_to_hold(tmp_path, MUSIC, "Here I am.")
    await rig.run(18_000, VOICE)
    assert any(frame != rig.leg.format.silence for frame in rig.leg.heard[-50:])
    assert rig.said() == ["Hello there.", "One moment."]
    await rig.run(6_000)
    assert rig.said()[-1] == "Here I am."
    assert len(rig.all(CallerHeld)) == 1


async def test_an_agent_that_hangs_up_without_a_word_says_goodbye(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        answers=[WORDLESS],
        tools=(EndCall(),),
        agent=AgentSettings(greeting="Hello there.", goodbye_line="Bye."),
    ).answer()
    await rig.until_quiet()
    await rig.speak("That is all.")
    await rig.until_quiet()
    await rig.run(1_000)
    assert rig.said() == ["Hello there.", "Bye."]
    (ended,) = rig.all(CallEnded)
    assert (ended.reason, ended.disposition) == (EndReason.AGENT_HUNG_UP, "sale")


async def test_an_agent_that_said_goodbye_does_not_say_it_twice(tmp_path: Path) -> None:
    lookup: list[Piece] = [TextDelta("So long."), ToolCall("1", "hold", {"seconds": 1})]
    rig = Rig(tmp_path, answers=[lookup, [ToolCall("2", "end_call", {})]], tools=(Hold(), EndCall())).answer()
    await rig.until_quiet()
    await rig.speak("That is all.")
    await rig.run(6_000)
    assert rig.said() == ["Hello there.", "So long."]
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.AGENT_HUNG_UP]
