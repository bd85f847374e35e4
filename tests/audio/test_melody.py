import numpy as np
import pytest

from offhook.audio.files import Wav
from offhook.audio.formats import PCM_16K
from offhook.audio.levels import dbfs, peak
from offhook.audio.melody import Melody, melody_of, own_tune
from offhook.errors import AudioError


def test_our_own_tune_is_quiet_and_made_once() -> None:
    tune = own_tune()
    assert tune is own_tune()
    assert dbfs(tune.sound) == pytest.approx(-30, abs=0.1)
    assert peak(tune.sound) < 8_000
    assert len(tune.sound) % PCM_16K.frame_bytes == 0
    assert 5_000 < PCM_16K.ms_in(len(tune.sound)) < 30_000


def test_our_own_tune_goes_on_where_it_ends() -> None:
    samples = np.frombuffer(own_tune().sound, "<i2").astype(int)
    within = np.abs(np.diff(samples)).max()
    assert abs(samples[0] - samples[-1]) <= within


def test_a_second_is_taken_over_the_end() -> None:
    melody = Melody(PCM_16K, bytes(range(256)) * 150)
    first, position = melody.second_at(0)
    second, after = melody.second_at(position)
    assert (len(first), len(second)) == (32_000, 32_000)
    assert (first + second)[: len(melody.sound)] == melody.sound
    assert second[len(melody.sound) - 32_000 :] == melody.sound[:25_600]
    assert after == 25_600


def test_what_is_shorter_than_a_second_is_repeated() -> None:
    melody = Melody(PCM_16K, b"\1\0" * 320)
    assert melody.second_at(0) == (b"\1\0" * 16_000, 0)


def test_a_file_is_mixed_and_cut_to_whole_frames() -> None:
    samples = np.full((500, 2), (100, 300), dtype=np.int16)
    melody = melody_of(Wav(8_000, 2, samples))
    assert melody.format.rate == 8_000
    assert np.frombuffer(melody.sound, "<i2").tolist() == [200] * 480


@pytest.mark.parametrize(
    ("rate", "count", "problem"),
    [(8_000, 100, "less than a frame"), (4_000, 900, "4000 Hz"), (11_025, 900, "11025 Hz")],
)
def test_a_file_that_cannot_be_played(rate: int, count: int, problem: str) -> None:
    with pytest.raises(AudioError, match=problem):
        melody_of(Wav(rate, 1, np.zeros((count, 1), dtype=np.int16)))
