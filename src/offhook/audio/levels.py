"""How loud audio is, and making it louder, softer, or start and end without a click.

Levels in dBFS compare an RMS with 32768: a full-scale square wave has 0 dBFS, a full-scale sine -3.01 dBFS.
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from offhook.audio.convert import decoder, encoder
from offhook.audio.formats import AudioFormat
from offhook.audio.samples import FULL_SCALE, pcm_bytes, pcm_samples

__all__ = ["SILENCE_DBFS", "dbfs", "fade", "gain", "peak", "rms", "trim_silence"]

SILENCE_DBFS = -120.0

_Sample = TypeVar("_Sample", np.int16, np.float32)


def rms(pcm: bytes) -> float:
    """Root mean square of pcm16, 0 to 32768; 0 for no samples."""
    samples = pcm_samples(pcm).astype(np.float32)
    return math.sqrt(float(samples @ samples) / max(1, samples.size))


def dbfs(pcm: bytes) -> float:
    """Level of pcm16 in dBFS, never under `SILENCE_DBFS`."""
    level = rms(pcm)
    return max(SILENCE_DBFS, 20 * math.log10(level / FULL_SCALE)) if level else SILENCE_DBFS


def peak(pcm: bytes) -> int:
    """The largest magnitude in pcm16, 0 to 32768."""
    samples = pcm_samples(pcm)
    return max(int(samples.max()), -int(samples.min())) if samples.size else 0


def gain(pcm: bytes, db: float) -> bytes:
    """pcm16 made louder by `db` decibels (softer where negative), saturated."""
    return pcm_bytes(pcm_samples(pcm) * np.float32(10 ** (db / 20)))


def fade(audio: bytes, audio_format: AudioFormat, *, in_ms: float = 0, out_ms: float = 0) -> bytes:
    """Audio with a straight ramp from silence over its first `in_ms` and to silence over its last `out_ms`.

    Ramps longer than the audio are as long as the audio; the first and last samples come out silent.
    """
    samples = pcm_samples(decoder(audio_format.encoding)(audio)).astype(np.float32)
    rise, fall = (min(samples.size, int(ms * audio_format.rate / 1000)) for ms in (in_ms, out_ms))
    samples[:rise] *= np.arange(rise, dtype=np.float32) / max(1, rise)
    samples[samples.size - fall :] *= np.arange(fall, dtype=np.float32)[::-1] / max(1, fall)
    return encoder(audio_format.encoding)(pcm_bytes(samples))


def trim_silence(
    samples: NDArray[_Sample], rate: int, *, threshold_db: float = -40, lead_ms: float = 20, tail_ms: float = 150
) -> NDArray[_Sample]:
    """The part of mono `samples`, shape (n,), that sounds: a view, with `lead_ms` kept before it and `tail_ms` after.

    A sample sounds where its magnitude is within `threshold_db` of the largest. Nothing but zeros gives an empty view.
    """
    magnitude = np.abs(samples.astype(np.float32))
    floor = magnitude.max(initial=0) * 10 ** (threshold_db / 20)
    sounding = np.flatnonzero((magnitude >= floor) & (magnitude > 0))
    if not sounding.size:
        return samples[:0]
    start = max(0, int(sounding[0]) - int(lead_ms * rate / 1000))
    return samples[start : int(sounding[-1]) + 1 + int(tail_ms * rate / 1000)]
