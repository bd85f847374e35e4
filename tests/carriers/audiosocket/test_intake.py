"""Packets of any length and rate become exact 20 ms frames."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.audio.convert import converter
from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat, Encoding
from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.carriers.audiosocket.intake import Intake, source_format
from offhook.carriers.audiosocket.wire import KIND_OF_RATE, RATE_OF_KIND, Audio, Kind


def tone(samples: int, amplitude: float, rate: int = 8_000) -> bytes:
    wave = (round(amplitude * math.sin(2 * math.pi * 440 * n / rate)) for n in range(samples))
    return struct.pack(f"<{samples}h", *wave)


@pytest.mark.parametrize("ms", [10, 20, 30, 40, 60])
@pytest.mark.parametrize("rate", KIND_OF_RATE)
def test_every_rate_and_packet_length_comes_out_in_frames(rate: int, ms: int) -> None:
    leg_format = AudioFormat(Encoding.PCM16, rate)
    pcm = tone(rate * 120 // 1000, 5_000, rate)
    step = rate * ms // 1000 * 2
    intake = Intake(leg_format, converter)
    packets = [Audio(KIND_OF_RATE[rate], pcm[at : at + step]) for at in range(0, len(pcm), step)]
    frames = [frame for packet in packets for frame in intake.frames(packet)]
    assert {len(frame) for frame in frames} == {leg_format.frame_bytes}
    heard = b"".join(frames)
    assert heard == pcm[: len(heard)]
    assert len(pcm) - len(heard) < leg_format.frame_bytes


def test_a_whole_frame_passes_through_uncopied() -> None:
    payload = bytes(320)
    assert Intake(PCM_8K, converter).frames(Audio(Kind.AUDIO_8K, payload))[0] is payload


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=20))
def test_no_sample_is_lost_or_made_up(lengths: list[int]) -> None:
    intake = Intake(PCM_16K, converter)
    pcm = bytes(n % 256 for n in range(2 * sum(lengths)))
    frames: list[bytes] = []
    at = 0
    for length in lengths:
        frames += intake.frames(Audio(Kind.AUDIO_16K, pcm[at : at + 2 * length]))
        at += 2 * length
    assert b"".join(frames) == pcm[: len(pcm) // 640 * 640]


@pytest.mark.parametrize("kind", [kind for kind in RATE_OF_KIND if kind is not Kind.AUDIO_8K])
def test_audio_of_another_rate_is_converted(kind: Kind) -> None:
    source = AudioFormat(Encoding.PCM16, RATE_OF_KIND[kind])
    intake = Intake(PCM_8K, converter)
    frames = [frame for _ in range(3) for frame in intake.frames(Audio(kind, source.silence))]
    assert frames == [PCM_8K.silence] * 3


def test_the_rate_may_change_in_the_middle() -> None:
    intake = Intake(PCM_16K, converter)
    packets = [Audio(Kind.AUDIO_16K, bytes(320)), Audio(Kind.AUDIO_8K, bytes(320)), Audio(Kind.AUDIO_16K, bytes(640))]
    assert [len(frame) for packet in packets for frame in intake.frames(packet)] == [640, 640]


def test_mulaw_under_the_kind_of_linear_audio_is_decoded() -> None:
    codes = mulaw_encode(tone(160, 8_000))
    assert list(Intake(PCM_8K, converter).frames(Audio(Kind.AUDIO_8K, codes))) == [mulaw_decode(codes)]


def test_mulaw_in_packets_of_30_ms_is_decoded() -> None:
    codes = mulaw_encode(tone(480, 8_000))
    intake = Intake(PCM_8K, converter)
    frames = [f for at in (0, 240) for f in intake.frames(Audio(Kind.AUDIO_8K, codes[at : at + 240]))]
    assert b"".join(frames) == mulaw_decode(codes)


@pytest.mark.parametrize("amplitude", [0, 1, 30, 1_000, 10_000, 30_000])
def test_mulaw_is_told_at_every_level(amplitude: int) -> None:
    codes = mulaw_encode(tone(160, amplitude))
    assert source_format(Audio(Kind.AUDIO_8K, codes), converter) == MULAW_8K


@pytest.mark.parametrize("amplitude", [0, 1, 30, 1_000, 10_000, 30_000])
def test_10_ms_of_linear_audio_are_not_taken_for_mulaw(amplitude: int) -> None:
    assert source_format(Audio(Kind.AUDIO_8K, tone(80, amplitude)), converter) == PCM_8K


def test_linear_audio_of_16_khz_is_never_taken_for_mulaw() -> None:
    assert source_format(Audio(Kind.AUDIO_16K, b"\xff" * 160), converter) == PCM_16K
