import numpy as np
import pytest

from offhook.simulator.sound import as_float, as_pcm, at_level, band, edges, level_db, resampled
from tests.simulator.voices import tone


def peak_hz(samples: np.ndarray[tuple[int], np.dtype[np.float32]], rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


@pytest.mark.parametrize(("rate_in", "rate_out"), [(24_000, 8_000), (8_000, 16_000), (44_100, 8_000), (8_000, 8_000)])
def test_another_rate_is_the_same_sound(rate_in: int, rate_out: int) -> None:
    out = resampled(tone(700, 1.0, rate_in), rate_out / rate_in)
    assert len(out) == rate_out
    assert peak_hz(out, rate_out) == pytest.approx(700, abs=1)
    assert level_db(out) == pytest.approx(level_db(tone(700, 1.0, rate_in)), abs=0.1)


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    assert level_db(resampled(tone(5_000, 1.0, 24_000), 1 / 3)) < -60


def test_a_band_is_cut_out() -> None:
    mixed = tone(100, 1.0, 8_000) + tone(1_000, 1.0, 8_000)
    assert level_db(band(mixed, 8_000, 300, 3_400)) == pytest.approx(level_db(tone(1_000, 1.0, 8_000)), abs=0.1)


def test_nothing_stays_nothing() -> None:
    nothing = np.zeros(0, np.float32)
    assert len(resampled(nothing, 2.0)) == 0
    assert level_db(nothing) == -120.0
    assert not np.any(at_level(np.zeros(100, np.float32), -20))


def test_levels_are_set_and_peaks_are_held() -> None:
    assert level_db(at_level(tone(500, 1.0, 8_000), -30)) == pytest.approx(-30, abs=0.1)
    assert np.abs(at_level(tone(500, 1.0, 8_000), 6)).max() <= 1.0


def test_samples_survive_the_way_there_and_back() -> None:
    pcm = np.array([-32768, -1, 0, 1, 32767], np.int16)
    assert as_pcm(as_float(pcm)).tolist() == pcm.tolist()
    assert as_pcm(np.array([2.0, -2.0], np.float32)).tolist() == [32767, -32768]


def test_edges_are_the_first_and_last_audible_samples() -> None:
    pcm = np.array([0, 50, 200, 0, -200, 50, 0], np.int16)
    assert edges(pcm, -50) == (2, 5)
    assert edges(np.zeros(5, np.int16), -50) == (0, 0)
