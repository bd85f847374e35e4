import numpy as np
import pytest

from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.simulator.clouds.media_stream.intake import Intake, Outlet
from offhook.simulator.clouds.media_stream.wire import Sound

PCM = (8_000 * np.sin(np.arange(480) * 2 * np.pi / 16)).astype("<i2").tobytes()


def swapped(pcm: bytes) -> bytes:
    return np.frombuffer(pcm, "<i2").astype(">i2").tobytes()


def loudest(pcm: bytes) -> int:
    return int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).max())


def test_formats_of_the_lines_own_rate_pass_in_pieces_of_any_size() -> None:
    intake = Intake()
    coded = mulaw_encode(PCM)
    assert intake.take(Sound(coded[:7], "audio/x-mulaw", 8_000)) == mulaw_decode(coded[:7])
    assert intake.take(Sound(PCM[:6], "audio/x-l16", 8_000)) == PCM[:6]
    assert intake.flush() == b""


@pytest.mark.parametrize("rate", [16_000, 24_000])
def test_other_rates_come_in_whole_frames(rate: int) -> None:
    intake, frame = Intake(), rate // 50 * 2
    sound = (8_000 * np.sin(np.arange(rate // 25) * 2 * np.pi * 500 / rate)).astype("<i2").tobytes()
    assert intake.take(Sound(sound[: frame - 2], "audio/x-l16", rate)) == b""
    assert len(intake.take(Sound(sound[frame - 2 :], "audio/x-l16", rate))) == 2 * 320
    assert intake.flush() == b""
    assert intake.take(Sound(sound[:10], "audio/x-l16", rate)) == b""
    assert len(intake.flush()) == 320


def test_a_change_of_format_plays_the_rest_first() -> None:
    intake = Intake()
    intake.take(Sound(PCM[:100], "audio/x-l16", 16_000))
    assert len(intake.take(Sound(b"\xff" * 160, "audio/x-mulaw", 8_000))) == 320 + 320
    intake.take(Sound(PCM[:100], "audio/x-l16", 16_000))
    intake.drop()
    assert intake.flush() == b""


def test_bytes_the_other_way_round() -> None:
    assert Intake(big_endian=True).take(Sound(swapped(PCM), "audio/x-l16", 8_000)) == PCM
    assert Outlet("audio/x-l16;rate=8000", big_endian=True).give(PCM[:320]) == swapped(PCM[:320])
    assert Outlet("audio/x-mulaw;rate=8000", big_endian=True).give(PCM[:320]) == mulaw_encode(PCM[:320])


def test_what_a_stream_may_ask_for() -> None:
    assert Outlet("audio/x-l16;rate=8000").give(PCM[:320]) == PCM[:320]
    wide = Outlet("audio/x-l16;rate=16000")
    assert [len(wide.give(PCM[:320])) for _ in range(2)] == [640, 640]
    assert loudest(wide.give(PCM[320:640])) == pytest.approx(8_000, rel=0.05)
