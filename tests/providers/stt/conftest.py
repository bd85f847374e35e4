"""Ears of the doubles that hear with the local models, and something for them to hear."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_16K, AudioFormat
from offhook.audio.samples import pcm_from_float
from offhook.providers.stt.whisper import WhisperRecognizer
from offhook.providers.tts.hibari import HibariSynthesizer
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.clouds.ears import EarFactory, model_ears
from tests.providers.speech import collect, samples_of, telephone

Frames = Callable[[str, AudioFormat], Awaitable[list[bytes]]]


@pytest.fixture(scope="session")
def real_ears(whisper_dir: Path, silero_path: Path) -> Iterator[EarFactory]:
    recognizer = WhisperRecognizer(whisper_dir, workers=1)
    yield model_ears(SileroVad(silero_path), recognizer)
    recognizer.close()


@pytest.fixture
def spoken(voice: HibariSynthesizer) -> Frames:
    """The frames of half a second of silence, a sentence over the telephone, and a second and a half of silence."""

    async def frames(text: str, format: AudioFormat) -> list[bytes]:  # noqa: A002
        speech = telephone(samples_of(await collect(voice, text)))
        audio = np.concatenate([np.zeros(8_000, np.float32), speech, np.zeros(24_000, np.float32)])
        pcm = pcm_from_float(audio)
        convert, size = converter(PCM_16K, format), PCM_16K.frame_bytes
        return [convert(pcm[at : at + size]) for at in range(0, len(pcm) // size * size, size)]

    return frames
