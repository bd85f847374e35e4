import math
import time
import tracemalloc
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from offhook.audio.lowpass import PASS
from offhook.audio.resample import Resampler, resample
from offhook.audio.samples import pcm_samples
from offhook.audio.tones import sine, white_noise
from offhook.errors import AudioError

REQUIRED = (8_000, 16_000, 22_050, 24_000, 48_000)
OTHERS = (12_000, 32_000, 44_100, 96_000, 192_000)
PAIRS = list(permutations(REQUIRED, 2))
ODD_PAIRS = [
    (8_000, 44_100),
    (44_100, 8_000),
    (44_100, 48_000),
    (48_000, 44_100),
    (44_100, 192_000),
    (192_000, 8_000),
    (8_000, 192_000),
    (12_000, 32_000),
    (96_000, 22_050),
]
LOUD = -6.02
AMPLITUDE = math.sqrt(2) * 10 ** (LOUD / 20)

each_pair = pytest.mark.parametrize(("src", "dst"), PAIRS + ODD_PAIRS)


def settled(src: int, dst: int, frequency: float) -> NDArray[np.float64]:
    """What becomes of a sine of amplitude 1 after the filter has filled, 0.2 s of it from 40 ms on."""
    pcm = Resampler(src, dst).process(sine(frequency, 240, src, dbfs=LOUD))
    return pcm_samples(pcm)[dst // 25 :] / 32768 / AMPLITUDE


def split(heard: NDArray[np.float64], rate: int, frequency: float) -> tuple[complex, float]:
    """The part of `heard` that has `frequency`, by least squares, and the amplitude of all that has not."""
    turn = 2 * np.pi * frequency * (np.arange(heard.size) / rate + 0.04)
    basis = np.stack([np.sin(turn), np.cos(turn)], axis=1)
    in_phase, quadrature = np.linalg.lstsq(basis, heard, rcond=None)[0]
    rest = heard - basis @ [in_phase, quadrature]
    return complex(in_phase, quadrature), amplitude(rest)


def amplitude(signal: NDArray[np.float64]) -> float:
    return float(np.sqrt(2 * np.mean(np.square(signal))))


def db(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-6))


@cache
def passed(src: int, dst: int) -> list[tuple[float, complex, float]]:
    frequencies = np.linspace(60, PASS * min(src, dst), 25)
    return [(frequency, *split(settled(src, dst, frequency), dst, frequency)) for frequency in frequencies]


@each_pair
def test_the_pass_band_is_flat(src: int, dst: int) -> None:
    assert max(abs(db(abs(gain))) for _, gain, _ in passed(src, dst)) < 0.1


@each_pair
def test_tones_leave_no_images(src: int, dst: int) -> None:
    assert max(db(rest) for _, _, rest in passed(src, dst)) < -60


@each_pair
def test_tones_between_pass_band_and_nyquist_leave_no_images(src: int, dst: int) -> None:
    low = min(src, dst)
    for frequency in np.linspace(PASS * low, 0.495 * low, 12):
        assert db(split(settled(src, dst, frequency), dst, frequency)[1]) < -60, frequency


@pytest.mark.parametrize(("src", "dst"), [(src, dst) for src, dst in PAIRS + ODD_PAIRS if src > dst])
def test_tones_above_nyquist_leave_no_aliases(src: int, dst: int) -> None:
    for frequency in np.concatenate([np.linspace(0.501, 0.6, 20) * dst, np.linspace(0.6 * dst, 0.499 * src, 20)]):
        if frequency < src / 2:
            assert db(amplitude(settled(src, dst, frequency))) < -60, frequency


@each_pair
def test_the_delay_is_short_and_the_same_at_every_frequency(src: int, dst: int) -> None:
    delay = Resampler(src, dst).delay_ms
    assert delay <= 2.5
    for frequency, gain, _ in passed(src, dst):
        late = -math.atan2(gain.imag, gain.real) / math.tau - frequency * delay / 1000
        assert abs(late - round(late)) / frequency * 1000 < 0.001, frequency


@each_pair
def test_the_delay_of_an_impulse(src: int, dst: int) -> None:
    pulse_at = np.arange(src // 25) / src - 0.01
    pulse = np.round(20000 * np.exp(-np.square(pulse_at / 0.0002))).astype("<i2").tobytes()
    stream = Resampler(src, dst)
    heard = np.square(pcm_samples(stream.process(pulse)).astype(float))
    centre_ms = float(heard @ np.arange(heard.size) / heard.sum() / dst * 1000)
    assert centre_ms - 10 == pytest.approx(stream.delay_ms, abs=0.005)
    assert centre_ms - 10 <= 2.5


@pytest.mark.parametrize(("src", "dst"), list(permutations(REQUIRED + OTHERS, 2)))
def test_every_frame_gives_exactly_one(src: int, dst: int) -> None:
    stream = Resampler(src, dst)
    for _ in range(3):
        assert len(stream.process(bytes(src // 25))) == dst // 25
    assert len(stream.process(bytes(7 * (src // 25)))) == 7 * (dst // 25)
    assert stream.process(b"") == b""


@settings(max_examples=60, deadline=None)
@given(
    rates=st.sampled_from(PAIRS + ODD_PAIRS),
    chunks=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    seed=st.integers(0, 1000),
)
def test_chunking_changes_no_bit(rates: tuple[int, int], chunks: list[int], seed: int) -> None:
    src, dst = rates
    pcm = white_noise(20 * sum(chunks), src, dbfs=-12, seed=seed)
    stream, at, heard = Resampler(src, dst), 0, b""
    for frames in chunks:
        heard += stream.process(pcm[at : at + frames * src // 25])
        at += frames * src // 25
    assert heard == Resampler(src, dst).process(pcm)


@each_pair
def test_a_constant_stays_itself(src: int, dst: int) -> None:
    pcm = np.full(src // 10, 12345, "<i2").tobytes()
    assert set(pcm_samples(Resampler(src, dst).process(pcm))[dst // 50 :].tolist()) == {12345}


@each_pair
def test_silence_stays_digital_silence(src: int, dst: int) -> None:
    assert not any(Resampler(src, dst).process(bytes(src // 5)))


@each_pair
def test_full_scale_square_waves_saturate(src: int, dst: int) -> None:
    """A band-limited square wave overshoots; it must not wrap round."""
    half = src // 200
    wave = np.where(np.arange(src // 5) // half % 2, 32767, -32768).astype("<i2")
    heard = pcm_samples(Resampler(src, dst).process(wave.tobytes()))
    assert (heard.max(), heard.min()) == (32767, -32768)
    middles = np.arange(20, 180) / 200 + 1 / 400 + Resampler(src, dst).delay_ms / 1000
    signs = np.sign(heard[np.round(middles[middles < 0.19] * dst).astype(int)])
    assert (signs[1:] == -signs[:-1]).all()


def test_floats_are_what_the_bytes_were_rounded_from() -> None:
    pcm = white_noise(400, 8_000, dbfs=-20)
    floats = Resampler(8_000, 16_000).process_float(pcm)
    assert floats.dtype == np.float32
    assert floats.shape == (6_400,)
    assert (
        np.rint(floats * 32768).astype(np.int16).tolist() == pcm_samples(Resampler(8_000, 16_000).process(pcm)).tolist()
    )


def test_equal_rates_pass_through() -> None:
    pcm = white_noise(60, 16_000, dbfs=-3)
    stream = Resampler(16_000, 16_000)
    assert stream.process(pcm) == pcm
    assert stream.delay_ms == 0
    assert resample(pcm, 16_000, 16_000) is pcm


def test_flush_gives_the_tail_and_starts_afresh() -> None:
    frame = sine(1000, 20, 8_000, dbfs=-6)
    stream = Resampler(8_000, 16_000)
    first = stream.process(frame)
    tail = pcm_samples(stream.flush())
    assert tail.size == 320
    assert np.abs(tail[:60]).max() > 10_000
    assert not tail[80:].any()
    assert stream.process(frame) == first


def test_reset_forgets() -> None:
    stream = Resampler(24_000, 8_000)
    stream.process(white_noise(20, 24_000, dbfs=-6))
    stream.reset()
    assert not any(stream.process(bytes(960)))


@each_pair
def test_a_whole_recording_keeps_its_length_and_place(src: int, dst: int) -> None:
    count = src // 10 + 7
    at = np.arange(count) / src - 0.05
    pulse = np.round(20000 * np.exp(-np.square(at / 0.0002))).astype("<i2").tobytes()
    heard = pcm_samples(resample(pulse, src, dst)).astype(float)
    assert heard.size == round(count * dst / src)
    centre = float(np.square(heard) @ np.arange(heard.size) / np.square(heard).sum()) / dst
    assert abs(centre - 0.05) * dst < 0.55


def test_a_whole_recording_keeps_its_last_sound() -> None:
    pcm = bytes(2000) + sine(1000, 10, 8_000, dbfs=-6)
    assert np.abs(pcm_samples(resample(pcm, 8_000, 24_000))[-60:]).max() > 10_000


def test_an_empty_recording() -> None:
    assert resample(b"", 8_000, 16_000) == b""


@pytest.mark.parametrize("size", [1, 318, 322, 2])
def test_bytes_that_are_not_whole_frames_are_refused(size: int) -> None:
    stream = Resampler(8_000, 16_000)
    with pytest.raises(AudioError, match=f"{size} bytes are not whole 20 ms frames of pcm16 at 8000 Hz"):
        stream.process(bytes(size))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(AudioError, match="3 bytes"):
        resample(bytes(3), 8_000, 16_000)


@pytest.mark.parametrize(
    ("src", "dst"), [(11_025, 8_000), (8_000, 11_025), (0, 8_000), (7_950, 8_000), (8_000, 384_000)]
)
def test_rates_it_cannot_serve_are_refused(src: int, dst: int) -> None:
    with pytest.raises(AudioError, match="cannot resample"):
        Resampler(src, dst)


@pytest.mark.parametrize(("src", "dst"), PAIRS)
def test_a_stream_holds_little(src: int, dst: int) -> None:
    Resampler(src, dst).process(bytes(src // 25))
    tracemalloc.start()
    streams = [Resampler(src, dst) for _ in range(100)]
    for stream in streams:
        stream.process(bytes(src // 25))
    held = tracemalloc.get_traced_memory()[0] / 100
    tracemalloc.stop()
    assert held < 4096


@pytest.mark.parametrize(("src", "dst"), PAIRS)
def test_a_frame_costs_little(src: int, dst: int) -> None:
    """At most 25 microseconds of CPU; the least of many tries, since other work shares the machine."""
    stream, pcm = Resampler(src, dst), white_noise(20, src)

    def seconds() -> float:
        start = time.process_time()
        for _ in range(50):
            stream.process(pcm)
        return (time.process_time() - start) / 50

    assert min(seconds() for _ in range(40)) < 25e-6
