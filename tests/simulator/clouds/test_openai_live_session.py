from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from offhook.audio.formats import PCM_16K
from offhook.simulator.clouds.ears import Saying, scripted_ears
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply
from offhook.simulator.clouds.openai_live_session import LiveTalk
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused
from offhook.simulator.tone_voice import ToneVoice
from tests.simulator.clouds.waiting import until

START = {"model": "gpt-live-1", "audio": {"format": {"type": "audio/pcm", "rate": 16_000}}}


class Bench:
    """A session, and what it emits."""

    def __init__(self, *sayings: Saying, answers: int = 10) -> None:
        self.events: list[Mapping[str, Any]] = []
        mind = Mind(lambda request: ChatReply(f"You said {request.last_text}"), ToneVoice(), 1.0, answers, answers)
        self.talk = LiveTalk(scripted_ears(*sayings), mind, LiveStart(dict(START)), self._emit)

    async def _emit(self, event: Mapping[str, Any]) -> None:
        self.events.append(event)

    async def hear(self, ms: int) -> None:
        audio = b64encode(bytes(PCM_16K.bytes_in(ms))).decode()
        await self.talk.handle({"type": "session.input_audio.append", "audio": audio})

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


async def test_its_clock_is_what_it_hears() -> None:
    bench = Bench()
    await bench.hear(90)
    assert not bench.events
    await bench.hear(110)
    assert len(bench.of("session.output_audio.delta")) == 2
    assert bench.talk.usage() == {"seconds": 0.2}
    await bench.talk.close()


async def test_it_answers_when_the_caller_pauses() -> None:
    bench = Bench(Saying("Hello.", 100, 400))
    await bench.hear(1_000)
    await until(lambda: bench.of("session.input_transcript.delta"))
    [word] = bench.of("session.input_transcript.delta")
    assert (word["delta"], word["start_ms"], word["end_ms"]) == (" Hello.", 100, 400)
    await until(lambda: bench.talk.talk.messages)
    await bench.talk.close()


async def test_it_says_that_its_money_is_gone() -> None:
    bench = Bench(Saying("Hello.", 100, 400), answers=0)
    await bench.hear(1_000)
    await until(lambda: bench.of("error"))
    assert bench.of("error")[0]["error"]["code"] == "credit_balance_exhausted"
    await bench.talk.close()


async def test_instructions_are_added_without_a_word() -> None:
    bench = Bench()
    event = {"type": "session.instructions.append", "content": "Be brief.", "delegation_id": None}
    await bench.talk.handle(event)
    assert bench.of("session.instructions.appended")
    await bench.hear(300)
    assert not bench.of("session.output_transcript.delta")
    await bench.talk.close()


async def test_what_it_does_not_know_is_refused() -> None:
    bench = Bench()
    with pytest.raises(Refused):
        await bench.talk.handle({})
    await bench.talk.close()
