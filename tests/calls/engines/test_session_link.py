from pathlib import Path

from offhook.errors import ProviderError
from offhook.events import CallTrouble, EndReason, UsageReported
from offhook.providers.realtime.base import Usage
from tests.calls.sessions import STALL_MS, PaperProvider, SessionRig


async def test_nothing_that_a_session_tells_after_it_was_left_counts_but_what_it_bills(tmp_path: Path) -> None:
    first, second = PaperProvider("first"), PaperProvider("second")
    rig = await SessionRig(tmp_path, first, second).greeted()
    first.last.fail()
    await rig.run(100)
    before = list(rig.events)
    first.last.speak("late", "Too late.")
    first.last.events.on_speech_started("late", 0)
    first.last.events.on_caller_said("late", "Hello?", True)
    first.last.fail()
    await rig.run(400)
    assert rig.events == before
    first.last.events.on_usage(Usage(seconds=2.5))
    assert [(event.provider, event.used) for event in rig.all(UsageReported)] == [("first", {"seconds": 2.5})]
    assert len(second.sessions) == 1


async def test_a_session_that_has_told_enough_to_play_may_be_silent(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, PaperProvider("first"), PaperProvider("second")).greeted()
    await rig.ask("Tell me.")
    rig.session.sound("a", 3_000)
    await rig.run(2_900)
    assert rig.all(CallTrouble) == []
    await rig.run(200)
    assert [event.what for event in rig.all(CallTrouble)] == ["session"]


async def test_any_sign_is_a_sign_of_life(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path, PaperProvider("first"), PaperProvider("second")).greeted()
    item = await rig.ask("")
    for _ in range(4):
        await rig.run(STALL_MS - 200)
        rig.session.events.on_caller_said(item, "Tell", False)
    assert rig.all(CallTrouble) == []


async def test_one_that_nobody_can_replace_is_waited_for_longer(tmp_path: Path) -> None:
    provider = PaperProvider()
    rig = await SessionRig(tmp_path, provider).greeted()
    await rig.ask("Tell me.")
    provider.last.fail()
    await rig.run(5_000)
    assert len(provider.sessions) == 2
    await rig.run(7_500)
    assert len(provider.sessions) == 3


async def test_a_fault_in_what_it_tells_ends_the_call_and_not_the_connection(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    rig.session.events.on_tool_call(None)  # type: ignore[arg-type]
    await rig.run(40)
    assert rig.leg.closed == [EndReason.ERROR]


async def test_a_death_is_told_with_the_name_of_the_dead(tmp_path: Path) -> None:
    rig = await SessionRig(tmp_path).greeted()
    rig.session.events.on_failed(ProviderError("has gone", provider="paper", retryable=True))
    assert rig.all(CallTrouble)[0].detail == "paper: has gone"
