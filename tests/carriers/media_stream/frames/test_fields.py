"""Finding what is meant in a carrier's JSON."""

import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.carriers.media_stream.frames.fields import MAX_IDENTIFIER, field, identifier, media_format, parameters
from offhook.errors import WireError

STREAM_ID = frozenset({"streamid", "streamsid"})


@pytest.mark.parametrize("key", ["streamId", "StreamID", "stream_id", "STREAM-ID", "streamSid"])
def test_a_name_is_found_in_any_spelling(key: str) -> None:
    assert field(STREAM_ID, {"other": 1, key: "s-1"}) == "s-1"


def test_the_first_place_that_has_a_value_counts() -> None:
    assert field(STREAM_ID, {"streamId": ""}, {"streamId": None}, "no object", {"streamId": "s-2"}) == "s-2"
    assert field(STREAM_ID, {"streamId": "s-1"}, {"streamId": "s-2"}) == "s-1"
    assert field(STREAM_ID, None, [], {}) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [("s-1", "s-1"), (" s-1 ", "s-1"), (17, "17"), (True, ""), (None, ""), ({}, ""), ("x" * (MAX_IDENTIFIER + 1), "")],
)
def test_an_identifier_is_short_text(value: object, expected: str) -> None:
    assert identifier(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": "1", "b": 2}, {"a": "1", "b": "2"}),
        ('{"a": "1", "b": 2}', {"a": "1", "b": "2"}),
        ("userId=12345;sessionId=abc", {"userId": "12345", "sessionId": "abc"}),
        ("userId=12345,sessionId=abc", {"userId": "12345", "sessionId": "abc"}),
        ("{}", {}),
        ("", {}),
        ("word", {}),
        ("{broken", {}),
        ({"a": {"nested": 1}, "b": "2"}, {"b": "2"}),
        (None, {}),
        ([1], {}),
    ],
)
def test_parameters_come_as_an_object_or_as_text(value: object, expected: dict[str, str]) -> None:
    assert parameters(value) == expected


@pytest.mark.parametrize(
    ("encoding", "rate", "expected"),
    [
        ("audio/x-mulaw", 8000, MULAW_8K),
        ("audio/x-mulaw", "8000", MULAW_8K),
        ("audio/x-mulaw;rate=8000", None, MULAW_8K),
        ("audio/PCMU", None, MULAW_8K),
        ("mulaw", 8000, MULAW_8K),
        ("audio/x-l16", 8000, PCM_8K),
        ("audio/x-l16; rate=16000", None, PCM_16K),
        ("AUDIO/X-L16", " 24000 ", PCM_24K),
        ("audio/x-l16", "fast", PCM_8K),
        ("audio/x-l16", True, PCM_8K),
    ],
)
def test_a_format_is_known_by_any_of_its_names(encoding: str, rate: object, expected: AudioFormat) -> None:
    assert media_format(encoding, rate, MULAW_8K) == expected


def test_a_rate_that_is_missing_is_the_one_asked_for() -> None:
    assert media_format("audio/x-l16", None, PCM_16K) == PCM_16K


@pytest.mark.parametrize("encoding", [None, "", "  ", 16, {}])
def test_a_format_may_not_be_told(encoding: object) -> None:
    assert media_format(encoding, 8000, PCM_16K) is None


@pytest.mark.parametrize(("encoding", "rate"), [("audio/opus", 48_000), ("wav", 8_000), ("audio/x-l16", 11_025)])
def test_a_format_that_nobody_speaks_is_refused(encoding: str, rate: int) -> None:
    with pytest.raises(WireError):
        media_format(encoding, rate, MULAW_8K)
