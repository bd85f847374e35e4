"""Samples as arrays, and arrays as the bytes of frames."""

import numpy as np
from numpy.typing import NDArray

from offhook.errors import AudioError

__all__ = ["FULL_SCALE", "float_samples", "pcm_bytes", "pcm_from_float", "pcm_samples"]

FULL_SCALE = 32768.0

_LOWEST = np.float32(-FULL_SCALE)
_HIGHEST = np.float32(FULL_SCALE - 1)


def pcm_samples(pcm: bytes) -> NDArray[np.int16]:
    """The samples of pcm16 bytes: a read-only view, shape (n,). Raises AudioError where they are not whole."""
    if len(pcm) % 2:
        raise AudioError(f"{len(pcm)} bytes are not whole 16-bit samples")
    return np.frombuffer(pcm, np.dtype("<i2"))


def float_samples(pcm: bytes) -> NDArray[np.float32]:
    """The samples of pcm16 bytes between -1 and 1, shape (n,)."""
    return pcm_samples(pcm) * np.float32(1 / FULL_SCALE)


def pcm_bytes(values: NDArray[np.float32]) -> bytes:
    """pcm16 of values in sample units (+-32768), rounded and saturated. Overwrites `values`."""
    np.rint(values, out=values)
    np.maximum(values, _LOWEST, out=values)
    np.minimum(values, _HIGHEST, out=values)
    return values.astype("<i2").tobytes()


def pcm_from_float(values: NDArray[np.float32] | NDArray[np.float64]) -> bytes:
    """pcm16 of values between -1 and 1, rounded and saturated."""
    return pcm_bytes((values * FULL_SCALE).astype(np.float32))
