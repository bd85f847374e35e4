from collections.abc import Callable

import numpy as np
import pytest

from offhook.audio.levels import dbfs
from offhook.audio.samples import pcm_samples
from offhook.audio.tones import DTMF, Region, busy, dtmf, pink_noise, ringback, silence, sine, tone, white_noise
from offhook.errors import AudioError


def strongest(pcm: bytes, rate: int, count: int) -> list[int]:
    """The `count` loudest frequencies in Hz, ascending, each to the nearest bin."""
    samples = pcm_samples(pcm)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    peaks = [at for at in range(1, spectrum.size - 1) if spectrum[at - 1] <= spectrum[at] > spectrum[at + 1]]
    loudest = sorted(peaks, key=lambda at: -spectrum[at])[:count]
    return sorted(round(at * rate / samples.size) for at in loudest)


def power(pcm: bytes, rate: int, low: float, high: float) -> float:
    samples = pcm_samples(pcm)
    spectrum = np.square(np.abs(np.fft.rfft(samples)))
    frequencies = np.fft.rfftfreq(samples.size, 1 / rate)
    return float(spectrum[(frequencies >= low) & (frequencies < high)].sum())


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_a_sine_has_its_length_pitch_and_level(rate: int) -> None:
    pcm = sine(1000, 1000, rate, dbfs=-20)
    assert len(pcm) == 2 * rate
    assert strongest(pcm, rate, 1) == [1000]
    assert dbfs(pcm) == pytest.approx(-20, abs=0.01)


def test_too_loud_a_tone_saturates() -> None:
    samples = pcm_samples(tone((440, 480), 1000, 8_000, dbfs=0))
    assert (samples.max(), samples.min()) == (32767, -32768)


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_keys_have_two_frequencies(key: str) -> None:
    assert strongest(dtmf(key, 8_000, tone_ms=1000, gap_ms=0), 8_000, 2) == list(DTMF[key])


def test_keys_of_the_recommendation() -> None:
    assert len(DTMF) == 16
    assert [DTMF[key] for key in "15#D"] == [(697, 1209), (770, 1336), (941, 1477), (941, 1633)]


def test_keys_follow_each_other_with_gaps() -> None:
    pcm = dtmf("12", 8_000, tone_ms=70, gap_ms=50)
    assert len(pcm) == 2 * 2 * 8 * 120
    assert not any(pcm[2 * 8 * 70 : 2 * 8 * 120])
    assert dtmf("", 8_000) == b""


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(AudioError, match="no such keys: 'Ex'"):
        dtmf("1xE", 8_000)


@pytest.mark.parametrize(
    ("make", "region", "frequencies", "on_ms", "off_ms"),
    [
        (ringback, Region.US, [440, 480], 2000, 4000),
        (ringback, Region.GENERIC, [425], 1000, 4000),
        (busy, Region.US, [480, 620], 500, 500),
        (busy, Region.GENERIC, [425], 500, 500),
    ],
)
def test_call_progress_tones(
    make: Callable[..., bytes], region: Region, frequencies: list[int], on_ms: int, off_ms: int
) -> None:
    pcm = make(8_000, region)
    assert len(pcm) == 16 * (on_ms + off_ms)
    assert not any(pcm[16 * on_ms :])
    heard = strongest(pcm[: 16 * on_ms], 8_000, len(frequencies))
    assert heard == pytest.approx(frequencies, abs=2)


@pytest.mark.parametrize("make", [white_noise, pink_noise])
def test_noise_has_its_level_and_seed(make: Callable[..., bytes]) -> None:
    pcm = make(1000, 8_000, dbfs=-30, seed=1)
    assert len(pcm) == 16_000
    assert dbfs(pcm) == pytest.approx(-30, abs=0.01)
    assert pcm == make(1000, 8_000, dbfs=-30, seed=1)
    assert pcm != make(1000, 8_000, dbfs=-30, seed=2)
    assert make(0, 8_000) == b""


def test_white_noise_is_white_and_pink_noise_is_pink() -> None:
    white, pink = white_noise(4000, 8_000), pink_noise(4000, 8_000)
    assert power(white, 8_000, 100, 1100) == pytest.approx(power(white, 8_000, 2000, 3000), rel=0.1)
    assert power(pink, 8_000, 200, 400) == pytest.approx(power(pink, 8_000, 1600, 3200), rel=0.2)


def test_silence() -> None:
    assert silence(20, 8_000) == bytes(320)
