from pathlib import Path

import pytest

from offhook.calls.engines.prompts import nearly_over
from offhook.calls.engines.screening import Screen, Screening
from offhook.config import AgentSettings, SilenceSettings, TurnSettings
from offhook.events import (
    AgentPaused,
    AgentResumed,
    AgentSaid,
    BargeIn,
    CallEnded,
    CallerSaid,
    CallerSpeechStarted,
    EndReason,
    TurnMeasured,
    UsageReported,
)
from offhook.providers.realtime.base import TurnDetection, Usage
from tests.calls.rig import VOICE, PaperLeg
from tests.calls.sessions import PaperProvider, SessionRig

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."


def verbatim(rig: SessionRig) -> list[str]:
    return [said.rpartition("nothing else: ")[2].strip('"') for said in rig.session.said()]


async def test_greets_then_takes_turns(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    assert verbatim(rig) == ["Hello there."]
    await rig.ask("When do you open?")
    await rig.run(100)
    rig.session.speak("answer", "We open at eight.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "We open at eight."]
    [said] = rig.all(CallerSaid)
    assert said.text == "When do you open?"
    assert said.end_ms - said.start_ms == pytest.approx(600, abs=64)
    [turn] = rig.all(TurnMeasured)
    assert 480 <= turn.endpoint_ms <= turn.first_text_ms <= turn.first_audio_ms <= 680
    assert rig.all(BargeIn) == []


async def test_the_session_is_opened_with_what_the_agent_is(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path, agent=AgentSettings(greeting="Hello {name}."), variables={"name": "Ada"})
    rig.answer()
    await rig.run(40)
    assert (rig.session.leg, rig.session.history) == (rig.leg.format, [])
    assert rig.session.said()[0].endswith('"Hello Ada."')


async def test_without_a_greeting_of_ours_nothing_is_said(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path, agent=AgentSettings(greeting=""))
    rig.answer()
    await rig.run(3_000)
    assert rig.session.asked == []
    assert rig.providers[0].sessions == [rig.session]


async def test_the_session_hears_all_and_silence_by_the_calls_own_clock(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.run(200, VOICE)
    assert rig.session.voiced_ms == 200
    before = len(rig.session.frames)
    events, rig.leg.events = rig.leg.events, None
    await rig.run(1_000)
    rig.leg.events = events
    assert len(rig.session.frames) - before == pytest.approx(50, abs=5)
    assert set(rig.session.frames[before:]) == {rig.leg.format.silence}


@pytest.mark.parametrize("lead_ms", [0, 400])
@pytest.mark.parametrize("first", ["voice detector", "provider"])
async def test_an_interruption_stops_the_agent_and_tells_exactly_what_was_heard(
    tmp_path: Path, lead_ms: int, first: str
) -> None:
    rig = await SessionRig(tmp_path, leg=PaperLeg(lead_ms=lead_ms)).greeted()
    await rig.ask("Tell me.")
    rig.session.speak("answer", LONG, over=False)
    rig.session.speak("more", "This was all.")
    await rig.run(1_500)
    if first == "provider":
        rig.session.events.on_speech_started("c", rig.call.now_ms - 40)
        heard_ms = len([frame for frame in rig.leg.heard[-100:] if frame != rig.leg.format.silence]) * 20
        await rig.run(600, VOICE)
    else:
        await rig.run(1_200, VOICE)
        heard_ms = rig.all(AgentPaused)[0].heard_ms
    barge_in = rig.barge_in()
    assert rig.session.heard_of() == {"answer": barge_in.heard_ms, "more": 0}
    assert barge_in.heard_ms == pytest.approx(heard_ms, abs=20)
    assert ("cancel",) in rig.session.asked
    heard = rig.all(AgentSaid)[1]
    assert heard.interrupted
    assert heard.heard == LONG[: len(heard.heard)]
    assert len(heard.heard) == pytest.approx(len(LONG) * barge_in.heard_ms / 3_200, abs=7)
    rig.session.sound("answer", 400)
    rig.session.events.on_agent_text("more", " And more.", False)
    sent = [frame for frame in rig.leg.sent if frame != rig.leg.format.silence]
    await rig.run(600)
    assert [frame for frame in rig.leg.sent if frame != rig.leg.format.silence] == sent
    assert len(rig.all(BargeIn)) == 1


async def test_a_voice_over_the_agent_silences_it_within_a_beat_or_two(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    rig.session.speak("answer", LONG)
    await rig.run(1_000)
    onset_ms = rig.call.now_ms
    await rig.run(200, VOICE)
    assert rig.all(AgentPaused)[0].at_ms - onset_ms <= 80
    rig.session.events.on_speech_started("c", onset_ms)
    assert rig.barge_in().stopped_ms == rig.all(AgentPaused)[0].at_ms
    assert rig.barge_in().onset_ms == pytest.approx(onset_ms, abs=32)


async def test_a_sound_that_the_provider_does_not_take_for_speech_lets_the_agent_go_on(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    rig.session.speak("answer", LONG)
    await rig.run(1_000)
    await rig.run(100, VOICE)
    await rig.run(4_000)
    assert len(rig.all(AgentResumed)) == 1
    assert rig.said()[-1] == LONG
    assert rig.all(BargeIn) == []
    assert rig.session.heard_of() == {}


async def test_what_the_provider_itself_dropped_is_not_played(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    rig.session.speak("answer", LONG)
    await rig.run(1_000)
    rig.session.events.on_interrupted()
    heard_ms = rig.barge_in().heard_ms
    assert rig.session.heard_of() == {"answer": heard_ms}
    assert ("cancel",) not in rig.session.asked
    rig.session.events.on_agent_text("answer", "One two three", True)
    rig.session.events.on_caller_said("c", "No.", True)
    await rig.ask("Go on.")
    rig.session.fail()
    await rig.run(100)
    assert [message.text for message in rig.session.history] == [
        "Hello there.",
        "Tell me.",
        "One two three",
        "No.",
        "Go on.",
    ]


async def test_without_barge_in_the_agent_finishes(tmp_path: Path) -> None:
    agent = AgentSettings(greeting=LONG, turns=TurnSettings(barge_in=False))
    rig = SessionRig(tmp_path, agent=agent)
    rig.answer()
    await rig.run(40)
    assert rig.session.asked[0] == ("update", TurnDetection(interrupts=False))
    rig.session.speak("greeting", LONG)
    await rig.run(600)
    await rig.ask("Stop!")
    await rig.until_quiet()
    assert rig.said() == [LONG]
    assert rig.session.heard_of() == {}


async def test_items_that_overlap_are_heard_one_after_the_other(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    session = rig.session
    session.events.on_agent_text("a", "One two", False)
    session.sound("a", 200, level=1_001)
    session.events.on_agent_text("b", "Five six", False)
    session.sound("b", 400, level=1_002)
    session.events.on_item_done("b")
    session.sound("a", 200, level=1_001)
    session.events.on_item_done("a")
    session.events.on_agent_text("a", " three", False)
    session.events.on_response_done("completed", "")
    await rig.until_quiet()
    assert rig.said()[1:] == ["One two three", "Five six"]
    levels = [int.from_bytes(frame[:2], "little") for frame in rig.leg.sent]
    assert [level for level in levels if level in (1_001, 1_002)] == [1_001] * 20 + [1_002] * 20


async def test_an_item_without_an_end_does_not_hold_up_the_next_one_for_long(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    rig.session.sound("a", 200)
    rig.session.events.on_response_done("incomplete", "max_output_tokens")
    rig.session.speak("b", "Five six")
    await rig.run(2_000)
    assert rig.said()[-1] == "Five six"


async def test_words_of_the_caller_that_come_late_are_placed_where_they_were_said(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    item = await rig.ask("")
    rig.session.speak("answer", "At eight.")
    await rig.until_quiet()
    rig.session.events.on_caller_said(item, "When do you", False)
    assert rig.all(CallerSaid) == []
    rig.session.events.on_caller_said(item, "When do you open?", True)
    rig.session.events.on_caller_said(item, "When do you open?", True)
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?"]
    rig.session.fail()
    await rig.run(100)
    assert [message.text for message in rig.session.history] == ["Hello there.", "When do you open?", "At eight."]


async def test_a_provider_that_does_not_judge_is_told_of_the_end_of_a_turn(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.run(600, VOICE)
    await rig.run(480)
    assert ("end_turn",) not in rig.session.asked
    await rig.run(80)
    assert rig.session.asked[-1] == ("end_turn",)


async def test_keys_silence_the_agent_and_are_told_together(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path, agent=AgentSettings(greeting=LONG))
    rig.answer()
    await rig.run(40)
    rig.session.speak("greeting", LONG)
    await rig.run(600)
    for digit in "415#":
        rig.call.on_dtmf(digit)
        await rig.run(100)
    [text] = [each[1] for each in rig.session.asked if each[0] == "user_text"]
    assert "415#" in text
    rig.session.speak("answer", "Thank you.")
    await rig.until_quiet()
    assert rig.said()[-1] == "Thank you."
    assert rig.all(AgentSaid)[0].interrupted


async def test_silence_is_asked_about_once_and_then_ends_the_call(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=2, hang_up_after_s=2, ask_line="Still there?", goodbye_line="Goodbye.")
    rig = await SessionRig(tmp_path, agent=AgentSettings(greeting="Hi.", silence=silence)).greeted("Hi.")
    await rig.run(2_200)
    assert verbatim(rig) == ["Hi.", "Still there?"]
    rig.session.speak("ask", "Still there?")
    await rig.run(2_800)
    assert verbatim(rig)[-1] == "Goodbye."
    rig.session.speak("bye", "Goodbye.")
    await rig.run(300)
    assert rig.leg.closed == []
    await rig.run(500)
    assert rig.said() == ["Hi.", "Still there?", "Goodbye."]
    assert rig.leg.closed == [EndReason.SILENCE]


async def test_the_longest_call_is_announced_and_ended_whatever_the_caller_says(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=3, max_duration_line="Time is over, goodbye.")
    rig = await SessionRig(tmp_path, agent=AgentSettings(greeting="Hi.", silence=silence)).greeted("Hi.")
    await rig.ask("Go on.")
    rig.session.speak("answer", LONG)
    await rig.run(3_000 - rig.call.now_ms)
    assert rig.session.heard_of().keys() == {"answer"}
    assert verbatim(rig)[-1] == "Time is over, goodbye."
    voiced_ms = rig.session.voiced_ms
    rig.session.events.on_response_done("cancelled", "client_cancelled")
    await rig.run(100, VOICE)
    rig.session.speak("bye", "Time is over, goodbye.")
    rig.session.events.on_speech_started("late", rig.call.now_ms)
    await rig.run(1_500, VOICE)
    assert rig.session.voiced_ms == voiced_ms
    assert rig.said()[-1] == "Time is over, goodbye."
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_a_session_that_does_not_say_the_last_line_ends_the_call_all_the_same(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=2)
    rig = await SessionRig(tmp_path, agent=AgentSettings(greeting="Hi.", silence=silence)).greeted("Hi.")
    await rig.run(15_000)
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_what_was_used_is_told(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    rig.session.events.on_usage(Usage(audio_in=120, audio_out=400, text_cached=7))
    [used] = rig.all(UsageReported)
    assert (used.provider, used.used) == ("paper", {"audio_in": 120, "audio_out": 400, "text_cached": 7})


async def test_a_fault_of_ours_ends_that_call_cleanly(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    rig.session.events.on_audio("x", None)  # type: ignore[arg-type]
    await rig.run(40)
    assert rig.leg.closed == [EndReason.ERROR]
    assert rig.session.closed


async def test_hanging_up_in_every_phase_closes_the_session_and_tells_nothing_more(tmp_path: Path) -> None:
    async def before_ready(rig: SessionRig) -> None:
        rig.answer()

    async def while_greeting(rig: SessionRig) -> None:
        rig.answer()
        await rig.run(40)
        rig.session.speak("greeting", LONG)
        await rig.run(500)

    async def while_the_caller_speaks(rig: SessionRig) -> None:
        await rig.greeted()
        await rig.run(300, VOICE)
        rig.session.events.on_speech_started("c", rig.call.now_ms)

    async def while_an_answer_is_owed(rig: SessionRig) -> None:
        await rig.greeted()
        await rig.ask("Well?")

    for phase in (before_ready, while_greeting, while_the_caller_speaks, while_an_answer_is_owed):
        rig = SessionRig(tmp_path)
        await phase(rig)
        rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
        await rig.run(40)
        assert rig.session.closed == 1, phase
        assert [event.reason for event in rig.all(CallEnded)] == [EndReason.CALLER_HUNG_UP]
        told = len(rig.events)
        rig.session.speak("late", "Too late.")
        rig.session.events.on_speech_started("late", 0)
        rig.session.fail()
        await rig.run(200)
        assert len(rig.events) == told, phase
        assert len(rig.providers[0].sessions) == 1


async def test_a_voice_that_only_the_provider_notices_interrupts(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    await rig.ask("Tell me.")
    rig.session.speak("answer", LONG)
    await rig.run(1_000)
    started = len(rig.all(CallerSpeechStarted))
    rig.session.events.on_speech_started("c", rig.call.now_ms - 200)
    await rig.run(100)
    assert rig.barge_in().stopped_ms - rig.barge_in().onset_ms == 200
    assert len(rig.all(CallerSpeechStarted)) == started


async def test_a_session_of_a_call_that_is_still_screened_hears_nothing(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    rig.call.answer(lambda handle: Screening(handle, rig._engine(handle), Screen("own", "hang_up")))
    await rig.run(400, VOICE)
    await rig.run(600)
    assert (rig.session.frames, rig.session.asked) == ([], [])
    await rig.run(600)
    assert rig.session.voiced_ms == 0
    assert rig.session.said()[0].endswith('"Hello there."')


async def test_a_machine_is_left_a_message(tmp_path: Path) -> None:
    rig = SessionRig(tmp_path)
    screen = Screen("own", "leave_message", "Please call us back.")
    rig.call.answer(lambda handle: Screening(handle, rig._engine(handle), screen))
    await rig.run(3_000, VOICE)
    await rig.run(2_100)
    assert verbatim(rig) == ["Please call us back."]
    rig.session.speak("message", "Please call us back.")
    await rig.run(1_500)
    assert rig.said() == ["Please call us back."]
    assert rig.leg.closed == [EndReason.ANSWERING_MACHINE]


async def test_a_session_is_told_in_time_to_come_to_an_end_and_so_is_the_next(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=60, max_duration_s=20, wrap_up_s=12)
    first, second = PaperProvider("first"), PaperProvider("second")
    agent = AgentSettings(greeting="Hi.", silence=silence)
    rig = await SessionRig(tmp_path, first, second, agent=agent).greeted("Hi.")
    await rig.run(8_100 - rig.call.now_ms)
    assert first.last.instructions == [nearly_over(12)]
    first.last.fail()
    await rig.run(200)
    assert second.last.instructions == [nearly_over(12)]
    await rig.run(1_000)
    assert rig.said() == ["Hi."]
