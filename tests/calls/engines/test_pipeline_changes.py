"""An agent that is changed in the middle of a call: a pipeline's."""

from pathlib import Path

import pytest

from offhook.calls.change import Change
from offhook.calls.tools.switch_language import SwitchLanguage
from offhook.config import AgentSettings, SilenceSettings
from offhook.errors import ToolError
from offhook.events import AgentChanged, CallerSaid, EndReason, ToolCalled
from offhook.providers.llm.base import Message, ToolCall
from offhook.providers.stt.base import Transcript
from tests.calls.languages import ENGLISH, SPANISH, TwoLanguages, bilingual, paper_tool
from tests.calls.rig import VOICE, Ears, LongEars, Rig

ASKED = "From here on talk Spanish with the caller."


async def greeted(rig: TwoLanguages) -> TwoLanguages:
    rig.answer()
    await rig.until_quiet()
    return rig


async def test_a_tool_has_the_agent_talk_another_language_at_once(tmp_path: Path) -> None:
    switch = SwitchLanguage(("en", "es"))
    answer = [ToolCall("t1", "switch_language", {"language": "es"})]
    rig = TwoLanguages(
        tmp_path,
        answer,
        tools=(switch, paper_tool("look_up")),
        spanish_answers=("Claro que sí.",),
        variables={"name": "Ann"},
    )
    await greeted(rig)
    await rig.speak("Hola, buenos días.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "Claro que sí."]
    assert (rig.mouth.asked, rig.spanish_mouth.asked) == (["Hello there."], ["Claro que sí."])
    assert [call.instructions for call in rig.spanish_brain.opened] == ["Hable con Ann."]
    assert [message.role for message in rig.spanish_brain.asked[0]] == ["agent", "caller", "agent", "tool", "note"]
    assert rig.spanish_brain.offered == [["buscar", "end_call"]]
    [changed], [called] = rig.all(AgentChanged), rig.all(ToolCalled)
    assert (changed.because, changed.language, changed.changed) == ("asked", "es", ("language",))
    assert (called.name, called.error) == ("switch_language", "")


async def test_from_then_on_everything_is_in_that_language(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path, spanish_ears=Ears("oídos"), spanish_answers=("Mañana.",)))
    rig.call.change(Change(language="es", line="Le atiendo en español."))
    await rig.until_quiet()
    rig.spanish_ears.texts.append("¿Cuándo?")
    await rig.run(600, VOICE)
    await rig.run(700)
    # The turns of that language wait longer.
    assert rig.all(CallerSaid) == []
    await rig.run(300)
    await rig.until_quiet()
    assert [said.text for said in rig.all(CallerSaid)] == ["¿Cuándo?"]
    await rig.run(8_500)
    await rig.until_quiet()
    assert rig.said()[1:4] == ["Le atiendo en español.", "Mañana.", "¿Sigue ahí?"]
    assert (rig.ears.languages, rig.spanish_ears.languages) == ([], ["es"])
    assert rig.mouth.asked == ["Hello there."]


async def test_the_last_line_of_a_call_is_said_in_the_language_of_the_moment(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=4, max_duration_line="Time is over.").model_dump(exclude_unset=True)
    agent = bilingual(silence=silence, languages={"es": {"silence": {"max_duration_line": "Se acabó."}}})
    rig = await greeted(TwoLanguages(tmp_path, agent=agent))
    rig.call.change(Change(language="es"))
    await rig.run(6_000)
    assert rig.said() == ["Hello there.", "Se acabó."]
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_instructions_tools_and_turns_may_change_alone(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path, "One.", "Two."))
    await rig.speak("First?")
    await rig.until_quiet()
    rig.call.change(Change(instructions="Be brief.", tools=["end_call"], turns={"silence_ms": 1_000}))
    rig.ears.texts.append("Second?")
    await rig.run(600, VOICE)
    await rig.run(900)
    assert len(rig.all(CallerSaid)) == 1
    await rig.run(300)
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "One.", "Two."]
    assert (rig.brain.instructions, len(rig.brain.opened)) == (["Be brief."], 1)
    assert rig.brain.offered == [["look_up", "end_call"], ["end_call"]]
    assert [message.role for message in rig.brain.asked[-1]] == ["agent", "caller", "agent", "caller"]


async def test_another_voice_speaks_from_the_next_utterance_on(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path, "This is a long answer to it.", "And this one is short."))
    await rig.speak("Well?", then=900)
    rig.call.change(Change(voice="soft"))
    await rig.until_quiet()
    await rig.speak("And now?")
    await rig.until_quiet()
    assert rig.said()[1:] == ["This is a long answer to it.", "And this one is short."]
    assert rig.soft_mouth.asked == ["And this one is short."]


async def test_nothing_changes_where_something_is_not_there(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path, "One."))
    with pytest.raises(ToolError, match="there is no voice loud; there are: soft"):
        rig.call.change(Change(instructions="Be brief.", voice="loud"))
    rig.call.change(Change(language="en"))
    await rig.speak("First?")
    await rig.until_quiet()
    assert (rig.brain.instructions, rig.all(AgentChanged)) == ([], [])


async def test_a_call_that_is_over_does_not_change(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path))
    rig.call.end(EndReason.SHUTDOWN)
    rig.call.change(Change(language="es"))
    await rig.call.ended.wait()
    assert rig.all(AgentChanged) == []


# Heard in another language


async def test_the_first_words_choose_the_language_and_are_heard_again_in_it(tmp_path: Path) -> None:
    rig = TwoLanguages(tmp_path, agent=bilingual("first"), spanish_answers=("Claro.", "Sí."))
    await greeted(rig)
    await rig.hear("Hola, Kiera una Theta.", SPANISH, again="Hola, quiero una cita.")
    await rig.until_quiet()
    assert [said.text for said in rig.all(CallerSaid)] == ["Hola, quiero una cita."]
    assert rig.ears.languages == ["en", "es"]
    assert rig.said() == ["Hello there.", "Claro."]
    [changed] = rig.all(AgentChanged)
    assert (changed.because, changed.language) == ("heard", "es")
    assert rig.spanish_brain.asked[0] == [
        Message("agent", "Hello there."),
        Message("note", ASKED, restarts=True),
        Message("caller", "Hola, quiero una cita."),
    ]
    # It is settled now, whatever the caller says.
    await rig.hear("I speak English, too.", ENGLISH)
    await rig.until_quiet()
    assert (rig.said()[-1], rig.ears.languages) == ("Sí.", ["en", "es", "es"])


async def test_a_short_word_or_the_agents_own_language_changes_nothing(tmp_path: Path) -> None:
    rig = await greeted(TwoLanguages(tmp_path, "Yes?", "At eight.", "Yes.", agent=bilingual("first")))
    await rig.hear("Okay.", SPANISH)
    await rig.until_quiet()
    await rig.hear("When do you open?", ENGLISH)
    await rig.until_quiet()
    await rig.hear("Hola, quiero una cita.", SPANISH)
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "Yes?", "At eight.", "Yes."]
    assert (rig.all(AgentChanged), set(rig.ears.languages)) == ([], {"en"})


async def test_the_language_follows_the_caller_as_often_as_he_likes(tmp_path: Path) -> None:
    rig = TwoLanguages(tmp_path, "All right.", agent=bilingual("always"), spanish_answers=("Claro.",))
    await greeted(rig)
    await rig.hear("Kiera una Theta.", SPANISH, again="Quiero una cita.")
    await rig.until_quiet()
    await rig.hear("Ay spic inglis", ENGLISH, again="I speak English now.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "Claro.", "All right."]
    assert [changed.language for changed in rig.all(AgentChanged)] == ["es", "en"]
    assert rig.brain.asked[-1][-1] == Message("caller", "I speak English now.")


async def test_what_turns_out_to_be_noise_leaves_the_ears_as_they_were(tmp_path: Path) -> None:
    agent = bilingual("always", turns={"barge_in_ms": 3_000})
    rig = await greeted(TwoLanguages(tmp_path, "This is a very long answer to all of that.", "Yes.", agent=agent))
    await rig.hear("Tell me all.", ENGLISH)
    # Over the agent, unclear: a hum, whatever it was taken for.
    rig.ears.texts += [Transcript("mm mm mm", 0.2, SPANISH), Transcript("mm mm mm", 0.2, SPANISH)]
    await rig.run(1_000, VOICE)
    await rig.run(1_000)
    await rig.until_quiet()
    await rig.hear("And then?", {}, ms=500)
    assert rig.ears.languages == ["en", "en", "es", "en"]
    assert rig.all(AgentChanged) == []


async def test_a_stream_that_hears_any_language_is_not_asked_twice(tmp_path: Path) -> None:
    ears = LongEars()
    rig = TwoLanguages(tmp_path, agent=bilingual("first"), ears=[ears], spanish_answers=("Claro.",))
    await greeted(rig)
    heard = Transcript("Hola, quiero una cita.", 0.9, SPANISH)
    ears.texts += [heard, heard]
    await rig.run(1_000, VOICE)
    await rig.run(400)
    assert len(ears.streams[0].asked) == 2
    assert len(ears.streams) == 1
    await rig.run(1_000)
    await rig.until_quiet()
    assert [said.text for said in rig.all(CallerSaid)] == ["Hola, quiero una cita."]
    # Settled: from here on it expects that language alone.
    assert ears.languages == [("en", "en", "es"), ("es",)]
    assert [stream.closed for stream in ears.streams] == [True, False]
    assert rig.said()[-1] == "Claro."


async def test_an_agent_of_one_language_asks_for_none(tmp_path: Path) -> None:
    rig = Rig(tmp_path, answers=["Yes."], agent=AgentSettings(greeting="Hello.", detect_language="always"))
    rig.answer()
    await rig.until_quiet()
    rig.ears.texts.append(Transcript("Hola, quiero una cita.", 0.9, SPANISH))
    await rig.run(1_000, VOICE)
    await rig.run(1_000)
    await rig.until_quiet()
    assert rig.said() == ["Hello.", "Yes."]
