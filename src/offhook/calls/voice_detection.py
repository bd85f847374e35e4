"""Voice detection for all calls at once: one batch in a worker thread at each beat of the media clock."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from offhook.audio.convert import converter
from offhook.audio.formats import AudioFormat, Encoding
from offhook.providers.vad.base import VadModel, VadState

__all__ = ["VoiceDetection", "VoiceStream"]

OnVoice = Callable[[float, int], None]
_MAX_CHUNKS_PER_STEP = 4


class VoiceStream:
    """One call's audio on its way to the detector. `on_voice` gets a probability and the end of its chunk in ms."""

    def __init__(self, format: AudioFormat, model: VadModel, on_voice: OnVoice):  # noqa: A002
        self._convert = converter(format, AudioFormat(Encoding.PCM16, model.rate))
        self._size = model.chunk_samples * 2
        self._ms = model.chunk_samples * 1000 // model.rate
        self._waiting = bytearray()
        self._taken = 0
        self.state: VadState = model.new_state()
        self.on_voice = on_voice
        self.closed = False

    def feed(self, frame: bytes) -> None:
        """Add one 20 ms frame in the leg's format."""
        self._waiting += self._convert(frame)

    def take(self) -> tuple[bytes, int] | None:
        """The next whole chunk and the time of its end, if there is one."""
        if len(self._waiting) < self._size:
            return None
        chunk = bytes(self._waiting[: self._size])
        del self._waiting[: self._size]
        self._taken += 1
        return chunk, self._taken * self._ms


_Batch = list[tuple[VoiceStream, bytes, int]]


class VoiceDetection:
    """Feeds one model with the audio of every open stream; `step` belongs on the clock."""

    def __init__(self, model: VadModel):
        self._model = model
        self._streams: dict[VoiceStream, None] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self.busy = False

    def open(self, format: AudioFormat, on_voice: OnVoice) -> VoiceStream:  # noqa: A002
        """A stream for a new call."""
        stream = VoiceStream(format, self._model, on_voice)
        self._streams[stream] = None
        return stream

    def close(self, stream: VoiceStream) -> None:
        """Forget a stream; nothing more is reported for it."""
        stream.closed = True
        self._streams.pop(stream, None)

    def step(self) -> None:
        """Start on all chunks that are ready, unless the last batch is still being worked on."""
        if self.busy:
            return
        batches = self._collect()
        if not batches:
            return
        self.busy = True
        future = asyncio.get_running_loop().run_in_executor(self._worker, self._run, batches)
        future.add_done_callback(self._done)

    def _collect(self) -> list[_Batch]:
        batches: list[_Batch] = []
        streams = list(self._streams)
        for _ in range(_MAX_CHUNKS_PER_STEP):
            batch = [(stream, *chunk) for stream in streams if (chunk := stream.take())]
            if not batch:
                break
            batches.append(batch)
            streams = [stream for stream, _, _ in batch]
        return batches

    def _run(self, batches: list[_Batch]) -> list[tuple[_Batch, NDArray[np.float32]]]:
        return [
            (batch, self._model.step(self._samples(batch), [stream.state for stream, _, _ in batch]))
            for batch in batches
        ]

    def _samples(self, batch: _Batch) -> NDArray[np.float32]:
        pcm = np.frombuffer(b"".join(chunk for _, chunk, _ in batch), dtype="<i2")
        return (pcm.astype(np.float32) * np.float32(1 / 32768)).reshape(len(batch), -1)

    def _done(self, future: "asyncio.Future[list[tuple[_Batch, NDArray[np.float32]]]]") -> None:
        self.busy = False
        if future.cancelled():
            return
        for batch, probabilities in future.result():
            for (stream, _, end_ms), probability in zip(batch, probabilities.tolist(), strict=True):
                if not stream.closed:
                    stream.on_voice(probability, end_ms)

    def shut_down(self) -> None:
        """Stop the worker."""
        self._worker.shutdown(wait=False, cancel_futures=True)
