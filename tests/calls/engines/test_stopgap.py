from datetime import UTC, datetime
from pathlib import Path

from offhook.audio.formats import PCM_8K
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.stopgap import Stopgap
from offhook.calls.playout import Playout
from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import CallEvent, CallTrouble
from offhook.providers.llm.base import CallFacts
from tests.calls.rig import Mouth, PaperTime, phrases_of


def now() -> datetime:
    return datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Desk:
    """A stopgap without a call."""

    def __init__(self, *, voice: bool = True) -> None:
        self.events: list[CallEvent] = []
        self.mouth = Mouth()
        self.playout = Playout(PCM_8K, send=lambda frame: None)
        context = ToolContext("call-1", "", Path(), now)
        facts = CallFacts("call-1", "a", "", now())
        call = CallHandle(facts, self.playout, lambda: 0, self.events.append, lambda reason, detail: None, context)
        self.stopgap = Stopgap(call, AgentSettings(), phrases_of(self.mouth) if voice else None)
        self.now_ms = 0

    def beats(self, ms: int, *, waiting: bool = True, silent: bool = True) -> bool:
        """Whether something was said."""
        before = len(self.mouth.asked) + self.stopgap.busy
        for _ in range(ms // 20):
            self.now_ms += 20
            self.stopgap.tick(self.now_ms, waiting=waiting, silent=silent)
        return len(self.mouth.asked) + self.stopgap.busy > before


async def test_a_line_is_said_once_in_a_silence_that_is_too_long() -> None:
    desk = Desk()
    assert not desk.beats(1_000)
    assert desk.beats(20)
    await PaperTime().through(desk.stopgap.close())
    assert not desk.beats(3_000)
    assert not desk.beats(100, silent=False)
    assert not desk.beats(3_000)
    assert not desk.beats(20, waiting=False)
    assert desk.beats(1_040)
    await desk.stopgap.close()


async def test_sound_and_the_end_of_the_wait_begin_the_silence_anew() -> None:
    desk = Desk()
    desk.beats(900)
    desk.beats(20, silent=False)
    assert not desk.beats(900)
    desk.beats(20, waiting=False)
    assert not desk.beats(900)


async def test_a_voice_that_fails_is_told() -> None:
    desk = Desk()
    desk.mouth.fails = ProviderError("is down", provider="mouth")
    time = PaperTime()
    desk.stopgap.say("Wait.")
    while desk.stopgap.busy:
        await time.through(_nothing())
    assert [event.what for event in desk.events if isinstance(event, CallTrouble)] == ["speech"]


async def test_without_a_voice_nothing_is_said() -> None:
    desk = Desk(voice=False)
    desk.stopgap.say("Wait.")
    assert not desk.beats(3_000)
    assert not desk.playout.active


async def _nothing() -> None:
    pass
