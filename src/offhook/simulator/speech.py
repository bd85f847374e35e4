"""A whole text as speech, made before it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from offhook.audio.convert import decoder
from offhook.audio.formats import PCM_24K
from offhook.audio.resample import resample
from offhook.providers.tts.base import SpeechChunk, Synthesizer, WordTime
from offhook.simulator.sound import Pcm

__all__ = ["Speech", "whole_speech"]


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """Sound of `text` at 24 kHz, and when its words sound."""

    text: str
    samples: Pcm
    words: tuple[WordTime, ...]
    rate: int = PCM_24K.rate


async def whole_speech(synthesizer: Synthesizer, text: str, *, speed: float = 1.0) -> Speech:
    """All that `synthesizer` says for `text`, in whatever formats it comes. Raises ProviderError."""
    chunks = [chunk async for chunk in synthesizer.synthesize(text, format=PCM_24K, speed=speed)]
    words = tuple(word for chunk in chunks for word in chunk.words)
    return Speech(text, np.frombuffer(_joined(chunks), "<i2"), words)


def _joined(chunks: Sequence[SpeechChunk]) -> bytes:
    parts = []
    for audio_format, run in groupby(chunks, key=lambda chunk: chunk.format):
        pcm = decoder(audio_format.encoding)(b"".join(chunk.audio for chunk in run))
        parts.append(resample(pcm, audio_format.rate, PCM_24K.rate))
    return b"".join(parts)
