from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.stopgap import Fillers, Stopgap
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import CallEvent, CallTrouble
from offhook.providers.llm.base import CallFacts
from tests.calls.rig import Mouth, PaperTime, phrases_of


def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Wait:
    """Fillers, and beats for them."""

    def __init__(self, *lines: str) -> None:
        self.fillers = Fillers(lines)
        self.now_ms = 0

    def lines(self, ms: int, *, waiting: bool = True, silent: bool = True, first: str | None = None) -> dict[int, str]:
        """The lines of the next `ms`, and when each is due."""
        begin, due = self.now_ms, {}
        while self.now_ms < begin + ms:
            line = self.fillers.tick(self.now_ms, waiting=waiting, silent=silent, first=first)
            if line:
                due[self.now_ms - begin] = line
            self.now_ms += 20
        return due


def test_a_wait_has_a_line_soon_and_others_now_and_then() -> None:
    assert Wait("a", "b").lines(20_000) == {700: "a", 6_700: "b", 12_700: "a", 18_700: "b"}


def test_sound_begins_the_silence_anew_and_the_lines_go_on() -> None:
    wait = Wait("a", "b")
    assert wait.lines(680) == {}
    assert wait.lines(100, silent=False) == {}
    assert wait.lines(1_000) == {700: "a"}
    assert wait.lines(1_000, silent=False) == {}
    assert wait.lines(6_100) == {6_000: "b"}


def test_the_end_of_a_wait_begins_all_anew() -> None:
    wait = Wait("a", "b")
    assert wait.lines(800) == {700: "a"}
    assert wait.lines(9_000, waiting=False) == {}
    assert wait.lines(800) == {700: "a"}


def test_a_line_of_its_own_stands_in_place_of_the_first() -> None:
    assert Wait("a", "b").lines(13_000, first="x") == {700: "x", 6_700: "b", 12_700: "a"}
    assert Wait().lines(13_000, first="x") == {700: "x"}


def test_without_lines_or_with_an_empty_one_of_its_own_nothing_is_due() -> None:
    assert Wait().lines(20_000) == {}
    assert Wait("a").lines(20_000, first="") == {}


class Desk:
    """A stopgap without a call."""

    def __init__(self, *, voice: bool = True, **others: Any) -> None:
        self.events: list[CallEvent] = []
        self.asked: list[str] = []
        self.mouth = Mouth()
        self.playout = Playout(PCM_8K, send=lambda frame: None)
        context = ToolContext("call-1", "", Path(), now)
        facts = CallFacts("call-1", "a", "", now())
        call = CallHandle(facts, self.playout, lambda: 0, self.events.append, lambda reason, detail: None, context)
        phrases = phrases_of(self.mouth) if voice else None
        self.stopgap = Stopgap(call, AgentSettings(), phrases, ask=self.asked.append)

    def beats(self, ms: int) -> None:
        for now_ms in range(0, ms, 20):
            self.stopgap.tick(now_ms, waiting=True, silent=True)


async def test_what_is_due_is_said() -> None:
    desk, time = Desk(), PaperTime()
    desk.beats(800)
    while desk.stopgap.busy:
        await time.through(_nothing())
    assert desk.mouth.asked == [AgentSettings().filler_lines[0]]
    assert desk.playout.active


async def test_what_is_being_made_is_not_said_if_it_is_stopped() -> None:
    desk, time = Desk(), PaperTime()
    desk.beats(800)
    desk.stopgap.stop()
    await time.through(desk.stopgap.close())
    assert desk.mouth.asked == []
    assert not desk.playout.active


async def test_a_voice_that_fails_is_told() -> None:
    desk = Desk()
    desk.mouth.fails = ProviderError("is down", provider="mouth")
    time = PaperTime()
    desk.stopgap.say("Wait.")
    while desk.stopgap.busy:
        await time.through(_nothing())
    assert [event.what for event in desk.events if isinstance(event, CallTrouble)] == ["speech"]


async def test_without_a_voice_somebody_else_is_asked() -> None:
    desk = Desk(voice=False)
    desk.stopgap.say("Wait.")
    desk.beats(800)
    assert desk.asked == ["Wait.", AgentSettings().filler_lines[0]]
    assert not desk.playout.active


async def _nothing() -> None:
    pass
