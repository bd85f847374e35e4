import pytest

from offhook.audio.formats import MULAW_8K
from offhook.simulator.clouds.openai_session import Wrong, check_format, check_known, decoded_audio

KNOWN = {"session": frozenset({"type", "audio"}), "session.audio": frozenset({"input"})}


@pytest.mark.parametrize("value", [{"type": "realtime"}, {"audio": None}, {"audio": {"input": {"anything": 1}}}, None])
def test_what_is_known_passes(value: object) -> None:
    check_known(value, KNOWN)


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"voice": 1}, "session.voice"),
        ({"audio": {"voice": 1}}, "session.audio.voice"),
        ({"audio": 7}, "session.audio"),
    ],
)
def test_what_is_not_known_is_named(value: object, param: str) -> None:
    with pytest.raises(Wrong) as caught:
        check_known(value, KNOWN)
    assert caught.value.error["param"] == param


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("pcm16", "invalid_type"),
        ({"type": "audio/opus"}, "invalid_type"),
        ({"type": "audio/pcm"}, "invalid_value"),
        ({"type": "audio/pcma"}, "invalid_value"),
    ],
)
def test_formats_that_cannot_be(given: object, code: str) -> None:
    with pytest.raises(Wrong) as caught:
        check_format(given, "session.x", MULAW_8K)
    assert caught.value.error["code"] == code


def test_formats_that_can_be() -> None:
    check_format({"type": "audio/pcm", "rate": 24_000}, "session.x", None)
    check_format({"type": "audio/pcmu"}, "session.x", MULAW_8K)


def test_audio() -> None:
    assert decoded_audio("AAE=") == b"\x00\x01"
    with pytest.raises(Wrong, match="base64"):
        decoded_audio("?")
