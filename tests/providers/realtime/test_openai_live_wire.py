import orjson
import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K
from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.llm.base import Message, ToolCall
from offhook.providers.realtime import openai_live_wire as wire
from offhook.providers.realtime.base import Usage

SETTINGS = RealtimeSettings(kind="openai-live", model="gpt-live-1.1", voice="marin", backend_model="m")


def begun(history: tuple[Message, ...] = (), instructions: str = "") -> dict[str, object]:
    return wire.session_object(SETTINGS, instructions=instructions, tools=(), history=history, format=PCM_24K)


def test_audio_stays_as_it_is_where_the_api_takes_it() -> None:
    assert [wire.live_format(leg) for leg in (MULAW_8K, ALAW_8K, PCM_16K, PCM_24K)] == [
        MULAW_8K,
        ALAW_8K,
        PCM_16K,
        PCM_24K,
    ]
    assert wire.live_format(PCM_8K) is PCM_16K


def test_what_is_not_there_is_not_sent() -> None:
    session = begun()
    assert "instructions" not in session
    assert "input" not in session
    delegation = session["delegation"]
    assert isinstance(delegation, dict)
    assert "tool_choice" not in delegation["responses"]


def test_of_a_long_conversation_the_latest_is_told() -> None:
    history = tuple(Message("caller", f"word {number}") for number in range(200))
    items = begun(history)["input"]
    assert isinstance(items, list)
    assert len(items) == 128
    assert items[-1]["content"][0]["text"] == "word 199"
    items = begun((Message("caller", "a" * 30_000), Message("agent", "Yes.")))["input"]
    assert isinstance(items, list)
    assert [item["role"] for item in items] == ["assistant"]


def test_a_tool_without_a_result_was_cancelled() -> None:
    history = (Message("agent", "One moment.", tool_calls=(ToolCall("c1", "book", {}),)),)
    items = begun(history)["input"]
    assert isinstance(items, list)
    assert items[1]["content"][0]["text"].endswith('gave {"error":"cancelled"}')


@pytest.mark.parametrize("text", ["", "   ", "short", "word " * 1_000, "é" * 3_000, "x" * 5_000])
def test_long_texts_are_cut_and_nothing_is_lost(text: str) -> None:
    pieces = list(wire.pieces(text))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(0 < len(piece.encode()) <= 1_400 for piece in pieces)


@pytest.mark.parametrize(
    ("started", "problem"),
    [
        ({"audio": {"format": {"type": "audio/pcm", "rate": 24_000}}}, ""),
        ({"audio": {}}, ""),
        ({"audio": None}, ""),
        (None, ""),
        ({"audio": {"format": {"type": "audio/pcmu"}}}, "audio/pcmu instead of audio/pcm"),
        ({"audio": {"format": {"type": "audio/pcm", "rate": 16_000}}}, "16000 Hz instead of 24000"),
    ],
)
def test_a_session_with_other_audio_is_of_no_use(started: object, problem: str) -> None:
    found = wire.mismatch(PCM_24K, started)
    assert problem in found
    assert bool(problem) is bool(found)


@pytest.mark.parametrize(
    ("error", "fatal", "retryable"),
    [
        ({"code": "unknown_parameter", "type": "invalid_request_error"}, False, False),
        ({"code": "credit_balance_exhausted", "type": "insufficient_quota"}, True, False),
        ({"code": "rate_limit_exceeded", "type": "rate_limit_error"}, False, True),
        ({"code": "session_expired", "type": "invalid_request_error"}, True, True),
        ({"code": "x", "type": "invalid_request_error", "client_event_id": wire.START}, True, False),
        ({"type": "server_error"}, False, True),
    ],
)
def test_an_error_may_be_the_end_and_may_pass(error: dict[str, str], fatal: bool, retryable: bool) -> None:
    failure = wire.failure_of({"type": "error", "error": error})
    assert (failure.fatal, failure.retryable) == (fatal, retryable)


def test_an_error_that_says_nothing_breaks_the_protocol() -> None:
    with pytest.raises(WireError):
        wire.failure_of({"type": "error"})


def test_what_the_backend_used_shares_nothing() -> None:
    used = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 7}
    assert wire.usage_of({"usage": used}) == Usage(text_in=60, text_cached=40, text_out=7)
    assert wire.usage_of({"usage": {"input_tokens": 5}}) == Usage(text_in=5)
    assert wire.usage_of({"usage": None}) is None
    assert wire.usage_of(None) is None


def test_audio_is_base64() -> None:
    assert orjson.loads(wire.append(b"\x00\x01")) == {"type": "session.input_audio.append", "audio": "AAE="}
