from typing import Any

import orjson
import pytest

from offhook.audio.formats import MULAW_8K, PCM_24K
from offhook.errors import WireError
from offhook.providers.stt.base import Transcript
from offhook.providers.stt.openai_realtime_wire import Items, session_update

TRANSCRIPTION = "conversation.item.input_audio_transcription."


def committed(item: str) -> dict[str, Any]:
    return {"type": "input_audio_buffer.committed", "item_id": item}


def delta(item: str, text: str) -> dict[str, Any]:
    return {"type": f"{TRANSCRIPTION}delta", "item_id": item, "delta": text}


def completed(item: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": f"{TRANSCRIPTION}completed", "item_id": item, "transcript": text, **more}


def heard(items: Items, onset_ms: int) -> str:
    items.begin(onset_ms)
    assert items.done()
    return items.transcript().text


def test_the_session_is_asked_for_in_the_shapes_of_today() -> None:
    assert orjson.loads(session_update("gpt-realtime-whisper", "de", PCM_24K, ["Offhook"])) == {
        "type": "session.update",
        "event_id": "offhook_session",
        "session": {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "gpt-realtime-whisper", "language": "de"},
                    "turn_detection": None,
                }
            },
        },
    }


def test_keywords_go_to_the_models_that_take_them() -> None:
    update = orjson.loads(session_update("gpt-live-transcribe", "en", MULAW_8K, ["Offhook"]))
    heard = update["session"]["audio"]["input"]
    assert heard["transcription"]["keywords"] == ["Offhook"]
    assert heard["format"] == {"type": "audio/pcmu"}


def test_words_come_with_the_commit() -> None:
    items = Items()
    items.commit(1_600)
    items.begin(500)
    assert not items.done()
    items.take(committed("a"), 1_600)
    assert items.take(delta("a", "Hello"), 1_700) == "Hello"
    assert items.take(delta("a", " there."), 1_700) == "Hello there."
    assert not items.done()
    items.take(completed("a", "Hello, there."), 1_700)
    assert items.done()
    assert items.transcript() == Transcript("Hello, there.", 1.0)


def test_words_before_the_commit_are_told_and_belong_to_it() -> None:
    items = Items()
    assert items.take(delta("a", " Hello"), 900) == "Hello"
    assert items.take(delta("a", " there."), 1_300) == "Hello there."
    items.commit(1_600)
    items.take(committed("a"), 1_600)
    assert items.take(delta("a", " Ok?"), 1_600) == "Hello there. Ok?"


def test_a_caller_who_goes_on_is_heard_whole() -> None:
    items = Items()
    items.commit(1_600)
    items.take(committed("a"), 1_600)
    items.take(completed("a", "My number is"), 1_700)
    assert heard(items, 500) == "My number is"
    assert items.take(delta("b", " five"), 2_400) == "My number is five"
    items.commit(3_000)
    items.take(committed("b"), 3_000)
    items.take(completed("b", "five five."), 3_100)
    assert heard(items, 500) == "My number is five five."


def test_the_next_utterance_has_its_own_words() -> None:
    items = Items()
    items.commit(1_600)
    items.take(completed("a", "Hello."), 1_700)
    assert heard(items, 500) == "Hello."
    assert items.take(delta("b", " Are you"), 4_000) == "Are you"
    items.commit(4_600)
    items.take(completed("b", "Are you open?"), 4_700)
    assert heard(items, 3_900) == "Are you open?"


def test_words_are_given_once_whatever_the_times_say() -> None:
    items = Items()
    items.commit(1_600)
    items.take(completed("a", "Hello."), 1_700)
    assert heard(items, 500) == "Hello."
    assert heard(items, 1_500) == ""


def test_commits_are_named_in_their_order() -> None:
    items = Items()
    items.commit(1_000)
    items.commit(2_000)
    items.take(committed("a"), 2_000)
    items.take(committed("b"), 2_000)
    items.take(completed("b", "second"), 2_000)
    items.take(completed("a", "first"), 2_000)
    assert heard(items, 0) == "first second"


def test_what_is_not_committed_yet() -> None:
    items = Items()
    assert items.uncommitted_ms(90) == 90
    items.commit(1_000)
    assert items.committed(1_000)
    assert not items.committed(1_001)
    assert items.uncommitted_ms(1_050) == 50


def test_an_empty_commit_has_no_words() -> None:
    items = Items()
    items.commit(1_000)
    items.nothing_committed()
    assert heard(items, 0) == ""
    items.nothing_committed()


def test_a_stretch_that_failed_fails_the_utterance() -> None:
    items = Items()
    items.commit(1_000)
    items.take(committed("a"), 1_000)
    items.take({"type": f"{TRANSCRIPTION}failed", "item_id": "a", "error": {"message": "garbled"}}, 1_000)
    items.begin(0)
    assert items.done()
    with pytest.raises(WireError, match="garbled"):
        items.transcript()


def test_confidence_is_the_mean_probability_of_the_tokens() -> None:
    items = Items()
    items.commit(1_000)
    items.take(completed("a", "Hello.", logprobs=[{"logprob": -0.1}, {"logprob": -0.3}]), 1_000)
    items.begin(0)
    assert items.transcript().confidence == pytest.approx(0.8187, abs=1e-4)


@pytest.mark.parametrize(
    "event",
    [
        committed(""),
        {"type": "input_audio_buffer.committed"},
        {"type": f"{TRANSCRIPTION}delta", "delta": "x"},
        {"type": f"{TRANSCRIPTION}completed", "transcript": "x"},
        completed("a", "x", logprobs=[7]),
        completed("a", "x", logprobs=[{"token": "x"}]),
    ],
)
def test_events_without_what_they_should_have(event: dict[str, Any]) -> None:
    items = Items()
    items.commit(1_000)
    with pytest.raises(WireError):
        items.take(event, 1_000)


@pytest.mark.parametrize("event", [committed("a"), completed("a", "x")])
def test_answers_to_commits_that_were_not_made(event: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        Items().take(event, 1_000)


@pytest.mark.parametrize("kind", ["session.updated", "conversation.item.added", "rate_limits.updated", "tomorrow"])
def test_events_that_need_nothing(kind: str) -> None:
    assert Items().take({"type": kind}, 1_000) == ""


@pytest.mark.parametrize(
    ("model", "wanted"),
    [("gpt-live-transcribe", {"languages": ["en", "es"]}), ("gpt-realtime-whisper", {})],
)
def test_no_language_is_laid_down_where_any_may_be_spoken(model: str, wanted: dict[str, Any]) -> None:
    update = orjson.loads(session_update(model, "en", MULAW_8K, [], ("en", "es")))
    assert update["session"]["audio"]["input"]["transcription"] == {"model": model, **wanted}
