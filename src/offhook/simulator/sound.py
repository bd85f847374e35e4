"""Whole stretches of sound changed at once: rate, pitch, band and level.

Calls resample frame by frame (`offhook.audio.resample`); here all of a clip is there before the call begins, so a
Fourier transform does rate, pitch and band in one pass, at any ratio and without delay.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pcm", "Samples", "as_float", "as_pcm", "at_level", "band", "edges", "level_db", "resampled"]

Samples = NDArray[np.float32]
Pcm = NDArray[np.int16]
EDGE_HZ = 200.0
QUIETEST_DB = -120.0


def resampled(samples: Samples, ratio: float, *, rate: int = 0, low: float = 0.0, high: float = 0.0) -> Samples:
    """`samples` as round(n * ratio) samples, shape (n,): the same sound at another rate, or pitched at the same rate.

    With `rate`, the rate of the result in Hz, only `low` to `high` Hz of it are kept.
    """
    size = round(len(samples) * ratio)
    if size < 2:
        return np.zeros(0, np.float32)
    spectrum = np.fft.rfft(samples)[: size // 2 + 1]
    spectrum = np.pad(spectrum, (0, size // 2 + 1 - len(spectrum)))
    if rate:
        spectrum *= _window(np.linspace(0, rate / 2, len(spectrum)), low, high)
    return (np.fft.irfft(spectrum, size) * (size / len(samples))).astype(np.float32)


def band(samples: Samples, rate: int, low: float, high: float) -> Samples:
    """Only `low` to `high` Hz of `samples`."""
    return resampled(samples, 1.0, rate=rate, low=low, high=high)


def _window(frequencies: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    rise = np.clip((frequencies - low + EDGE_HZ) / EDGE_HZ, 0, 1)
    fall = np.clip((high + EDGE_HZ - frequencies) / EDGE_HZ, 0, 1)
    return rise * fall


def level_db(samples: Samples) -> float:
    """RMS of `samples` in dB below full scale."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return max(QUIETEST_DB, 10 * float(np.log10(power))) if power else QUIETEST_DB


def at_level(samples: Samples, db: float) -> Samples:
    """`samples` with an RMS of `db` dBFS, peaks cut off at full scale."""
    gain = 10 ** ((db - level_db(samples)) / 20) if np.any(samples) else 1.0
    louder: Samples = np.clip(samples * np.float32(gain), -1.0, 1.0)
    return louder


def edges(pcm: Pcm, threshold_db: float) -> tuple[int, int]:
    """The first sample louder than `threshold_db` and the one after the last; (0, 0) where there is none."""
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 32768 * 10 ** (threshold_db / 20))
    return (int(loud[0]), int(loud[-1]) + 1) if len(loud) else (0, 0)


def as_pcm(samples: Samples) -> Pcm:
    """Signed 16-bit samples of values in -1..1."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)


def as_float(pcm: Pcm) -> Samples:
    """Values in -1..1 of signed 16-bit samples."""
    return pcm.astype(np.float32) / np.float32(32768)
