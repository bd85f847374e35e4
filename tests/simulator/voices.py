"""Voices without models: a word is a tone, and whoever knows the tones can write down what was said."""

from collections.abc import AsyncIterator, Sequence

import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import PCM_24K, AudioFormat
from offhook.providers.stt.base import Transcript
from offhook.providers.tts.base import SpeechChunk
from offhook.simulator.clips import Clip, sound_clip
from offhook.simulator.sound import Pcm, as_pcm

VOICE_RATE = PCM_24K.rate


def tone(hz: float, seconds: float, rate: int) -> NDArray[np.float32]:
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def clip(seconds: float, rate: int = 8_000, text: str = "hello") -> Clip:
    return sound_clip(text, tone(600, seconds, rate), rate, -22.0)


class ToneVoice:
    """A synthesizer that speaks every text as 600 Hz, 80 ms a character."""

    name = "tone"

    def __init__(self) -> None:
        self.speeds: list[float] = []

    async def warm_up(self) -> None:
        pass

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002 - as the contract names it
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        self.speeds.append(speed)
        yield SpeechChunk(as_pcm(tone(600, 0.08 * len(text) / speed, VOICE_RATE)).tobytes(), PCM_24K, ())


class ToneReader:
    """Writes down agent speech whose lines are tones of known frequencies."""

    name = "reader"

    def __init__(self, lines: dict[float, str]):
        self._lines = lines

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        return Transcript(self.read(audio, 16_000), 1.0)

    async def text(self, sound: Pcm, rate: int) -> str:
        return self.read(sound.astype(np.float32), rate)

    def read(self, audio: NDArray[np.float32], rate: int) -> str:
        spectrum = np.abs(np.fft.rfft(audio))
        loudest = np.argmax(spectrum) * rate / len(audio)
        return next((text for hz, text in self._lines.items() if abs(hz - loudest) < 40), "")
