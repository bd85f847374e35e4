import numpy as np

from offhook.simulator.tracks import Track, stereo


def samples(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()


def test_sound_is_laid_where_it_belongs() -> None:
    track = Track()
    assert track.lay(2, samples(1, 2)) == 2
    assert track.lay(3, samples(3)) == 4
    assert track.lay(7, samples(4)) == 7
    assert track.between(0, 99).tolist() == [0, 0, 1, 2, 3, 0, 0, 4]
    assert track.between(-5, 3).tolist() == [0, 0, 1]


def test_the_shorter_side_is_made_up_with_silence() -> None:
    left, right = Track(), Track()
    left.lay(0, samples(1, 2, 3))
    right.lay(1, samples(9))
    assert stereo(left, right).tolist() == [[1, 0], [2, 9], [3, 0]]
