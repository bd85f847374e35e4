"""An agent that is changed in the middle of a call: that of speech-to-speech sessions."""

from pathlib import Path

import pytest

from offhook.calls.change import Change
from offhook.calls.engines.prompts import nearly_over, verbatim
from offhook.config import SilenceSettings
from offhook.errors import ToolError
from offhook.events import AgentChanged, EndReason
from offhook.providers.llm.base import Message, ToolCall
from offhook.providers.realtime.base import TurnDetection
from tests.calls.languages import TwoSessions, bilingual


async def test_the_session_is_told_of_another_language(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path, variables={"name": "Ann"})
    await rig.greeted()
    rig.call.change(Change(language="es", line="Le atiendo en español."))
    assert rig.session.instructions == ["Hable con Ann."]
    turns = TurnDetection(silence_ms=800, interrupts=True)
    assert rig.session.updates == [(None, ["buscar"], turns, "es")]
    assert rig.session.said()[-1] == verbatim("Le atiendo en español.")
    [changed] = rig.all(AgentChanged)
    assert (changed.because, changed.language, changed.changed) == ("asked", "es", ("language", "line"))
    rig.session.speak("b", "Le atiendo en español.")
    await rig.until_quiet()
    await rig.run(8_500)
    assert rig.session.said()[-1] == verbatim("¿Sigue ahí?")


async def test_words_of_any_language_are_written_down_where_it_may_change_again(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path, agent=bilingual("always", engine="realtime"))
    await rig.greeted()
    rig.call.change(Change(language="es"))
    assert rig.session.updates[-1][-1] == ""


async def test_tools_that_are_no_longer_offered_are_refused(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path)
    await rig.greeted()
    rig.call.change(Change(tools=["end_call"]))
    assert rig.session.updates == [(None, ["end_call"], None, None)]
    rig.session.events.on_tool_call(ToolCall("t1", "look_up", {}))
    await rig.run(100)
    [result] = [each for each in rig.session.asked if each[0] == "tool_result"]
    assert result[2] == '{"error":"there is no tool look_up; there are: end_call"}'


async def test_turns_are_taken_as_they_were_changed_on_both_sides(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path)
    await rig.greeted()
    rig.call.change(
        Change(turns={"silence_ms": 900, "vad_threshold": 0.7, "prefix_padding_ms": 200, "barge_in": False})
    )
    told = TurnDetection(silence_ms=900, threshold=0.7, prefix_padding_ms=200, interrupts=False)
    assert rig.session.updates == [(None, None, told, None)]
    rig.session.fail()
    await rig.run(200)
    assert rig.session.updates == [(None, None, told, None)]


async def test_who_follows_a_session_that_died_is_as_it_was_changed(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path, variables={"name": "Ann"})
    await rig.greeted()
    rig.call.change(Change(language="es"))
    rig.call.change(Change(instructions="Sea breve.", tools=[]))
    rig.session.fail()
    await rig.run(200)
    assert len(rig.providers[0].sessions) == 1
    assert [call.instructions for call in rig.spanish.opened] == ["Sea breve."]
    assert rig.spanish.last.tools == []
    assert [message.role for message in rig.spanish.last.history] == ["agent", "note"]


async def test_a_note_and_changed_instructions_stand_together(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=60, max_duration_s=20, wrap_up_s=15).model_dump(exclude_unset=True)
    rig = TwoSessions(tmp_path, agent=bilingual(engine="realtime", silence=silence))
    await rig.greeted()
    await rig.run(6_000 - rig.call.now_ms)
    rig.call.change(Change(instructions="Be brief."))
    [noted, changed] = rig.session.instructions
    assert changed == f"Be brief.\n\n{noted}"
    assert noted.partition(" seconds")[2] == nearly_over(15).partition(" seconds")[2]


async def test_another_voice_takes_over_at_a_quiet_moment(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path)
    await rig.greeted()
    first = rig.session
    rig.call.change(Change(voice="ash"))
    assert first.updates == [(None, None, None, None)]
    await rig.run(600)
    assert len(rig.providers[0].sessions) == 2
    assert rig.session.updates == [("ash", None, None, None)]
    assert rig.session.history == [Message("agent", "Hello there.")]
    assert (first.closed, rig.session.closed) == (1, 0)
    await rig.run(1_000)
    assert len(rig.providers[0].sessions) == 2


async def test_who_waits_to_take_over_is_told_too(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path)
    await rig.greeted()
    rig.providers[0].ready = False
    rig.session.events.on_expiring(60)
    await rig.run(400)
    old, heir = rig.providers[0].sessions
    rig.call.change(Change(instructions="Be brief."))
    assert (old.instructions, heir.instructions) == (["Be brief."], ["Be brief."])


async def test_nothing_changes_where_something_is_not_there(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path)
    await rig.greeted()
    with pytest.raises(ToolError, match="there is no language fr; there are: en, es"):
        rig.call.change(Change(instructions="Be brief.", language="fr"))
    rig.call.change(Change(language="en"))
    assert (rig.session.instructions, rig.session.updates, rig.all(AgentChanged)) == ([], [], [])


async def test_the_last_line_of_a_call_is_said_in_the_language_of_the_moment(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=3, max_duration_line="Time is over.").model_dump(exclude_unset=True)
    spanish = {"silence": {"max_duration_line": "Se acabó."}}
    rig = TwoSessions(tmp_path, agent=bilingual(engine="realtime", silence=silence, languages={"es": spanish}))
    await rig.greeted()
    rig.call.change(Change(language="es"))
    await rig.run(3_100 - rig.call.now_ms)
    assert rig.session.said()[-1] == verbatim("Se acabó.")


# Taken over by the pipeline


async def test_the_pipeline_that_stands_in_is_as_the_sessions_were(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path, fallback=True, variables={"name": "Ann"})
    rig.spanish_brain.answers.append("Mañana.")
    await rig.greeted()
    rig.call.change(Change(language="es"))
    rig.call.change(Change(instructions="Sea breve.", voice="ash"))
    await rig.ask("¿Cuándo?")
    rig.session.fail("no such model", retryable=False)
    await rig.run(100)
    rig.spanish.last.fail(retryable=False)
    await rig.run(2_000)
    await rig.until_quiet()
    assert rig.said()[-1] == "Mañana."
    assert (rig.mouth.asked, rig.spanish_mouth.asked) == ([], ["Mañana."])
    assert [call.instructions for call in rig.spanish_brain.opened] == ["Sea breve."]
    assert [message.role for message in rig.spanish_brain.asked[0]] == ["agent", "note", "caller"]
    # Once told is enough.
    assert [changed.changed for changed in rig.all(AgentChanged)] == [("language",), ("instructions", "voice")]


async def test_a_pipeline_that_stands_in_from_the_beginning_changes_as_well(tmp_path: Path) -> None:
    rig = TwoSessions(tmp_path, fallback=True)
    rig.watched[0].healthy = False
    rig.answer()
    await rig.until_quiet()
    rig.call.change(Change(language="es", line="Hola."))
    await rig.until_quiet()
    assert rig.spanish_mouth.asked == ["Hola."]
    rig.call.end(EndReason.SHUTDOWN)
    await rig.call.ended.wait()
