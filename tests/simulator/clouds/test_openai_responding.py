from collections.abc import Mapping
from typing import Any

import pytest

from offhook.audio.formats import MULAW_8K, PCM_24K, AudioFormat
from offhook.simulator.clouds.openai_chat import ChatReply, ScriptedCall
from offhook.simulator.clouds.openai_entries import Entries
from offhook.simulator.clouds.openai_responding import Responding, Speaker
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.tone_voice import ToneVoice


class Sent:
    def __init__(self, format: AudioFormat = MULAW_8K) -> None:  # noqa: A002
        self.events: list[Mapping[str, Any]] = []
        self.entries = Entries()
        self.responding = Responding(
            "resp_1", self._emit, self.entries, Speaker(ToneVoice(), 1_000), format, "marin", {"mine": "1"}
        )

    async def _emit(self, event: Mapping[str, Any]) -> None:
        self.events.append(event)
        if self.responding.stopped == "" and len(self.events) == self.stop_after:
            self.responding.stopped = "client_cancelled"

    stop_after = -1


@pytest.mark.parametrize("format", [MULAW_8K, PCM_24K])
async def test_its_audio_is_as_long_as_its_words(format: AudioFormat) -> None:  # noqa: A002
    sent = Sent(format)
    await sent.responding.give(ChatReply("One two"))
    (entry,) = sent.responding.output
    assert entry.audio_ms == pytest.approx(320, abs=20)
    assert [(word.start, word.end) for word in entry.words] == [(0, 3), (4, 7)]
    assert (entry.text, entry.item["status"]) == ("One two", "completed")


async def test_it_stops_in_the_middle() -> None:
    sent = Sent()
    sent.stop_after = 6
    await sent.responding.give(ChatReply("One two three four", (ScriptedCall("never"),)))
    await sent.responding.end({})
    response = sent.events[-1]["response"]
    assert (response["status"], response["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    assert (len(response["output"]), response["output"][0]["status"]) == (1, "incomplete")
    assert "One two three four".startswith(sent.responding.output[0].text)
    assert sent.responding.audio_ms < 400


async def test_what_is_wanted_of_it_is_in_all_that_is_told_of_it() -> None:
    sent = Sent()
    await sent.responding.begin()
    await sent.responding.give(ChatReply(fault=Refuse(429, "No.", "error", "insufficient_quota")))
    await sent.responding.end({"total_tokens": 3})
    begun, ended = (event["response"] for event in sent.events)
    assert (begun["status"], begun["metadata"], begun["usage"]) == ("in_progress", {"mine": "1"}, None)
    assert (ended["status"], ended["metadata"], ended["usage"]) == ("failed", {"mine": "1"}, {"total_tokens": 3})
    assert ended["status_details"]["error"]["code"] == "insufficient_quota"


async def test_a_reply_without_words_has_no_item() -> None:
    sent = Sent()
    await sent.responding.give(ChatReply("  "))
    assert (sent.events, list(sent.entries)) == ([], [])
