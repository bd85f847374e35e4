import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, AudioFormat, Encoding
from offhook.audio.g711 import alaw_decode, mulaw_decode
from offhook.audio.levels import peak
from offhook.errors import AudioError


def test_sizes_of_a_frame() -> None:
    assert (PCM_16K.sample_bytes, PCM_16K.frame_samples, PCM_16K.frame_bytes) == (2, 320, 640)
    assert (MULAW_8K.sample_bytes, MULAW_8K.frame_samples, MULAW_8K.frame_bytes) == (1, 160, 160)
    assert AudioFormat(Encoding.PCM16, 22_050).frame_samples == 441


def test_silence_is_the_quietest_code_of_each_encoding() -> None:
    assert PCM_8K.silence == bytes(320)
    assert peak(mulaw_decode(MULAW_8K.silence)) == 0
    assert peak(alaw_decode(ALAW_8K.silence)) == 8


def test_bytes_and_milliseconds() -> None:
    assert PCM_8K.bytes_in(20) == 320
    assert PCM_8K.bytes_in(0.2) == 2
    assert PCM_8K.ms_in(320) == 20
    assert MULAW_8K.ms_in(320) == 40


def test_a_format_has_a_readable_name() -> None:
    assert str(MULAW_8K) == "mulaw 8000 Hz"


@pytest.mark.parametrize("rate", [0, -8_000, 11_025])
def test_rates_without_whole_frames_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match="whole samples in 20 ms"):
        AudioFormat(Encoding.PCM16, rate)
