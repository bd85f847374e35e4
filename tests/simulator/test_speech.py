from collections.abc import AsyncIterator

import numpy as np
import pytest

from offhook.audio.formats import MULAW_8K, PCM_24K, AudioFormat
from offhook.audio.g711 import mulaw_encode
from offhook.providers.tts.base import SpeechChunk, WordTime
from offhook.simulator.sound import as_pcm
from offhook.simulator.speech import whole_speech
from tests.simulator.voices import ToneVoice, tone


class TwoVoices(ToneVoice):
    """Half a second of 600 Hz by telephone, then as long of 1200 Hz in full."""

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002 - as the contract names it
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        phoned = mulaw_encode(as_pcm(tone(600, 0.5, 8_000)).tobytes())
        for start in range(0, len(phoned), 999):
            yield SpeechChunk(phoned[start : start + 999], MULAW_8K, ())
        yield SpeechChunk(as_pcm(tone(1200, 0.5, 24_000)).tobytes(), PCM_24K, (WordTime(0, 2, 500, 1000),))


def loudest_hz(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 24_000 / len(samples))


async def test_all_that_is_said_becomes_one_sound() -> None:
    speech = await whole_speech(TwoVoices(), "hi")
    assert len(speech.samples) == 24_000
    assert loudest_hz(speech.samples[:12_000]) == pytest.approx(600, abs=3)
    assert loudest_hz(speech.samples[12_000:]) == pytest.approx(1200, abs=3)
    assert speech.words == (WordTime(0, 2, 500, 1000),)


async def test_nothing_to_say() -> None:
    speech = await whole_speech(ToneVoice(), "")
    assert len(speech.samples) == 0
