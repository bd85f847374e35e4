import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.audio.levels import SILENCE_DBFS, dbfs, fade, gain, peak, rms, trim_silence
from offhook.audio.samples import pcm_samples
from offhook.audio.tones import sine
from offhook.errors import AudioError


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


def test_rms_and_peak() -> None:
    assert rms(pcm(3, -4, 3, -4)) == pytest.approx(12.5**0.5)
    assert peak(pcm(3, -4, 2)) == 4
    assert peak(pcm(-32768, 32767)) == 32768
    assert rms(pcm(-32768, -32768)) == 32768


def test_nothing_has_no_level() -> None:
    assert (rms(b""), peak(b""), dbfs(b"")) == (0, 0, SILENCE_DBFS)
    assert dbfs(bytes(320)) == SILENCE_DBFS


def test_dbfs_is_relative_to_a_square_wave() -> None:
    assert dbfs(pcm(-32768, -32768)) == 0
    assert dbfs(sine(1000, 100, 8_000, dbfs=-3.01)) == pytest.approx(-3.01, abs=0.01)
    assert dbfs(sine(1000, 100, 8_000, dbfs=-40)) == pytest.approx(-40, abs=0.01)


def test_gain_scales_and_saturates() -> None:
    assert gain(pcm(1000, -1000), 20) == pcm(10_000, -10_000)
    assert gain(pcm(1000, -1000), -20) == pcm(100, -100)
    assert gain(pcm(30_000, -30_000), 6) == pcm(32767, -32768)
    assert gain(pcm(123, -456), 0) == pcm(123, -456)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError):
        rms(b"abc")


def test_fade_out_is_a_straight_line_to_silence() -> None:
    faded = pcm_samples(fade(pcm(*[16_000] * 160), PCM_8K, out_ms=5))
    assert faded[:120].tolist() == [16_000] * 120
    assert faded[120:].tolist() == [400 * step for step in range(39, -1, -1)]


def test_fade_in_is_a_straight_line_from_silence() -> None:
    faded = pcm_samples(fade(pcm(*[16_000] * 320), PCM_16K, in_ms=2.5))
    assert faded[:40].tolist() == [400 * step for step in range(40)]
    assert faded[40:].tolist() == [16_000] * 280


def test_a_ramp_is_no_longer_than_the_audio() -> None:
    assert pcm_samples(fade(pcm(*[100] * 10), PCM_8K, out_ms=20)).tolist() == list(range(90, -1, -10))


@pytest.mark.parametrize("audio_format", [MULAW_8K, ALAW_8K, PCM_8K], ids=str)
def test_no_fade_changes_nothing(audio_format: AudioFormat) -> None:
    frame = bytes(range(128, 256)) + bytes(32) if audio_format.sample_bytes == 1 else pcm(*range(-80, 80))
    assert fade(frame, audio_format) == frame
    assert fade(b"", audio_format, in_ms=5, out_ms=5) == b""


def test_a_law_frame_fades_too() -> None:
    frame = mulaw_encode(pcm(*[16_000] * 160))
    faded = fade(frame, MULAW_8K, out_ms=20)
    levels = pcm_samples(mulaw_decode(faded))
    assert len(faded) == 160
    assert levels[-1] == 0
    assert (np.diff(levels) <= 0).all()


def burst() -> NDArray[np.int16]:
    """Half a second of nothing much, 100 ms of sound, half a second of nothing much; 1 kHz rate."""
    samples = np.full(1100, 3, np.int16)
    samples[500:600] = 5000
    return samples


def test_trimming_keeps_a_lead_and_a_tail() -> None:
    trimmed = trim_silence(burst(), 1_000)
    assert trimmed.size == 20 + 100 + 150
    assert trimmed[19:21].tolist() == [3, 5000]
    assert trim_silence(burst(), 1_000, lead_ms=0, tail_ms=0).tolist() == [5000] * 100


def test_trimming_is_relative_to_the_peak() -> None:
    assert trim_silence(burst(), 1_000, threshold_db=-80).size == 1100


def test_trimming_stops_at_the_ends() -> None:
    assert trim_silence(burst()[490:610], 1_000).size == 120


def test_trimming_floats() -> None:
    floats = (burst() / 32768).astype(np.float32)
    trimmed = trim_silence(floats, 1_000)
    assert trimmed.dtype == np.float32
    assert trimmed.size == 270


def test_trimming_the_loudest_negative_sample() -> None:
    assert trim_silence(np.array([0, -32768, 0], np.int16), 1_000, lead_ms=0, tail_ms=0).tolist() == [-32768]


def test_trimming_nothing_but_silence() -> None:
    assert trim_silence(np.zeros(100, np.int16), 8_000).size == 0
    assert trim_silence(np.zeros(0, np.float32), 8_000).size == 0
