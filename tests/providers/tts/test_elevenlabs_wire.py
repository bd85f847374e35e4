import base64
import json
from typing import Any

import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.errors import WireError
from offhook.providers.tts.base import WordTime
from offhook.providers.tts.elevenlabs_wire import (
    MAX_CONTEXTS,
    AlignedWords,
    Alignment,
    Contexts,
    JsonLines,
    Output,
    Trouble,
    Voice,
    format_name,
    http_output,
    nearest_format,
    socket_output,
)

TEXT = "We open by eight, on Sundays at 9."


def aligned(chars: str, *, at_ms: float = 0.0, each_ms: float = 10.0) -> Alignment:
    starts = tuple(at_ms + index * each_ms for index in range(len(chars)))
    return Alignment(tuple(chars), starts, tuple(start + each_ms for start in starts))


def shown(words: list[WordTime], text: str = TEXT) -> list[tuple[str, float, float]]:
    return [(text[word.start : word.end], word.start_ms, word.end_ms) for word in words]


@pytest.mark.parametrize(
    ("leg", "name"),
    [
        (MULAW_8K, "ulaw_8000"),
        (ALAW_8K, "alaw_8000"),
        (PCM_8K, "pcm_8000"),
        (PCM_16K, "pcm_16000"),
        (PCM_24K, "pcm_24000"),
        (AudioFormat(Encoding.PCM16, 48_000), "pcm_24000"),
        (AudioFormat(Encoding.PCM16, 12_000), "pcm_24000"),
    ],
)
def test_formats(leg: AudioFormat, name: str) -> None:
    assert format_name(nearest_format(leg)) == name


@pytest.mark.parametrize(
    ("model", "language", "told"),
    [
        ("eleven_flash_v2_5", "en-GB", {"language_code": "en"}),
        ("eleven_flash_v2_5", "", {}),
        ("eleven_flash_v2", "en", {}),
        ("eleven_multilingual_v2", "de", {}),
    ],
)
def test_the_language_is_told_to_models_that_take_it(model: str, language: str, told: dict[str, str]) -> None:
    assert Voice("v", model, language).options() == {"model_id": model, **told}


@pytest.mark.parametrize(
    ("voice", "speed", "settings"),
    [
        (Voice("v", "m"), 1.0, {}),
        (Voice("v", "m"), 3.0, {"voice_settings": {"speed": 1.2}}),
        (
            Voice("v", "m", "", 0.0, 0.7),
            0.1,
            {"voice_settings": {"stability": 0.0, "similarity_boost": 0.7, "speed": 0.7}},
        ),
    ],
)
def test_settings(voice: Voice, speed: float, settings: dict[str, Any]) -> None:
    assert voice.settings(speed) == settings


def test_a_clause_is_opened_spoken_and_closed() -> None:
    contexts = Contexts()
    name = contexts.begin()
    messages = [
        json.loads(message) for message in contexts.messages(name, " Hello. ", {"voice_settings": {"speed": 1.1}})
    ]
    assert messages == [
        {"text": " ", "context_id": name, "voice_settings": {"speed": 1.1}},
        {"text": "Hello. ", "context_id": name, "flush": True},
        {"context_id": name, "close_context": True},
    ]


def test_a_context_counts_until_the_server_lets_go_of_it() -> None:
    contexts = Contexts()
    names = [contexts.begin() for _ in range(MAX_CONTEXTS)]
    room = [contexts.room]
    for name in ("unknown", names[2]):
        contexts.ended(name)
        room.append(contexts.room)
    assert room == [False, False, True]
    assert len({*names, contexts.begin()}) == MAX_CONTEXTS + 1


AUDIO = base64.b64encode(b"\x01\x02").decode()
TIMES = {"chars": ["a", "b"], "charStartTimesMs": [0, 30], "charDurationsMs": [30, 40]}


@pytest.mark.parametrize("name", ["contextId", "context_id"])
def test_audio_of_a_socket(name: str) -> None:
    output = socket_output(json.dumps({"audio": AUDIO, "alignment": TIMES, "normalizedAlignment": None, name: "c1"}))
    assert output == Output("c1", b"\x01\x02", Alignment(("a", "b"), (0.0, 30.0), (30.0, 70.0)), final=False)


def test_the_end_of_a_context() -> None:
    assert socket_output('{"isFinal":true,"contextId":"c1"}') == Output("c1", b"", None, final=True)
    assert socket_output(b'{"audio":null,"isFinal":true,"contextId":"c1"}') == Output("c1", b"", None, final=True)


@pytest.mark.parametrize(
    ("code", "retryable"), [("max_active_conversations", True), ("invalid_api_key", False), ("quota_exceeded", False)]
)
def test_troubles_of_a_socket(code: str, retryable: bool) -> None:
    trouble = socket_output(json.dumps({"message": "No.", "error": code, "code": 1008}))
    assert trouble == Trouble("", code, "No.")
    assert trouble.retryable is retryable
    assert socket_output('{"error":"bad","contextId":"c1"}') == Trouble("c1", "bad", "bad")


@pytest.mark.parametrize(
    "data",
    [
        "{broken",
        "[1]",
        '{"audio":"no base64!"}',
        '{"audio":7}',
        '{"audio":"AA==","alignment":{"chars":["a"],"charStartTimesMs":["x"],"charDurationsMs":[1]}}',
        '{"audio":"AA==","alignment":{"chars":["a"],"charStartTimesMs":7,"charDurationsMs":[1]}}',
    ],
)
def test_what_is_no_message(data: str) -> None:
    with pytest.raises(WireError):
        socket_output(data)


@pytest.mark.parametrize("alignment", [None, {}, 7, {"chars": []}, {"chars": None}])
def test_alignment_may_be_missing(alignment: Any) -> None:
    output = socket_output(json.dumps({"audio": AUDIO, "alignment": alignment}))
    assert isinstance(output, Output)
    assert output.alignment is None


def test_a_line_with_timestamps() -> None:
    times = {"characters": ["a"], "character_start_times_seconds": [0.5], "character_end_times_seconds": [0.75]}
    line = json.dumps({"audio_base64": AUDIO, "alignment": times, "normalized_alignment": times}).encode()
    assert http_output(line) == Output("", b"\x01\x02", Alignment(("a",), (500.0,), (750.0,)), final=False)


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (b'{"detail":{"status":"voice_not_found","message":"No voice."}}', Trouble("", "voice_not_found", "No voice.")),
        (b'{"detail":"gone"}', Trouble("", "", "gone")),
        (b'{"error":{"code":"x"}}', Trouble("", "x", "failed")),
    ],
)
def test_a_line_that_tells_an_error(line: bytes, trouble: Trouble) -> None:
    assert http_output(line) == trouble


@pytest.mark.parametrize("line", [b"{", b"7", b'{"audio_base64":"!"}'])
def test_a_line_that_is_none(line: bytes) -> None:
    with pytest.raises(WireError):
        http_output(line)


@pytest.mark.parametrize("step", [1, 3, 100])
def test_lines_may_be_cut_anywhere(step: int) -> None:
    data = b'{"a":1}\n\n{"b":2}\r\n{"c":3}'
    lines = JsonLines()
    found = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert [json.loads(line) for line in [*found, *lines.end()]] == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_an_endless_line() -> None:
    lines = JsonLines()
    assert list(lines.feed(bytes(16 << 20))) == []
    with pytest.raises(WireError, match="16 MiB"):
        list(lines.feed(b"x"))


@pytest.mark.parametrize("step", [1, 3, 7, 100])
@pytest.mark.parametrize("lead", ["", " "])
def test_words_of_characters(step: int, lead: str) -> None:
    words = AlignedWords(TEXT)
    told: list[WordTime] = []
    chars = lead + TEXT
    for at in range(0, len(chars), step):
        told += words.arrived(aligned(chars[at : at + step]), at * 10.0)
    told += words.ended(len(chars) * 10.0)
    assert [word for word, _, _ in shown(told)] == TEXT.split()
    for word, start, end in shown(told):
        at = chars.index(word)
        assert (start, end) == (at * 10.0, (at + len(word)) * 10.0)


def test_words_are_told_once_they_are_complete() -> None:
    words = AlignedWords(TEXT)
    assert words.arrived(aligned("We ope")) == (WordTime(0, 2, 0.0, 20.0),)
    assert words.arrived(aligned("n b"), 60.0) == (WordTime(3, 7, 30.0, 70.0),)
    assert words.arrived(None, 90.0) == ()


def test_without_alignment_the_words_share_the_whole() -> None:
    told = shown([*AlignedWords(TEXT).ended(2_000.0)])
    assert [word for word, _, _ in told] == TEXT.split()
    assert (told[0][1], round(told[-1][2])) == (0.0, 2_000)
    assert all(end > start for _, start, end in told)


@pytest.mark.parametrize(
    "chars",
    [
        "We open by eight on Sundays at 9.",
        "we OPEN by eight, on sundays at 9.",
        "We open by eight, , on Sundays at 9.",
        "We open by eight, on Sundays at nine.",
        "We pen by eigt, on undays at 9.",
    ],
)
def test_a_text_that_came_back_a_little_different(chars: str) -> None:
    words = AlignedWords(TEXT)
    told = shown([*words.arrived(aligned(chars)), *words.ended(len(chars) * 10.0)])
    assert [word for word, _, _ in told] == TEXT.split()
    edges = [edge for _, start, end in told for edge in (start, end)]
    assert edges == sorted(edges)
    for word, start, _ in told[:4]:
        assert start == pytest.approx(TEXT.index(word) * 10.0, abs=35)


def test_a_text_that_came_back_as_another() -> None:
    words = AlignedWords(TEXT)
    told = shown([*words.arrived(aligned("xyz " * 20)), *words.ended(1_000.0)])
    assert [word for word, _, _ in told] == TEXT.split()


def test_nothing_but_space() -> None:
    words = AlignedWords(" ")
    assert words.arrived(aligned("ab")) == ()
    assert words.ended(10.0) == ()
