from base64 import b64decode

import orjson
import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.errors import WireError
from offhook.providers.openai_events import Failure, append, item_id, read_event, wire_format


@pytest.mark.parametrize(
    ("given", "sent"),
    [(MULAW_8K, MULAW_8K), (ALAW_8K, ALAW_8K), (PCM_24K, PCM_24K), (PCM_8K, MULAW_8K), (PCM_16K, PCM_24K)],
)
def test_audio_is_sent_as_it_is_where_it_can_be(given: AudioFormat, sent: AudioFormat) -> None:
    assert wire_format(given) == sent


def test_appending() -> None:
    event = orjson.loads(append(b"\xff\x00"))
    assert event["type"] == "input_audio_buffer.append"
    assert b64decode(event["audio"]) == b"\xff\x00"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"type":7}'])
def test_malformed_events(data: bytes) -> None:
    with pytest.raises(WireError):
        read_event(data)


def test_an_error_that_quotes_our_session_is_the_end() -> None:
    failure = Failure.of({"error": {"code": "unknown_parameter", "message": "no", "event_id": "offhook_session"}})
    assert failure == Failure(
        "unknown_parameter: no", "unknown_parameter", fatal=True, retryable=False, quotes="offhook_session"
    )


@pytest.mark.parametrize(
    ("code", "fatal", "retryable"),
    [
        ("insufficient_quota", True, False),
        ("invalid_api_key", True, False),
        ("session_expired", True, True),
        ("rate_limit_exceeded", False, True),
    ],
)
def test_errors(code: str, fatal: bool, retryable: bool) -> None:
    failure = Failure.of({"error": {"type": "x", "code": code, "message": "no"}})
    assert (failure.fatal, failure.retryable) == (fatal, retryable)


def test_an_error_without_an_error() -> None:
    with pytest.raises(WireError):
        Failure.of({"type": "error"})


@pytest.mark.parametrize("event", [{"type": "x"}, {"type": "x", "item_id": 7}, {"type": "x", "item_id": ""}])
def test_an_event_that_names_no_item(event: dict[str, object]) -> None:
    with pytest.raises(WireError, match="x without an item"):
        item_id(event)
