import numpy as np
import pytest

from offhook.audio.samples import float_samples, pcm_bytes, pcm_from_float, pcm_samples
from offhook.errors import AudioError


def test_samples_are_little_endian_and_read_only() -> None:
    samples = pcm_samples(b"\x01\x00\xff\x7f\x00\x80")
    assert samples.tolist() == [1, 32767, -32768]
    assert not samples.flags.writeable


def test_floats_lie_between_minus_one_and_one() -> None:
    floats = float_samples(b"\x00\x40\x00\x80")
    assert floats.tolist() == [0.5, -1.0]
    assert floats.dtype == np.float32


def test_values_are_rounded_and_saturated() -> None:
    values = np.array([0.4, 0.6, -0.6, 32767.4, 40000, -40000], np.float32)
    assert pcm_samples(pcm_bytes(values)).tolist() == [0, 1, -1, 32767, 32767, -32768]


def test_floats_come_back_as_they_were() -> None:
    pcm = np.arange(-32768, 32768, dtype="<i2").tobytes()
    assert pcm_from_float(float_samples(pcm)) == pcm
    assert pcm_samples(pcm_from_float(np.array([1.0, -1.5]))).tolist() == [32767, -32768]


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError, match="1 bytes"):
        pcm_samples(b"\x00")
