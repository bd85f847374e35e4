import pytest

from offhook.audio.formats import PCM_8K, AudioFormat, Encoding
from offhook.audio.g711 import mulaw_encode
from offhook.audio.tones import dtmf, silence
from offhook.calls.key_tones import key_tones
from offhook.errors import CallError


def test_keys_and_pauses() -> None:
    assert key_tones("1wD", PCM_8K) == dtmf("1", 8_000) + silence(500, 8_000) + dtmf("D", 8_000)


def test_keys_in_the_format_of_the_line() -> None:
    assert key_tones("5W", AudioFormat(Encoding.MULAW, 8_000)) == mulaw_encode(dtmf("5", 8_000) + silence(1_000, 8_000))


def test_what_is_no_key() -> None:
    with pytest.raises(CallError, match="no such keys: 'x'"):
        key_tones("1x", PCM_8K)
