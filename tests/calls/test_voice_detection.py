import asyncio
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K
from offhook.calls.voice_detection import VoiceDetection
from offhook.providers.vad.base import VadState


class Loudness:
    """A detector whose probability is the mean of its chunk; notes the size of each batch."""

    rate = 8000
    chunk_samples = 256

    def __init__(self) -> None:
        self.batches: list[int] = []

    def new_state(self) -> VadState:
        return object()

    def step(self, chunks: NDArray[np.float32], states: Sequence[VadState]) -> NDArray[np.float32]:
        assert chunks.shape == (len(states), 256)
        self.batches.append(len(states))
        mean: NDArray[np.float32] = chunks.mean(axis=1)
        return mean


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.005)


def frame(level: float) -> bytes:
    return np.full(160, level * 32768, dtype="<i2").tobytes()


async def test_chunks_of_all_streams_go_in_one_batch_with_their_times() -> None:
    model = Loudness()
    detection = VoiceDetection(model)
    heard: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}
    a = detection.open(PCM_8K, lambda p, ms: heard["a"].append((round(p, 2), ms)))
    b = detection.open(PCM_8K, lambda p, ms: heard["b"].append((round(p, 2), ms)))
    for _ in range(4):
        a.feed(frame(0.25))
        b.feed(frame(0.5))
    detection.step()
    await settle()
    assert model.batches == [2, 2]
    assert heard == {"a": [(0.25, 32), (0.25, 64)], "b": [(0.5, 32), (0.5, 64)]}
    detection.shut_down()


async def test_other_formats_are_converted_and_a_closed_stream_hears_nothing() -> None:
    model = Loudness()
    detection = VoiceDetection(model)
    heard: list[int] = []
    streams = [detection.open(audio_format, lambda p, ms: heard.append(ms)) for audio_format in (MULAW_8K, PCM_16K)]
    for _ in range(2):
        streams[0].feed(MULAW_8K.silence)
        streams[1].feed(PCM_16K.silence)
    detection.step()
    detection.close(streams[1])
    await settle()
    assert heard == [32]
    detection.step()
    await settle()
    assert model.batches == [2]
    detection.shut_down()
