from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.audio.convert import converter
from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.providers.stt.base import Transcript
from offhook.providers.vad.base import VadState
from offhook.simulator.clouds.ears import ModelEar, Saying, model_ears, scripted_ears
from tests.simulator.voices import tone


class LoudnessVad:
    """Takes whatever is loud for a voice."""

    rate = 8_000
    chunk_samples = 256

    def new_state(self) -> VadState:
        return object()

    def step(self, chunks: NDArray[np.float32], states: Sequence[VadState]) -> NDArray[np.float32]:
        loud: NDArray[np.float32] = (np.abs(chunks).max(axis=1) > 0.05).astype(np.float32)
        return loud


class Counting:
    """Writes down how much audio it was given."""

    name = "counting"

    def __init__(self) -> None:
        self.ms: list[int] = []

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        self.ms.append(round(len(audio) / 16))
        return Transcript(f"in {language}", 0.7)


def frames(ear: ModelEar, format: AudioFormat, *parts: tuple[float, float]) -> None:  # noqa: A002
    """Let an ear hear parts of a number of seconds and a pitch, 0 for silence."""
    encode, size = converter(AudioFormat(PCM_8K.encoding, format.rate), format), format.rate // 50
    for seconds, hz in parts:
        sound = tone(hz, seconds, format.rate) if hz else np.zeros(round(seconds * format.rate), np.float32)
        pcm = (sound * 32_767).astype("<i2").tobytes()
        for at in range(0, len(pcm), 2 * size):
            ear.hear(encode(pcm[at : at + 2 * size]))


@pytest.fixture
def writer() -> Counting:
    return Counting()


@pytest.fixture
def ear(writer: Counting) -> ModelEar:
    found = model_ears(LoudnessVad(), writer)(MULAW_8K, "de")
    assert isinstance(found, ModelEar)
    return found


async def test_a_script_is_heard_as_it_goes() -> None:
    ear = scripted_ears(Saying("Hi there", 100, 170))(MULAW_8K, "en")
    voiced = []
    for _ in range(10):
        ear.hear(MULAW_8K.silence)
        voiced.append(ear.voiced)
    assert voiced == [False] * 5 + [True] * 3 + [False] * 2
    assert [(word.text, word.start_ms, word.end_ms) for word in await ear.words(0, 200, final=True)] == [
        ("Hi", 100, 120),
        ("there", 120, 170),
    ]
    assert [word.text for word in await ear.words(120, 200, final=True)] == ["there"]


async def test_what_a_script_says_later_is_not_heard_yet() -> None:
    ear = scripted_ears(Saying("Hi there", 100, 170))(MULAW_8K, "en")
    for _ in range(7):
        ear.hear(MULAW_8K.silence)
    assert [word.text for word in await ear.words(0, 200, final=True)] == ["Hi"]


@pytest.mark.parametrize("format", [MULAW_8K, PCM_8K, PCM_16K, PCM_24K])
async def test_voices_are_found_in_any_format(format: AudioFormat, writer: Counting) -> None:  # noqa: A002
    ear = ModelEar(format, LoudnessVad(), writer, "en")
    frames(ear, format, (0.5, 0), (1.0, 600))
    voiced = [ear.voiced]
    frames(ear, format, (0.5, 0))
    assert [*voiced, ear.voiced] == [True, False]
    words = await ear.words(0, 2_000, final=True)
    assert [word.text for word in words] == ["in", "en"]
    assert words[0].start_ms == pytest.approx(500, abs=40)
    assert words[-1].end_ms == pytest.approx(1_500, abs=40)
    assert words[0].confidence == 0.7


async def test_the_voice_is_transcribed_with_a_little_around_it(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (1.0, 0), (1.0, 600), (1.0, 0))
    assert [word.text for word in await ear.words(0, 3_000, final=True)] == ["in", "de"]
    assert writer.ms == [pytest.approx(1_500, abs=60)]


async def test_silence_is_not_transcribed(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (0.5, 600), (1.0, 0))
    assert await ear.words(800, 1_500, final=True) == []
    assert writer.ms == []


async def test_of_a_scrap_of_a_word_nothing_is_made(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (0.5, 600))
    assert await ear.words(0, 500, final=False) == []
    assert writer.ms == []
    frames(ear, MULAW_8K, (0.2, 0))
    assert await ear.words(0, 700, final=False) != [], "it was a short word"


async def test_guesses_are_made_once_a_second(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (0.7, 600))
    await ear.words(0, 700, final=False)
    frames(ear, MULAW_8K, (0.3, 600))
    await ear.words(0, 1_000, final=False)
    assert len(writer.ms) == 1
    frames(ear, MULAW_8K, (0.8, 600))
    await ear.words(0, 1_800, final=False)
    assert len(writer.ms) == 2


async def test_a_pause_brings_a_better_guess_which_may_be_final(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (0.7, 600))
    await ear.words(0, 700, final=False)
    frames(ear, MULAW_8K, (0.1, 600), (0.2, 0))
    await ear.words(0, 1_000, final=False)
    assert len(writer.ms) == 2
    frames(ear, MULAW_8K, (0.2, 0))
    await ear.words(0, 1_200, final=True)
    assert len(writer.ms) == 2


async def test_what_is_final_is_heard_to_its_end(ear: ModelEar, writer: Counting) -> None:
    frames(ear, MULAW_8K, (0.7, 600))
    await ear.words(0, 700, final=False)
    frames(ear, MULAW_8K, (0.1, 600))
    await ear.words(0, 800, final=True)
    assert len(writer.ms) == 2
