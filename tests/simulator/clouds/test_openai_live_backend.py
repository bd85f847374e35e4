from collections.abc import Mapping
from typing import Any

import pytest

from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.openai_live_backend import LiveWork
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused
from tests.simulator.clouds.live_types import server_events

START = {"model": "gpt-live-1", "delegation": {"type": "responses", "responses": {"model": "m"}}}


class Bench:
    """The backend of a session, with a script for a mind."""

    def __init__(self, *replies: ChatReply, session: Mapping[str, Any] = START) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.said: list[tuple[str, bool]] = []
        self.talk = Talk([{"role": "user", "content": "Book."}])
        script = iter(replies)
        self.work = LiveWork(
            LiveStart(dict(session)), self.talk, self._emit, think=lambda: next(script), say=self._say, clock=lambda: 70
        )

    async def _emit(self, event: Mapping[str, Any]) -> None:
        self.events.append({"event_id": "e", **event})

    def _say(self, text: str, *, noted: bool = False) -> None:
        self.said.append((text, noted))

    @property
    def nested(self) -> list[str]:
        return [event["event"]["type"] for event in self.events if event["type"] == "response.event"]


async def test_words_alone_are_said_without_the_backend() -> None:
    bench = Bench(ChatReply("Hello."))
    await bench.work.answer()
    assert bench.said == [("Hello.", False)]
    assert not bench.events


async def test_calls_are_the_backends_and_wait_for_results() -> None:
    bench = Bench(ChatReply("One moment.", (ScriptedCall("book", {}, "c1"),)), ChatReply("Done."))
    await bench.work.answer()
    await bench.work.answer()
    assert bench.nested == [
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert bench.said == [("One moment.", True)]
    assert [message["role"] for message in bench.talk.messages] == ["user", "assistant", "assistant"]
    output = {"type": "function_call_output", "call_id": "c1", "output": "plain"}
    await bench.work.item({"item": output})
    await bench.work.create({})
    assert bench.said[-1] == ("Done.", False)
    assert bench.talk.messages[-1]["content"] == '"plain"'
    server_events(bench.events)


async def test_without_a_backend_there_is_nothing_to_ask() -> None:
    bench = Bench(session={"model": "gpt-live-1"})
    with pytest.raises(Refused, match="Responses delegation"):
        await bench.work.create({})
