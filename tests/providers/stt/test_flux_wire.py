from typing import Any

import orjson
import pytest

from offhook.audio.formats import MULAW_8K
from offhook.config import SttSettings
from offhook.errors import WireError
from offhook.providers.stt.flux_wire import FluxHearing, flux_query, read_turn_info
from tests.providers.stt.listening import Told

# As in Deepgram's Flux reference.
UPDATE = (
    b'{"type":"TurnInfo","request_id":"x","sequence_id":3,"event":"Update","turn_index":0,"audio_window_start":0.0,'
    b'"audio_window_end":1.5,"transcript":"Hello there","words":[{"word":"Hello","confidence":0.9},'
    b'{"word":"there","confidence":0.8}],"end_of_turn_confidence":0.1}'
)


def info(event: str, text: str, heard: float, turn: int = 0, **more: Any) -> Any:
    words = [{"word": word, "confidence": 0.9} for word in text.split()]
    message = {"type": "TurnInfo", "event": event, "turn_index": turn, "transcript": text, "audio_window_end": heard}
    return read_turn_info(orjson.dumps({**message, "words": words, **more}))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def hearing(told: Told) -> FluxHearing:
    return FluxHearing(told)


def test_query() -> None:
    settings = SttSettings(kind="deepgram", eot_threshold=0.8, eager_eot_threshold=0.5, keyterms=("Offhook",))
    assert flux_query(settings, "flux-general-en", MULAW_8K, "en") == [
        ("model", "flux-general-en"),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("eot_threshold", "0.8"),
        ("eager_eot_threshold", "0.5"),
        ("eot_timeout_ms", "5000"),
        ("keyterm", "Offhook"),
    ]
    assert ("language_hint", "es") in flux_query(settings, "flux-general-multi", MULAW_8K, "es")


def test_reading_a_turn() -> None:
    message = read_turn_info(UPDATE)
    assert message
    assert (message.event, message.turn, message.text, message.heard_ms) == ("Update", 0, "Hello there", 1_500)
    assert [(word.text, word.start_ms, word.confidence) for word in message.words] == [
        ("Hello", None, 0.9),
        ("there", None, 0.8),
    ]


@pytest.mark.parametrize("kind", ["Connected", "ConfigureSuccess", "Warning", "Tomorrow"])
def test_messages_that_need_nothing(kind: str, told: Told, hearing: FluxHearing) -> None:
    hearing.take(read_turn_info(orjson.dumps({"type": kind})))
    assert not told.words


def test_an_error_is_raised() -> None:
    with pytest.raises(WireError, match="INTERNAL_SERVER_ERROR: sorry"):
        read_turn_info(b'{"type":"Error","code":"INTERNAL_SERVER_ERROR","description":"sorry"}')


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"7",
        b'{"type":"TurnInfo"}',
        UPDATE.replace(b'"turn_index":0', b'"turn_index":"first"'),
        UPDATE.replace(b'"audio_window_end":1.5', b'"audio_window_end":null'),
        UPDATE.replace(b'"transcript":"Hello there",', b""),
        UPDATE.replace(b'"words":[', b'"words":7,"x":['),
        UPDATE.replace(b'"words":[', b'"words":[7],"x":['),
        UPDATE.replace(b'{"word":"Hello",', b"{"),
        UPDATE.replace(b'"confidence":0.9', b'"confidence":null'),
        UPDATE.replace(b'"confidence":0.9', b'"confidence":0.9,"start":"x"'),
    ],
)
def test_malformed_messages(data: bytes) -> None:
    with pytest.raises(WireError):
        read_turn_info(data)


def test_a_turn_is_told_as_it_goes(told: Told, hearing: FluxHearing) -> None:
    for message in (
        info("Update", "", 0.25),
        info("StartOfTurn", "My", 0.75),
        info("Update", "My number", 1.0),
        info("Update", "My number", 1.25),
        info("EagerEndOfTurn", "My number is", 1.5),
        info("TurnResumed", "My number is", 2.0),
        info("EndOfTurn", "My number is five.", 3.0, trigger="model"),
        info("Update", "", 3.25, turn=1),
        info("StartOfTurn", "Hello", 4.0, turn=1),
    ):
        hearing.take(message)
    assert told.words == ["My", "My number", "Hello"]
    assert told.turns == [("early", "My number is"), ("resumed", "My number is"), ("over", "My number is five.")]


def test_a_turn_that_we_ended_is_no_judgement(told: Told, hearing: FluxHearing) -> None:
    hearing.take(info("StartOfTurn", "Hello", 1.0))
    hearing.take(info("EndOfTurn", "Hello.", 1.5, trigger="manual"))
    assert told.turns == []
    assert hearing.transcript(700, 1_400).text == "Hello."


def test_a_trigger_from_the_future_is_a_judgement(told: Told, hearing: FluxHearing) -> None:
    hearing.take(info("EndOfTurn", "Hello.", 1.5, trigger="telepathy"))
    assert told.turns == [("over", "Hello.")]


def test_words_settle_a_little_after_the_end_of_speech(hearing: FluxHearing) -> None:
    hearing.take(info("Update", "Hello", 1.0))
    assert hearing.settled(840)
    assert not hearing.settled(841)
    assert hearing.covered(1_000)
    assert not hearing.covered(1_001)
    hearing.take(info("EndOfTurn", "Hello.", 1.25))
    assert hearing.settled(1_250)


def test_words_without_times_were_said_when_they_showed_up(hearing: FluxHearing) -> None:
    hearing.take(info("StartOfTurn", "Yes.", 1.0))
    hearing.take(info("Update", "Yes.", 2.0))
    assert hearing.transcript(700, 1_000).text == "Yes."
    hearing.take(info("Update", "Yes. No.", 4.0))
    assert hearing.transcript(3_700, 4_000).text == "No."


def test_words_with_times_are_where_they_say(hearing: FluxHearing) -> None:
    words = [
        {"word": "Yes.", "confidence": 0.9, "start": 0.5, "end": 0.9},
        {"word": "No.", "confidence": 0.9, "start": 3.0, "end": 3.3},
    ]
    hearing.take(info("Update", "Yes. No.", 4.0, words=words))
    assert hearing.transcript(500, 900).text == "Yes."
    assert hearing.transcript(3_000, 3_300).text == "No."


def test_words_may_be_taken_back(hearing: FluxHearing) -> None:
    hearing.take(info("Update", "I want to two", 1.0))
    hearing.take(info("Update", "I want two", 1.25))
    assert hearing.transcript(300, 1_000).text == "I want two"


def test_a_transcript_without_words_is_heard_as_well(hearing: FluxHearing) -> None:
    hearing.take(info("EndOfTurn", "Hello there.", 1.0, words=[]))
    assert hearing.transcript(500, 900).text == "Hello there."


def test_an_utterance_over_several_turns_is_heard_whole(hearing: FluxHearing) -> None:
    hearing.take(info("EndOfTurn", "My number is", 2.0))
    assert hearing.transcript(800, 1_800).text == "My number is"
    hearing.take(info("EndOfTurn", "five five.", 4.0, turn=1))
    assert hearing.transcript(800, 3_900).text == "My number is five five."


def test_a_turn_that_goes_on_over_two_utterances_tells_each_word_once(told: Told, hearing: FluxHearing) -> None:
    hearing.take(info("StartOfTurn", "Hello there.", 1.0))
    assert hearing.transcript(500, 800).text == "Hello there."
    hearing.take(info("Update", "Hello there. And now", 4.0))
    assert told.words == ["Hello there.", "And now"]
    assert hearing.transcript(3_600, 4_000).text == "And now"
    hearing.take(info("EndOfTurn", "Hello there. And now this.", 5.0))
    assert told.turns == [("over", "And now this.")]


def test_every_language_that_may_be_spoken_is_a_hint() -> None:
    settings = SttSettings(kind="deepgram")
    several = flux_query(settings, "flux-general-multi", MULAW_8K, "en", ("en", "es"))
    assert [value for name, value in several if name == "language_hint"] == ["en", "es"]
    english = flux_query(settings, "flux-general-en", MULAW_8K, "en", ("en", "es"))
    assert "language_hint" not in dict(english)


@pytest.mark.parametrize(
    ("languages", "shares"),
    [(["es"], {"es": 1.0}), (["es", "en"], {}), ([], {}), (None, {}), ("es", {}), ([7], {})],
    ids=str,
)
def test_a_turn_in_one_language_is_told_as_such(languages: Any, shares: dict[str, float], hearing: FluxHearing) -> None:
    hearing.take(info("Update", "hola buenas", 1.0, languages=languages))
    assert hearing.transcript(0, 1_000).languages == shares
