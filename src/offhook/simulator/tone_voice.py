"""A voice without a model: every word is a tone, so that what was said, and when, is known to the sample."""

import re
from collections.abc import AsyncIterator

from offhook.audio.formats import PCM_24K, AudioFormat
from offhook.audio.levels import fade
from offhook.audio.tones import silence, sine
from offhook.providers.tts.base import SpeechChunk, WordTime

__all__ = ["ToneVoice"]

_LOWEST_HZ, _STEP_HZ, _STEPS = 300, 100, 12


class ToneVoice:
    """Speaks each word for `letter_ms` a letter, then pauses for `gap_ms`. Successive words differ in pitch."""

    name = "tones"

    def __init__(self, *, letter_ms: int = 40, gap_ms: int = 40):
        self.letter_ms = letter_ms
        self.gap_ms = gap_ms

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat = PCM_24K,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        """Yield a word at a time as pcm16 at 24 kHz."""
        at_ms = 0.0
        for index, match in enumerate(re.finditer(r"\S+", text)):
            length_ms = len(match[0]) * self.letter_ms / speed
            tone = sine(_LOWEST_HZ + index % _STEPS * _STEP_HZ, length_ms, PCM_24K.rate)
            audio = fade(tone, PCM_24K, in_ms=2, out_ms=2) + silence(self.gap_ms, PCM_24K.rate)
            yield SpeechChunk(audio, PCM_24K, (WordTime(match.start(), match.end(), at_ms, at_ms + length_ms),))
            at_ms += PCM_24K.ms_in(len(audio))

    async def warm_up(self) -> None:
        """Nothing to be ready for."""

    async def check(self) -> None:
        """Nothing that may be missing."""

    async def close(self) -> None:
        """Nothing to close."""
