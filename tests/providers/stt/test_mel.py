import cmath
import math

import numpy as np
import pytest

from offhook.providers.stt.mel import log_mel


def hz_to_mel(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def mel_to_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def slow_mel_power(samples: list[float], frame: int) -> list[float]:
    """Mel power of one frame, written from the definition: reflected ends, direct DFT, triangles one by one."""

    def at(position: int) -> float:
        position = abs(position)
        return samples[position if position < len(samples) else 2 * len(samples) - 2 - position]

    window = [at(frame * 160 - 200 + n) * (0.5 - 0.5 * math.cos(2 * math.pi * n / 400)) for n in range(400)]
    power = [
        abs(sum(x * cmath.exp(-2j * math.pi * k * n / 400) for n, x in enumerate(window))) ** 2 for k in range(201)
    ]
    edges = [mel_to_hz(hz_to_mel(8000) * i / 81) for i in range(82)]
    bands = []
    for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for k, p in enumerate(power):
            hz = k * 40
            height = (hz - low) / (centre - low) if hz <= centre else (high - hz) / (high - centre)
            total += max(0.0, height) * 2 / (high - low) * p
        bands.append(total)
    return bands


def slow_log_mel(samples: list[float]) -> list[list[float]]:
    columns = [slow_mel_power(samples, frame) for frame in range(len(samples) // 160)]
    logs = [[math.log10(max(value, 1e-10)) for value in column] for column in columns]
    top = max(map(max, logs))
    return [[(max(value, top - 8) + 4) / 4 for value in column] for column in logs]


def test_equals_the_definition() -> None:
    rng = np.random.default_rng(3)
    audio = (0.3 * np.sin(np.arange(900) * 0.4) + rng.normal(0, 0.05, 900)).astype(np.float32)
    padded = [*audio.tolist(), *[0.0] * 380]
    np.testing.assert_allclose(log_mel(audio, 1280), np.array(slow_log_mel(padded)).T, atol=2e-3)


@pytest.mark.parametrize("length", [0, 100, 16_000, 200_000])
def test_shape_depends_on_the_window_alone(length: int) -> None:
    mel = log_mel(np.zeros(length, np.float32), 128_000)
    assert mel.shape == (80, 800)
    assert mel.dtype == np.float32
    assert mel.flags.c_contiguous


def test_a_tone_stands_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    bands = log_mel(tone, 16_000)[:, 50]
    top = hz_to_mel(8000)
    assert abs(int(bands.argmax()) + 1 - 15 / top * 81) <= 1
