"""The caller's audio, kept as long as it may have to be transcribed."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from offhook.audio.convert import decoder
from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.audio.resample import Resampler
from offhook.audio.samples import float_samples
from offhook.providers.stt.base import Recognizer, Transcript

__all__ = ["Transcriber"]

_LONGEST_MS = 120_000
_TAIL_MS = 120
_RECOGNIZER_RATE = 16_000


class Transcriber:
    """Audio in, text out, for one call. Times are ms of the caller's audio."""

    def __init__(self, recognizer: Recognizer, format: AudioFormat, *, language: str, padding_ms: int):  # noqa: A002
        self._recognizer = recognizer
        self._format = format
        self._language = language
        self._padding_ms = padding_ms
        self._audio = bytearray()
        self._first_ms = 0

    def hear(self, frame: bytes, *, keep_from_ms: int | None = None) -> None:
        """Add one 20 ms frame. What lies before `keep_from_ms` (before now, if not given) is soon let go."""
        self._audio += frame
        now_ms = self._first_ms + int(self._format.ms_in(len(self._audio)))
        keep_ms = max(now_ms if keep_from_ms is None else keep_from_ms, 0) - self._padding_ms - 1_000
        keep_ms = max(keep_ms, now_ms - _LONGEST_MS)
        if keep_ms - self._first_ms >= 1_000:
            self._drop_before(keep_ms)

    def _drop_before(self, ms: int) -> None:
        frames = (ms - self._first_ms) // FRAME_MS
        del self._audio[: frames * self._format.frame_bytes]
        self._first_ms += frames * FRAME_MS

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """Transcribe from `onset_ms`, with the padding before it, to `end_ms`. Raises ProviderError."""
        first = max(0, (onset_ms - self._padding_ms - self._first_ms) // FRAME_MS)
        last = max(first, (end_ms + _TAIL_MS - self._first_ms) // FRAME_MS)
        size = self._format.frame_bytes
        pcm = bytes(self._audio[first * size : last * size])
        samples: NDArray[np.float32] = await asyncio.to_thread(_samples, pcm, self._format)
        return await self._recognizer.transcribe(samples, language=self._language)


def _samples(frames: bytes, format: AudioFormat) -> NDArray[np.float32]:  # noqa: A002
    """Whole frames as the float samples at 16 kHz that a recogniser takes."""
    pcm = decoder(format.encoding)(frames)
    if format.rate == _RECOGNIZER_RATE:
        return float_samples(pcm)
    return Resampler(format.rate, _RECOGNIZER_RATE).process_float(pcm)
