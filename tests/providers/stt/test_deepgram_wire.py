from typing import Any

import orjson
import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_16K, AudioFormat
from offhook.config import SttSettings
from offhook.errors import WireError
from offhook.providers.stt.deepgram_wire import Hearing, Results, UtteranceEnd, listen_query, read_message
from tests.providers.stt.listening import Told

# As in Deepgram's guide to interim results, shortened to one word.
RESULTS = (
    b'{"type":"Results","channel_index":[0,1],"duration":1.039875,"start":0.96,"is_final":true,"speech_final":true,'
    b'"channel":{"alternatives":[{"transcript":"Hello.","confidence":0.99,"words":[{"word":"hello","start":1.0,'
    b'"end":1.5,"confidence":0.98,"punctuated_word":"Hello."}]}]},"metadata":{"request_id":"x"},"from_finalize":false}'
)


def results(text: str, start: float, end: float, *flags: str, words: bool = True) -> Any:
    """A message, as it was read; words of equal length."""
    parts = text.split()
    length = (end - start) / max(1, len(parts))
    timed = [
        {"word": w.lower(), "punctuated_word": w, "start": start + n * length, "end": start + (n + 1) * length}
        for n, w in enumerate(parts)
    ]
    best = {"transcript": text, "confidence": 0.9, "words": timed if words else []}
    message = {"type": "Results", "start": start, "duration": end - start, "channel": {"alternatives": [best]}}
    return read_message(orjson.dumps({**message, **dict.fromkeys(flags, True)}))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def hearing(told: Told) -> Hearing:
    return Hearing(told)


@pytest.mark.parametrize(
    ("format", "encoding", "rate"),
    [(MULAW_8K, "mulaw", "8000"), (ALAW_8K, "alaw", "8000"), (PCM_16K, "linear16", "16000")],
)
def test_audio_is_asked_for_as_the_leg_has_it(format: AudioFormat, encoding: str, rate: str) -> None:  # noqa: A002
    query = dict(listen_query(SttSettings(kind="deepgram"), "nova-3", format, "en"))
    assert (query["encoding"], query["sample_rate"]) == (encoding, rate)


def test_query() -> None:
    settings = SttSettings(kind="deepgram", endpointing_ms=250, utterance_end_ms=1_500, keyterms=("Offhook", "SIP"))
    query = listen_query(settings, "nova-3", MULAW_8K, "de")
    assert {("model", "nova-3"), ("language", "de"), ("endpointing", "250"), ("utterance_end_ms", "1500")} < set(query)
    assert [value for name, value in query if name == "keyterm"] == ["Offhook", "SIP"]
    assert ("keywords", "SIP") in listen_query(settings, "nova-2-phonecall", MULAW_8K, "en")


def test_reading_results() -> None:
    message = read_message(RESULTS)
    assert isinstance(message, Results)
    assert message.segment.text == "Hello."
    word = message.segment.words[0]
    assert (word.text, word.start_ms, word.end_ms, word.confidence) == ("Hello.", 1_000, 1_500, 0.98)
    assert message.start_ms == 960
    assert message.end_ms == pytest.approx(1_999.875)
    assert (message.is_final, message.speech_final, message.from_finalize) == (True, True, False)


def test_a_transcript_without_words_is_one_word() -> None:
    words = results("Hello there.", 1.0, 2.0, words=False).segment.words
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [("Hello there.", 1_000, 2_000)]


@pytest.mark.parametrize("kind", ["SpeechStarted", "Metadata", "ConfigureSuccess", "Tomorrow"])
def test_messages_that_need_nothing(kind: str) -> None:
    assert read_message(orjson.dumps({"type": kind})) is None


def test_an_error_is_raised() -> None:
    with pytest.raises(WireError, match="SchemaError: no such thing"):
        read_message(b'{"type":"Error","variant":"SchemaError","description":"no such thing"}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'"Results"',
        b'{"type":"Results"}',
        RESULTS.replace(b'"start":0.96', b'"start":"now"'),
        RESULTS.replace(b'"start":0.96', b'"start":null'),
        RESULTS.replace(b'"duration":1.039875,', b""),
        RESULTS.replace(b'"alternatives":[', b'"alternatives":7,"x":['),
        RESULTS.replace(b'"words":[', b'"words":{},"x":['),
        RESULTS.replace(b'"words":[', b'"words":[7],"x":['),
        RESULTS.replace(b'"word":"hello",', b"").replace(b"punctuated_word", b"x"),
        RESULTS.replace(b'"end":1.5', b'"end":[]'),
        RESULTS.replace(b'"confidence":0.98', b'"confidence":"high"'),
    ],
)
def test_malformed_messages(data: bytes) -> None:
    with pytest.raises(WireError):
        read_message(data)


def test_words_are_told_as_they_grow(told: Told, hearing: Hearing) -> None:
    for message in (
        results("", 0.0, 1.0),
        results("Hello", 0.0, 2.0),
        results("Hello", 0.0, 2.5),
        results("Hello there.", 0.0, 3.0, "is_final"),
        results("Are", 3.0, 4.0),
    ):
        hearing.take(message)
    assert told.words == ["Hello", "Hello there.", "Hello there. Are"]
    assert told.turns == []


def test_a_turn_is_over_with_all_its_segments(told: Told, hearing: Hearing) -> None:
    hearing.take(results("Hello there.", 0.0, 3.0, "is_final"))
    hearing.take(results("Are you open?", 3.0, 5.0, "is_final", "speech_final"))
    assert told.turns == [("over", "Hello there. Are you open?")]
    hearing.take(results("Bye.", 9.0, 10.0, "is_final", "speech_final"))
    assert told.turns[1:] == [("over", "Bye.")]


def test_the_end_of_speech_may_come_without_words(told: Told, hearing: Hearing) -> None:
    hearing.take(results("Hello.", 0.0, 3.0, "is_final"))
    hearing.take(results("", 3.0, 3.3, "is_final", "speech_final"))
    hearing.take(results("", 3.3, 5.0, "is_final", "speech_final"))
    assert told.turns == [("over", "Hello.")]


def test_an_utterance_end_is_over_only_where_words_wait(told: Told, hearing: Hearing) -> None:
    hearing.take(UtteranceEnd())
    hearing.take(results("Hello.", 0.0, 3.0, "is_final"))
    hearing.take(read_message(b'{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.5}'))
    hearing.take(UtteranceEnd())
    assert told.turns == [("over", "Hello.")]


def test_what_we_finalized_is_no_judgement(told: Told, hearing: Hearing) -> None:
    hearing.take(results("My number is", 0.0, 3.0, "is_final", "speech_final", "from_finalize"))
    assert told.turns == []
    hearing.take(results("five.", 3.0, 5.0, "is_final", "speech_final"))
    assert told.turns == [("over", "My number is five.")]


def test_words_are_settled_when_final_segments_reach_them(hearing: Hearing) -> None:
    hearing.take(results("Hello", 0.0, 2.0))
    assert hearing.covered(2_000)
    assert not hearing.settled(2_000)
    hearing.take(results("Hello.", 0.0, 2.0, "is_final"))
    assert hearing.settled(2_000)
    assert not hearing.settled(2_001)
    assert not hearing.covered(2_001)


def test_an_answer_to_finalize_may_fall_a_little_short(hearing: Hearing) -> None:
    hearing.take(results("Hello.", 0.0, 1.9, "is_final", "from_finalize"))
    assert hearing.settled(2_000)
    assert not hearing.settled(2_200)


def test_nothing_is_settled_at_first(hearing: Hearing) -> None:
    assert not hearing.settled(100)


def test_guesses_count_only_where_nothing_better_is_known(hearing: Hearing) -> None:
    hearing.take(results("Hello", 0.0, 2.0, "is_final"))
    hearing.take(results("their", 2.0, 2.4))
    assert hearing.transcript(0, 2_000).text == "Hello"
    assert hearing.transcript(0, 2_400).text == "Hello their"


def test_a_caller_who_goes_on_after_finalize_is_heard_whole(hearing: Hearing) -> None:
    hearing.take(results("My number is", 0.0, 2.0, "is_final", "from_finalize"))
    assert hearing.transcript(500, 1_800).text == "My number is"
    hearing.take(results("five five.", 2.0, 4.0, "is_final", "from_finalize"))
    assert hearing.transcript(500, 3_900).text == "My number is five five."
    hearing.take(results("Thanks.", 6.0, 7.0, "is_final", "from_finalize"))
    assert hearing.transcript(6_100, 7_000).text == "Thanks."


@pytest.mark.parametrize(
    ("model", "among", "asked"),
    [
        ("nova-3", ("en", "es"), "multi"),
        ("nova-3-medical", ("en", "pl"), "en"),
        ("nova-2", ("en", "es"), "multi"),
        ("nova-2", ("en", "fr"), "en"),
        ("enhanced", ("en", "es"), "en"),
        ("nova-3", (), "en"),
    ],
)
def test_any_language_is_asked_for_where_the_model_knows_all_of_them(
    model: str, among: tuple[str, ...], asked: str
) -> None:
    assert dict(listen_query(SttSettings(kind="deepgram"), model, MULAW_8K, "en", among))["language"] == asked


def test_the_languages_of_words_are_told(hearing: Hearing) -> None:
    words = [
        {"word": word, "start": n, "end": n + 0.5, "confidence": 1, "language": language}
        for n, (word, language) in enumerate([("hola", "es-419"), ("quiero", "es"), ("booking", "en"), ("una", None)])
    ]
    best = {"transcript": "hola quiero booking una", "confidence": 1, "words": words, "languages": ["es", "en"]}
    message = {"type": "Results", "start": 0, "duration": 4, "channel": {"alternatives": [best]}, "is_final": True}
    hearing.take(read_message(orjson.dumps(message)))
    assert hearing.transcript(0, 4_000).languages == {"es": 0.5, "en": 0.25}
