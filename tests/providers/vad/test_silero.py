from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from offhook.errors import ModelError
from offhook.providers.tts.hibari import HibariSynthesizer
from offhook.providers.vad.silero import SileroVad
from tests.providers.speech import collect, resampled, samples_of

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def vad(silero_path: Path) -> SileroVad:
    return SileroVad(silero_path)


@pytest.fixture
async def speech(voice: HibariSynthesizer) -> NDArray[np.float32]:
    audio = samples_of(await collect(voice, "I would like to book a table for four on Friday evening."))
    return resampled(audio, 24_000, 8_000, (300, 3400))


def probabilities(vad: SileroVad, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    state = vad.new_state()
    chunks = audio[: len(audio) // 256 * 256].reshape(-1, 1, 256)
    return np.concatenate([vad.step(chunk, [state]) for chunk in chunks])


def test_tells_speech_from_silence_and_noise(vad: SileroVad, speech: NDArray[np.float32]) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 16_000).astype(np.float32)
    assert np.mean(probabilities(vad, speech) > 0.5) > 0.8
    assert probabilities(vad, np.zeros(16_000, np.float32)).max() < 0.2
    assert probabilities(vad, noise).max() < 0.5


def test_batch_gives_what_single_streams_give(vad: SileroVad, speech: NDArray[np.float32]) -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, len(speech)).astype(np.float32)
    streams = [speech, np.roll(speech, 1000), noise, speech * 0.1 + noise]
    single = np.stack([probabilities(vad, stream) for stream in streams], axis=1)
    states = [vad.new_state() for _ in streams]
    steps = len(speech) // 256
    batch = np.stack([vad.step(np.stack([s[i * 256 : i * 256 + 256] for s in streams]), states) for i in range(steps)])
    np.testing.assert_allclose(batch, single, atol=1e-4)


def test_streams_may_come_and_go(vad: SileroVad, speech: NDArray[np.float32]) -> None:
    alone = probabilities(vad, speech)
    state = vad.new_state()
    mixed = []
    for index, chunk in enumerate(speech[: len(speech) // 256 * 256].reshape(-1, 256)):
        others = [vad.new_state() for _ in range(index % 3)]
        chunks = np.stack([*(chunk for _ in others), chunk])
        mixed.append(vad.step(chunks, [*others, state])[-1])
    np.testing.assert_allclose(mixed, alone, atol=1e-4)


def test_a_caller_may_reuse_its_array(vad: SileroVad, speech: NDArray[np.float32]) -> None:
    expected = probabilities(vad, speech)
    shared = np.empty((1, 256), np.float32)
    state = vad.new_state()
    got = []
    for chunk in speech[: len(speech) // 256 * 256].reshape(-1, 256):
        shared[0] = chunk
        got.append(vad.step(shared, [state])[0])
    np.testing.assert_array_equal(got, expected)


def test_no_streams_no_work(vad: SileroVad) -> None:
    assert vad.step(np.zeros((0, 256), np.float32), []).shape == (0,)


def test_shapes_that_disagree_are_refused(vad: SileroVad) -> None:
    with pytest.raises(ValueError, match="256 samples"):
        vad.step(np.zeros((2, 256), np.float32), [vad.new_state()])
    with pytest.raises(ValueError, match="new_state"):
        vad.step(np.zeros((1, 256), np.float32), [object()])


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="offhook models fetch"):
        SileroVad(tmp_path / "none.onnx")


def test_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match="delete it"):
        SileroVad(tmp_path / "bad.onnx")
