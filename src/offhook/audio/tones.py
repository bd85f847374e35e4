"""Sounds made by arithmetic: sines, keys, call progress tones and noise, as pcm16.

Key frequencies are those of ITU-T Q.23; call progress tones are the North American precise tones (ATIS-0600401) and
the 425 Hz tones that ITU-T E.180 recommends and most of Europe uses. Levels are dBFS as in `levels`.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from offhook.audio.samples import pcm_from_float
from offhook.errors import AudioError

__all__ = ["DTMF", "Region", "busy", "dtmf", "pink_noise", "ringback", "silence", "sine", "tone", "white_noise"]

_LOW_GROUP = (697, 770, 852, 941)
_HIGH_GROUP = (1209, 1336, 1477, 1633)
DTMF = {
    key: (low, high)
    for low, keys in zip(_LOW_GROUP, ("123A", "456B", "789C", "*0#D"), strict=True)
    for high, key in zip(_HIGH_GROUP, keys, strict=True)
}
"""The two frequencies in Hz of each key."""


class Region(StrEnum):
    """Whose call progress tones: North America's, or the 425 Hz that ITU-T E.180 recommends."""

    US = "us"
    GENERIC = "generic"


_RINGBACK = {Region.US: ((440, 480), 2000, 4000), Region.GENERIC: ((425,), 1000, 4000)}
_BUSY = {Region.US: ((480, 620), 500, 500), Region.GENERIC: ((425,), 500, 500)}


def _count(ms: float, rate: int) -> int:
    return round(ms * rate / 1000)


def silence(ms: float, rate: int) -> bytes:
    """`ms` milliseconds of digital silence."""
    return bytes(2 * _count(ms, rate))


def tone(frequencies: Sequence[float], ms: float, rate: int, *, dbfs: float = -15) -> bytes:
    """Sines sounding together, each at `dbfs`, from phase zero; saturated where their sum is too loud."""
    instants = np.arange(_count(ms, rate)) / rate
    amplitude = np.sqrt(2) * 10 ** (dbfs / 20)
    waves = [np.sin(2 * np.pi * frequency * instants) for frequency in frequencies]
    return pcm_from_float(amplitude * np.sum(waves, axis=0))


def sine(frequency: float, ms: float, rate: int, *, dbfs: float = -15) -> bytes:
    """A sine of `frequency` Hz."""
    return tone((frequency,), ms, rate, dbfs=dbfs)


def dtmf(keys: str, rate: int, *, tone_ms: float = 100, gap_ms: float = 100, dbfs: float = -15) -> bytes:
    """Keys pressed one after another, of `0-9*#A-D`, a gap after each. Other keys raise AudioError."""
    unknown = set(keys) - DTMF.keys()
    if unknown:
        raise AudioError(f"no such keys: {''.join(sorted(unknown))!r}; there are 0-9, *, #, A-D")
    gap = silence(gap_ms, rate)
    return b"".join(tone(DTMF[key], tone_ms, rate, dbfs=dbfs) + gap for key in keys)


def _cadence(plan: tuple[Sequence[float], int, int], rate: int, dbfs: float) -> bytes:
    frequencies, on_ms, off_ms = plan
    return tone(frequencies, on_ms, rate, dbfs=dbfs) + silence(off_ms, rate)


def ringback(rate: int, region: Region = Region.US, *, dbfs: float = -22) -> bytes:
    """One period of what a caller hears while the other side rings: 2 s on, 4 s off (US); 1 s on, 4 s off."""
    return _cadence(_RINGBACK[region], rate, dbfs)


def busy(rate: int, region: Region = Region.US, *, dbfs: float = -22) -> bytes:
    """One period of the busy tone: half a second on, half a second off."""
    return _cadence(_BUSY[region], rate, dbfs)


def _levelled(noise: NDArray[np.float64], dbfs: float) -> bytes:
    level = np.sqrt(np.mean(np.square(noise))) if noise.size else 1.0
    return pcm_from_float(noise * (10 ** (dbfs / 20) / level))


def white_noise(ms: float, rate: int, *, dbfs: float = -40, seed: int = 0) -> bytes:
    """Gaussian noise of the same power in every hertz; the same for the same seed."""
    return _levelled(np.random.default_rng(seed).standard_normal(_count(ms, rate)), dbfs)


def pink_noise(ms: float, rate: int, *, dbfs: float = -40, seed: int = 0) -> bytes:
    """Gaussian noise of the same power in every octave, nearer to a room's; the same for the same seed."""
    count = _count(ms, rate)
    if count < 2:
        return silence(ms, rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    return _levelled(np.fft.irfft(spectrum, count), dbfs)
