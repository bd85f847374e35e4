import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K
from offhook.carriers.cutter import Cutter

SOUND = bytes(range(256)) * 5


def test_a_whole_frame_is_passed_on_as_it_is() -> None:
    frame = SOUND[:320]
    (cut,) = Cutter(PCM_8K).cut(frame)
    assert cut is frame


@pytest.mark.parametrize("size", [2, 100, 318, 322, 640, 1280])
def test_pieces_of_any_size_become_frames_and_nothing_is_lost(size: int) -> None:
    cutter = Cutter(PCM_8K)
    frames = [frame for at in range(0, len(SOUND), size) for frame in cutter.cut(SOUND[at : at + size])]
    assert frames == [SOUND[at : at + 320] for at in range(0, len(SOUND), 320)]


def test_half_a_sample_is_dropped() -> None:
    cutter = Cutter(PCM_8K)
    assert cutter.cut(SOUND[:319]) == []
    assert cutter.cut(SOUND[400:402]) == [SOUND[:318] + SOUND[400:402]]


def test_a_byte_of_mulaw_is_a_sample() -> None:
    cutter = Cutter(MULAW_8K)
    assert cutter.cut(SOUND[:159]) == []
    assert cutter.cut(SOUND[159:160]) == [SOUND[:160]]


def test_a_whole_frame_that_comes_after_a_piece_waits_for_its_turn() -> None:
    cutter = Cutter(MULAW_8K)
    cutter.cut(SOUND[:10])
    assert cutter.cut(SOUND[10:170]) == [SOUND[:160]]
