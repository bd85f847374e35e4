"""What tests of speech share: a caller's sentence as a telephone delivers it."""

import numpy as np
from numpy.typing import NDArray

from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.hibari import HibariSynthesizer

__all__ = ["collect", "resampled", "samples_of", "telephone"]

Audio = NDArray[np.float32]


async def collect(voice: HibariSynthesizer, text: str, *, speed: float = 1.0) -> list[SpeechChunk]:
    """Everything the voice says."""
    return [chunk async for chunk in voice.synthesize(text, speed=speed)]


def samples_of(chunks: list[SpeechChunk]) -> Audio:
    """Chunks as one array in -1..1."""
    pcm = b"".join(chunk.audio for chunk in chunks)
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(1 / 32768)


def resampled(audio: Audio, rate: int, target: int, band: tuple[float, float] = (0.0, np.inf)) -> Audio:
    """The whole signal at another rate, through its spectrum, keeping `band` in Hz."""
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / rate)
    spectrum[(hz < band[0]) | (hz > band[1])] = 0
    length = len(audio) * target // rate
    return (np.fft.irfft(spectrum[: length // 2 + 1], length) * (target / rate)).astype(np.float32)


def telephone(audio: Audio, rate: int = 24_000) -> Audio:
    """300 to 3400 Hz at 8 kHz, brought back to the 16 kHz of a recogniser."""
    return resampled(resampled(audio, rate, 8_000, (300, 3400)), 8_000, 16_000)
