"""The low-pass filter of every rate change: one impulse response, a function of continuous time.

Time is counted in samples of the lower of the two rates, frequency in cycles per such sample. The response keeps
everything up to `PASS` within 0.1 dB and is more than 64 dB down from `STOP` on, which is the Nyquist frequency of
the lower rate: between 8 kHz and anything else that is 0-3400 Hz kept, and no alias or image of anything above
4000 Hz. The transition band, 3400-4000 Hz there, folds onto nothing.

It is a sum of cosines over +-`REACH`, zero with a zero slope at both ends so that its spectrum falls by 18 dB an
octave for ever. Its weights solve a least-squares problem whose worst frequencies are made to count for more until
the errors are level (Lawson's algorithm). A Kaiser window of the same length needs a transition band a third
wider, because it spends as much on the pass band as on the stop band.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["PASS", "REACH", "STOP", "impulse_response"]

PASS = 0.425
STOP = 0.5
REACH = 19

_TERMS = REACH + 11
_STOP_OVER_PASS = 18.0
_ROUNDS = 12
_HIGHEST_FREQUENCY = 12.0


def _spectrum_of_terms(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fourier transforms of the cosines over +-REACH, shape (frequencies, terms)."""
    cycles = 2 * REACH * frequencies[:, None]
    harmonic = np.arange(_TERMS)
    return REACH * (np.sinc(cycles - harmonic) + np.sinc(cycles + harmonic))


def _frequencies() -> NDArray[np.float64]:
    near, far = np.linspace(STOP, 3 * STOP, 2000), np.linspace(3 * STOP, _HIGHEST_FREQUENCY, 2000)
    return np.concatenate([np.linspace(0, PASS, 700), near, far])


@cache
def _weights() -> NDArray[np.float64]:
    """The weight of each cosine. Takes some 20 ms, once in a process."""
    frequencies = _frequencies()
    wanted = np.where(frequencies <= PASS, 1.0, 0.0)
    importance = np.where(frequencies <= PASS, 1 / _STOP_OVER_PASS, 1.0)
    terms = _spectrum_of_terms(frequencies)
    # A gain of one at zero frequency fixes the constant term, and ends of zero fix the first cosine.
    constant = 1 / (2 * REACH)
    signs = (-1.0) ** np.arange(2, _TERMS)
    fixed = constant * (terms[:, 0] + terms[:, 1])
    free = terms[:, 2:] + signs * terms[:, 1:2]
    emphasis = np.ones_like(frequencies)
    solution = np.zeros(_TERMS - 2)
    for _ in range(_ROUNDS):
        scale = np.sqrt(emphasis) * importance
        solution = np.linalg.lstsq(free * scale[:, None], (wanted - fixed) * scale, rcond=None)[0]
        error = np.abs(free @ solution + fixed - wanted) * importance
        emphasis *= error / error.mean()
        emphasis = np.maximum(emphasis / emphasis.mean(), 1e-7)
    return np.concatenate([[constant, constant + signs @ solution], solution])


def impulse_response(time: NDArray[np.float64]) -> NDArray[np.float64]:
    """The response at `time` within +-REACH, in samples of the lower rate; same shape as `time`."""
    total = np.zeros_like(time)
    for harmonic, weight in enumerate(_weights()):
        total += weight * np.cos(np.pi * harmonic / REACH * time)
    return total
