from pathlib import Path

from offhook.calls.engines.prompts import ANSWER_NOW, GO_ON
from offhook.providers.llm.base import Message
from tests.calls.rig import VOICE
from tests.calls.sessions import PaperProvider, SessionRig


async def test_a_line_that_was_asked_for_is_said_by_the_next(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.run(8_200)
    assert first.last.said()[-1].endswith('"Are you still there?"')
    first.last.fail()
    await rig.run(40)
    assert second.last.said() == first.last.said()[-1:]


async def test_two_that_die_owe_what_the_first_one_owed(tmp_path: Path) -> None:
    names = [PaperProvider(name) for name in ("first", "second", "third")]
    rig = await SessionRig(tmp_path, *names).greeted()
    await rig.ask("Tell me.")
    names[0].last.events.on_agent_text("a", "One two three four", False)
    names[0].last.sound("a", 800)
    names[0].last.fail()
    await rig.run(40)
    names[1].last.fail()
    await rig.run(40)
    assert names[2].last.said() == [GO_ON]
    assert names[2].last.history[-1] == Message("agent", "One two three", unfinished=True)


async def test_who_was_interrupted_owes_the_answer_to_that(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    rig = await SessionRig(tmp_path, first, second).greeted()
    await rig.ask("Tell me.")
    first.last.events.on_agent_text("a", "One two three four", False)
    first.last.sound("a", 2_000)
    await rig.run(800)
    await rig.ask("No, stop.")
    first.last.fail()
    await rig.run(40)
    assert second.last.said() == [ANSWER_NOW]
    assert [message.interrupted for message in second.last.history] == [False, False, True, False]


async def test_a_caller_who_goes_on_while_nobody_is_there_is_heard(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    rig = await SessionRig(tmp_path, first, second).greeted()
    first.ready = second.ready = False
    await rig.run(200, VOICE)
    first.last.fail()
    await rig.run(400, VOICE)
    second.last.fail()
    await rig.run(1_000)
    assert second.last is not second.sessions[0] or len(first.sessions) > 1
    newest = max((first.last, second.last), key=lambda session: session.voiced_ms)
    assert newest.voiced_ms == 600
