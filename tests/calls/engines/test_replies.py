import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from offhook.config import AgentSettings, TurnSettings
from offhook.errors import ProviderError
from offhook.events import CallerSaid, CallTrouble, EndReason, ToolCalled, TurnMeasured
from offhook.providers.llm.base import Message, Piece, TextDelta, ToolCall, ToolSpec
from tests.calls.rig import MS_A_WORD, STALL, VOICE, Brain, Ears, LongEars, Mouth, PaperTool, Rig

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
DOWN = ProviderError("is down", provider="first", retryable=True)
BOOK = PaperTool(ToolSpec("book", "", {"type": "object", "properties": {}}), {"status": "booked"})


def troubles(rig: Rig) -> list[tuple[str, str]]:
    return [(event.what, event.detail.partition(":")[0]) for event in rig.all(CallTrouble)]


class Slow(Brain):
    """Thinks for `ms` before it answers."""

    def __init__(self, answers: Sequence[str], *, ms: int) -> None:
        super().__init__(answers)
        self._ms = ms

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[Piece]:
        await asyncio.sleep(self._ms / 1_000)
        async for piece in super().respond(messages, tools):
            yield piece


# A reply that is begun before the turn is surely over


async def test_a_reply_that_was_begun_early_is_said_when_the_turn_is_over(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["We open at eight."]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?")
    await rig.until_quiet()
    assert rig.said()[-1] == "We open at eight."
    assert len(rig.brain.asked) == 1
    assert rig.brain.asked[0][-1] == Message("caller", "When do you open?")
    [turn] = rig.all(TurnMeasured)
    assert turn.first_text_ms < turn.endpoint_ms - 200 <= turn.first_audio_ms
    assert turn.tts_ms == turn.first_audio_ms - turn.endpoint_ms


@pytest.mark.parametrize(("early", "waited_ms"), [(True, 0), (False, 300)])
async def test_what_the_model_takes_to_think_is_gained(tmp_path: Path, early: bool, waited_ms: int) -> None:
    agent = AgentSettings(greeting="Hello.", turns=TurnSettings(early_reply=early))
    brain = Slow(["We open at eight."], ms=300)
    rig = Rig(tmp_path, agent=agent, brains=[brain]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?", then=1_200)
    [turn] = rig.all(TurnMeasured)
    assert turn.first_audio_ms - turn.endpoint_ms == pytest.approx(waited_ms, abs=60)
    assert turn.first_text_ms - turn.transcript_ms == pytest.approx(300 + (0 if early else 300), abs=60)


async def test_nothing_of_it_is_said_or_done_before(tmp_path: Path) -> None:
    tool = PaperTool(BOOK.spec, {})
    rig = Rig(tmp_path, answers=[["Booked.", ToolCall("1", "book", {})], "Done."], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("Book it.", then=400)
    assert len(rig.brain.asked) == 1
    assert rig.said() == ["Hello there."]
    assert tool.seen == []
    await rig.run(400)
    await rig.until_quiet()
    assert rig.said()[1:] == ["Booked.", "Done."]
    assert tool.seen == [{}]


async def test_a_caller_who_goes_on_takes_it_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[["Too", STALL], "For tomorrow, fine."]).answer()
    await rig.until_quiet()
    await rig.speak("I want to book.", then=360)
    assert len(rig.brain.asked) == 1
    await rig.run(100, VOICE)
    assert rig.brain.stopped == 1
    await rig.speak("I want to book for tomorrow.", ms=500)
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "For tomorrow, fine."]
    assert [event.text for event in rig.all(CallerSaid)] == ["I want to book for tomorrow."]
    assert rig.brain.asked[-1][-1] == Message("caller", "I want to book for tomorrow.")


async def test_one_to_other_words_is_thrown_away(tmp_path: Path) -> None:
    ears = LongEars()
    rig = Rig(tmp_path, answers=["Which guess?", "Yes it is."], ears=[ears]).answer()
    await rig.until_quiet()
    await rig.run(600, VOICE)
    await rig.run(100)
    ears.streams[0].events.on_turn("early", "Guess.")
    ears.texts.append("Yes.")
    await rig.run(800)
    await rig.until_quiet()
    assert rig.said()[1:] == ["Yes it is."]
    assert [asked[-1].text for asked in rig.brain.asked] == ["Guess.", "Yes."]


async def test_other_punctuation_is_no_other_words(tmp_path: Path) -> None:
    ears = LongEars()
    rig = Rig(tmp_path, answers=["It is."], ears=[ears]).answer()
    await rig.until_quiet()
    await rig.run(600, VOICE)
    await rig.run(100)
    ears.streams[0].events.on_turn("early", "yes please")
    ears.texts.append("Yes, please.")
    ears.streams[0].events.on_turn("over", "Yes, please.")
    await rig.run(500)
    assert len(rig.brain.asked) == 1
    assert [event.text for event in rig.all(CallerSaid)] == ["Yes, please."]


async def test_keys_pressed_meanwhile_make_it_useless(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Early.", "By key.", "To both."]).answer()
    await rig.until_quiet()
    await rig.speak("My number.", then=360)
    rig.call.on_dtmf("1")
    rig.call.on_dtmf("#")
    await rig.run(600)
    await rig.until_quiet()
    assert "Early." not in rig.said()
    assert Message("caller", keypad="1#") in rig.brain.asked[-1]
    assert rig.brain.asked[-1][-1] == Message("caller", "My number.")


async def test_one_that_fails_is_excused_when_its_turn_comes(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[DOWN]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?")
    await rig.until_quiet()
    assert rig.said()[1:] == [rig.agent.trouble_line]
    assert troubles(rig) == [("reply", "first")]


async def test_a_call_that_ends_stops_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=[[STALL]]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?", then=360)
    rig.call.end(EndReason.CALLER_HUNG_UP)
    await rig.call.ended.wait()
    assert rig.brain.stopped == 1


# Responders that fail


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["refuses", "stalls"])
async def test_another_responder_answers_and_the_call_tells_who_failed(tmp_path: Path, fault: Any) -> None:
    rig = Rig(tmp_path, brains=[Brain([fault], "first"), Brain(["We open at eight."], "second")]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?", then=2_000)
    await rig.until_quiet()
    assert rig.said()[1:] == ["We open at eight."]
    assert troubles(rig) == [("reply", "first")]
    [turn] = rig.all(TurnMeasured)
    assert turn.first_audio_ms <= 1_700


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["dies", "stalls"])
async def test_another_responder_finishes_the_answer(tmp_path: Path, fault: Any) -> None:
    half = [TextDelta("We open at eight. "), TextDelta("On Sundays"), fault]
    second = Brain(["we are closed."], "second")
    rig = Rig(tmp_path, brains=[Brain([half], "first"), second]).answer()
    await rig.until_quiet()
    await rig.speak("When do you open?", then=2_500)
    await rig.until_quiet()
    assert rig.said()[1:] == ["We open at eight. On Sundays we are closed."]
    assert second.asked[0][-1] == Message("agent", "We open at eight. On Sundays", unfinished=True)


async def test_a_tool_runs_once_though_its_responder_died(tmp_path: Path) -> None:
    tool = PaperTool(BOOK.spec, {"status": "booked"})
    first = Brain([["One moment.", ToolCall("1", "book", {}), DOWN]], "first")
    rig = Rig(tmp_path, brains=[first, Brain(["It is booked."], "second")], tools=(tool,)).answer()
    await rig.until_quiet()
    await rig.speak("Book it.")
    await rig.until_quiet()
    assert tool.seen == [{}]
    assert len(rig.all(ToolCalled)) == 1
    assert rig.said()[1:] == ["One moment.", "It is booked."]


async def test_a_responder_that_is_well_again_answers_the_next_turn(tmp_path: Path) -> None:
    first = Brain([DOWN, "First again."], "first")
    rig = Rig(tmp_path, brains=[first, Brain(["Second."], "second")]).answer()
    await rig.until_quiet()
    await rig.speak("Hello?")
    await rig.until_quiet()
    await rig.run(1_000)
    assert first.checks == 1
    await rig.speak("Hello again?")
    await rig.until_quiet()
    assert rig.said()[1:] == ["Second.", "First again."]


# Voices that fail


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["dies", "stalls"])
@pytest.mark.parametrize("after", [0, 5])
async def test_another_voice_says_the_rest(tmp_path: Path, fault: Any, after: int) -> None:
    first, second = Mouth("first"), Mouth("second", level=5_000)
    rig = Rig(tmp_path, answers=[LONG], mouths=[first, second]).answer()
    await rig.until_quiet()
    first.fails, first.after = fault, after
    await rig.speak("Count.", then=6_000)
    assert rig.said()[1:] == [LONG]
    assert troubles(rig) == [("speech", "first")]
    assert second.asked[0].split() == LONG.split()[after:]
    sounds = [frame for frame in rig.leg.sent if frame != rig.leg.format.silence]
    assert len(sounds) == (2 + len(LONG.split())) * MS_A_WORD // 20, "nothing is lost and nothing said twice"


async def test_a_prepared_greeting_outlives_its_voice(tmp_path: Path) -> None:
    first, second = Mouth("first"), Mouth("second")
    rig = Rig(tmp_path, mouths=[first, second])
    await rig.phrases.prepare([rig.agent.greeting], speed=1.0)
    first.fails = DOWN
    rig.answer()
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]
    assert second.asked == []


async def test_a_greeting_that_could_not_be_prepared_is_spoken_by_whoever_can(tmp_path: Path) -> None:
    first, second = Mouth("first"), Mouth("second")
    first.fails = first.unwell = DOWN
    rig = Rig(tmp_path, mouths=[first, second])
    await rig.phrases.prepare([rig.agent.greeting, "And more."], speed=1.0)
    assert first.asked == ["Hello there."], "one failure is enough to know"
    rig.answer()
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]
    assert second.asked == ["Hello there."]


async def test_lines_are_prepared_once_the_first_voice_is_back(tmp_path: Path) -> None:
    first = Mouth("first")
    first.fails = DOWN
    rig = Rig(tmp_path, mouths=[first, Mouth("second")])
    await rig.phrases.prepare(["Hello there.", "And more."], speed=1.0)
    first.fails = None
    rig.speaking.first.worked()
    rig.answer()
    await rig.until_quiet()
    asked = len(first.asked)
    assert rig.pipeline is not None
    rig.pipeline.wind_up("And more.", EndReason.SHUTDOWN)
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "And more."]
    assert len(first.asked) == asked


# Recognisers that fail


async def test_another_recogniser_hears_the_utterance_whole(tmp_path: Path) -> None:
    first, second = LongEars("first"), Ears("second")
    second.texts.append("When do you open?")
    rig = Rig(tmp_path, answers=["At eight."], ears=[first, second]).answer()
    await rig.until_quiet()
    await rig.run(300, VOICE)
    first.streams[0].fail()
    await rig.run(300, VOICE)
    await rig.run(800)
    await rig.until_quiet()
    assert [event.text for event in rig.all(CallerSaid)] == ["When do you open?"]
    assert second.heard_s[0] == pytest.approx(0.3 + 0.6 + 0.12, abs=0.05)
    assert troubles(rig) == [("transcription", "first")]
    assert rig.said()[-1] == "At eight."
