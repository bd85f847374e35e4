import audioop
import random
import warnings
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate, pairwise

import numpy as np
import pytest

from offhook.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from offhook.audio.levels import dbfs
from offhook.audio.samples import pcm_samples
from offhook.errors import AudioError

ALL_SAMPLES = np.arange(-32768, 32768, dtype="<i2").tobytes()
ALL_CODES = bytes(range(256))

# Decision values of the positive half, from the intervals of each segment (G.711, tables 1a and 2a).
MULAW_INTERVALS = [1] + 15 * [2] + [step for segment in range(1, 8) for step in 16 * [2 << segment]]
ALAW_INTERVALS = 16 * [2] + [step for segment in range(7) for step in 16 * [2 << segment]]
MULAW_DECISIONS = list(accumulate(MULAW_INTERVALS, initial=0))
ALAW_DECISIONS = list(accumulate(ALAW_INTERVALS, initial=0))

# One period of 1 kHz at 0 dBm0 (G.711, tables 5 and 6).
ALAW_MILLIWATT = bytes.fromhex("34 21 21 34 b4 a1 a1 b4")
MULAW_MILLIWATT = bytes.fromhex("1e 0b 0b 1e 9e 8b 8b 9e")


def interval(decisions: list[int], magnitude: int) -> int:
    return min(127, bisect_right(decisions, magnitude) - 1)


def mulaw_code(sample: int) -> int:
    """14 bits; zero is a value of its own, so that the magnitude is the plain one. All bits travel inverted."""
    uniform = sample >> 2
    return (0xFF if uniform >= 0 else 0x7F) - interval(MULAW_DECISIONS, abs(uniform))


def alaw_code(sample: int) -> int:
    """13 bits; zero is a decision value, so that n stands for what lies between n and n + 1. Even bits inverted."""
    uniform = sample >> 3
    number = interval(ALAW_DECISIONS, uniform if uniform >= 0 else -uniform - 1)
    return (number | (0x80 if uniform >= 0 else 0)) ^ 0x55


def mulaw_value(code: int) -> int:
    number = 0x7F - (code & 0x7F)
    middle = [0] + [(low + high) // 2 for low, high in pairwise(MULAW_DECISIONS[1:])]
    return (1 if code & 0x80 else -1) * 4 * middle[number]


def alaw_value(code: int) -> int:
    number = (code ^ 0x55) & 0x7F
    low, high = ALAW_DECISIONS[number : number + 2]
    return (1 if code & 0x80 else -1) * 8 * (low + high) // 2


def test_decision_values_end_where_the_recommendation_ends_them() -> None:
    assert [MULAW_DECISIONS[n] for n in range(0, 129, 16)] == [0, 31, 95, 223, 479, 991, 2015, 4063, 8159]
    assert [ALAW_DECISIONS[n] for n in range(0, 129, 16)] == [0, 32, 64, 128, 256, 512, 1024, 2048, 4096]


def test_mulaw_codes_of_all_samples() -> None:
    expected = bytes(mulaw_code(sample) for sample in range(-32768, 32768))
    assert mulaw_encode(ALL_SAMPLES) == expected == audioop.lin2ulaw(ALL_SAMPLES, 2)


def test_alaw_codes_of_all_samples() -> None:
    expected = bytes(alaw_code(sample) for sample in range(-32768, 32768))
    assert alaw_encode(ALL_SAMPLES) == expected == audioop.lin2alaw(ALL_SAMPLES, 2)


def test_mulaw_values_of_all_codes() -> None:
    assert pcm_samples(mulaw_decode(ALL_CODES)).tolist() == [mulaw_value(code) for code in range(256)]
    assert mulaw_decode(ALL_CODES) == audioop.ulaw2lin(ALL_CODES, 2)


def test_alaw_values_of_all_codes() -> None:
    assert pcm_samples(alaw_decode(ALL_CODES)).tolist() == [alaw_value(code) for code in range(256)]
    assert alaw_decode(ALL_CODES) == audioop.alaw2lin(ALL_CODES, 2)


@pytest.mark.parametrize(
    ("sample", "mulaw", "alaw"),
    [(0, 0xFF, 0xD5), (32767, 0x80, 0xAA), (-32768, 0x00, 0x2A), (-1, 0x7E, 0x55), (8, 0xFE, 0xD5), (-8, 0x7E, 0x55)],
)
def test_known_codes(sample: int, mulaw: int, alaw: int) -> None:
    pcm = sample.to_bytes(2, "little", signed=True)
    assert (mulaw_encode(pcm), alaw_encode(pcm)) == (bytes([mulaw]), bytes([alaw]))


@pytest.mark.parametrize(
    ("decode", "code", "sample"),
    [
        (mulaw_decode, 0x00, -32124),
        (mulaw_decode, 0x80, 32124),
        (mulaw_decode, 0x7F, 0),
        (mulaw_decode, 0xFF, 0),
        (alaw_decode, 0x2A, -32256),
        (alaw_decode, 0xAA, 32256),
        (alaw_decode, 0x55, -8),
        (alaw_decode, 0xD5, 8),
    ],
)
def test_known_values(decode: Callable[[bytes], bytes], code: int, sample: int) -> None:
    assert pcm_samples(decode(bytes([code]))).tolist() == [sample]


def test_codes_survive_a_round_trip() -> None:
    assert alaw_encode(alaw_decode(ALL_CODES)) == ALL_CODES
    # Mu-law has two zeros; the negative one comes back as the positive one.
    assert mulaw_encode(mulaw_decode(ALL_CODES)) == ALL_CODES.replace(b"\x7f", b"\xff")


@pytest.mark.parametrize(
    ("decode", "period", "overload_dbm0"), [(mulaw_decode, MULAW_MILLIWATT, 3.17), (alaw_decode, ALAW_MILLIWATT, 3.14)]
)
def test_the_digital_milliwatt_has_its_level(
    decode: Callable[[bytes], bytes], period: bytes, overload_dbm0: float
) -> None:
    assert dbfs(decode(period * 100)) == pytest.approx(-3.01 - overload_dbm0, abs=0.08)


@pytest.mark.parametrize("encode", [mulaw_encode, alaw_encode])
def test_half_a_sample_is_refused(encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(AudioError, match="3 bytes"):
        encode(bytes(3))


def test_importing_is_silent() -> None:
    """Whoever turns warnings into errors can still import the codec."""
    import importlib
    import sys

    from offhook.audio import g711

    sys.modules.pop("audioop")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(g711)


def test_frames_of_any_length() -> None:
    pcm = random.Random(1).randbytes(2 * 317)
    assert len(mulaw_encode(pcm)) == len(alaw_encode(pcm)) == 317
    assert mulaw_encode(b"") == alaw_decode(b"") == b""
