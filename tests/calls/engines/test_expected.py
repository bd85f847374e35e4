import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from offhook.audio.formats import MULAW_8K, PCM_8K, AudioFormat
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.expected import Announced, ExpectedSessions
from offhook.calls.engines.realtime import Realtime
from offhook.config import AgentSettings
from offhook.providers.llm.base import CallFacts, ToolSpec
from offhook.providers.realtime.base import RealtimeProvider
from offhook.providers.standby import Standby, Watched
from tests.calls.sessions import PaperProvider, SessionRig
from tests.simulator.clouds.waiting import until

TOOL = ToolSpec("look", "", {})
FACTS = CallFacts("call-1", "reception", "You are Ann.", datetime(2026, 3, 2, tzinfo=UTC), announced="vobiz:1")


def announced(key: str = "vobiz:1", format: AudioFormat = PCM_8K, within_s: float = 600.0) -> Announced:  # noqa: A002
    return Announced(replace(FACTS, announced=key), format, within_s)


class Hall:
    """Where sessions of one provider wait."""

    def __init__(self, most: int = 3) -> None:
        self.provider = PaperProvider()
        self.tools = [TOOL]
        exhausted = partial(getattr, self.provider, "exhausted")
        self.watched = Watched[RealtimeProvider](self.provider, "paper", exhausted=exhausted)
        self.sessions = ExpectedSessions(Standby([self.watched]), lambda: tuple(self.tools), most=most)

    async def close(self) -> None:
        await self.sessions.close()
        await self.watched.close()


class ExpectedRig(SessionRig):
    """A call that was announced."""

    def __init__(
        self, folder: Path, facts: CallFacts = FACTS, providers: tuple[PaperProvider, ...] = (), **more: Any
    ) -> None:
        super().__init__(folder, *providers, **more)
        self.call.facts = facts
        self.hall = ExpectedSessions(self.realtime_parts.providers, tuple, most=3)
        self.realtime_parts = replace(self.realtime_parts, expected=self.hall)

    def _engine(self, handle: CallHandle) -> Engine:
        return Realtime(replace(handle, facts=self.call.facts), self.realtime_parts)


async def test_a_session_is_opened_once_for_a_call_that_was_announced() -> None:
    hall = Hall()
    assert hall.sessions.open(announced())
    assert hall.sessions.open(announced())
    [session] = hall.provider.sessions
    assert (session.leg, session.tools, session.history, session.asked) == (PCM_8K, ["look"], [], [])
    await hall.close()
    assert (session.closed, len(hall.sessions)) == (1, 0)


async def test_a_session_has_the_tools_that_its_agent_has_by_then() -> None:
    hall = Hall()
    hall.tools.append(replace(TOOL, name="find"))
    assert hall.sessions.open(announced())
    hall.tools.clear()
    assert hall.sessions.open(announced("vobiz:2"))
    assert [session.tools for session in hall.provider.sessions] == [["look", "find"], []]
    await hall.close()


async def test_there_are_only_so_many() -> None:
    hall = Hall(most=2)
    assert [hall.sessions.open(announced(f"vobiz:{number}")) for number in range(3)] == [True, True, False]
    assert hall.sessions.take(replace(FACTS, announced="vobiz:0"), PCM_8K) is not None
    assert hall.sessions.open(announced("vobiz:2"))
    await hall.close()


async def test_a_call_without_a_name_and_a_key_that_is_used_up_get_none() -> None:
    hall = Hall()
    assert not hall.sessions.open(announced(""))
    hall.provider.exhausted = 9.0
    assert not hall.sessions.open(announced())
    assert hall.provider.sessions == []
    await hall.close()


async def test_one_that_nobody_fetches_is_closed() -> None:
    hall = Hall()
    hall.sessions.open(announced(within_s=0.01))
    await until(lambda: hall.provider.last.closed)
    assert hall.sessions.take(FACTS, PCM_8K) is None
    await hall.close()


async def test_a_call_that_is_over_before_it_is_there_leaves_no_session() -> None:
    hall = Hall()
    hall.sessions.open(announced())
    hall.sessions.forget("vobiz:1")
    hall.sessions.forget("vobiz:1")
    await asyncio.sleep(0)
    assert (hall.provider.last.closed, len(hall.sessions)) == (1, 0)
    await hall.close()


async def test_a_call_in_another_format_gets_a_session_of_its_own() -> None:
    hall = Hall()
    hall.sessions.open(announced(format=MULAW_8K))
    assert hall.sessions.take(FACTS, PCM_8K) is None
    await hall.close()
    assert hall.provider.last.closed == 1


async def test_one_that_died_is_told_and_not_given() -> None:
    hall = Hall()
    hall.sessions.open(announced())
    hall.provider.last.fail()
    assert not hall.watched.healthy
    assert hall.sessions.take(FACTS, PCM_8K) is None
    assert not hall.sessions.open(announced("vobiz:2"))
    await hall.close()


async def test_the_call_has_the_session_that_was_opened_while_it_rang(tmp_path: Path) -> None:
    rig = ExpectedRig(tmp_path)
    rig.hall.open(announced())
    rig.session.ready = True
    rig.session.events.on_ready()
    rig.answer()
    assert len(rig.providers[0].sessions) == 1
    assert rig.session.said()[0].endswith('"Hello there."')
    await rig.run(40)
    rig.session.speak("g", "Hello there.")
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]
    assert [each[0] for each in rig.session.asked] == ["say"]


async def test_what_the_answer_knows_better_is_changed(tmp_path: Path) -> None:
    rig = ExpectedRig(tmp_path, replace(FACTS, instructions="You are Ann. The caller is Bob."))
    rig.hall.open(announced())
    rig.answer()
    await rig.run(40)
    assert rig.session.instructions == ["You are Ann. The caller is Bob."]


async def test_one_that_is_not_ready_when_the_call_comes_is_replaced_if_it_stalls(
    tmp_path: Path,
) -> None:
    rig = ExpectedRig(tmp_path, providers=(PaperProvider("first"), PaperProvider("second")))
    first, second = rig.providers
    first.ready = False
    rig.hall.open(announced())
    rig.answer()
    await rig.run(1_000)
    assert (len(first.sessions), len(second.sessions)) == (1, 0)
    await rig.run(1_000)
    assert second.last.said()[0].endswith('"Hello there."')


async def test_a_call_that_nobody_announced_opens_its_own(tmp_path: Path) -> None:
    rig = ExpectedRig(tmp_path, replace(FACTS, announced=""), agent=AgentSettings(greeting=""))
    rig.hall.open(announced())
    rig.answer()
    await rig.run(40)
    assert len(rig.providers[0].sessions) == 2
    await rig.hall.close()
