"""Silero VAD at its native 8 kHz, one batch for all calls, through onnxruntime.

Shapes of the network (snakers4/silero-vad v6): `input` (N, 32 + 256), `state` (2, N, 128), `sr` scalar; it answers
`output` (N, 1) and `stateN` (2, N, 128). The 32 samples are the end of the chunk before.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf

from offhook.errors import ModelError
from offhook.providers.vad.base import VadState

__all__ = ["SileroState", "SileroVad"]

_CONTEXT = 32
_CHUNK = 256
_HIDDEN = (2, 128)
_RATE = np.array(8000, np.int64)


class SileroState:
    """What the network remembers of one stream: its hidden state, (2, 128), and the last 32 samples."""

    __slots__ = ("context", "hidden")

    def __init__(self) -> None:
        self.hidden = np.zeros(_HIDDEN, np.float32)
        self.context = np.zeros(_CONTEXT, np.float32)


class SileroVad:
    """Speech probability of 32 ms chunks at 8 kHz. `step` may run in any thread, one call at a time."""

    rate = 8000
    chunk_samples = _CHUNK

    def __init__(self, path: Path) -> None:
        """Load the network from `path`, the file `silero_vad.onnx`. Raises ModelError."""
        self._session = _open(path)
        self._inputs = np.zeros((0, _CONTEXT + _CHUNK), np.float32)
        self._hidden = np.zeros((2, 0, 128), np.float32)

    def new_state(self) -> SileroState:
        """State for a new stream, as after endless silence."""
        return SileroState()

    def step(self, chunks: NDArray[np.float32], states: Sequence[VadState]) -> NDArray[np.float32]:
        """Speech probabilities, shape (N,), of `chunks`, shape (N, 256), samples in -1..1 at 8 kHz.

        Updates each state. Blocks for 65 microseconds for one stream, 20 a stream for many. Raises ValueError when the
        shapes disagree.
        """
        streams = _checked(chunks, states)
        if not streams:
            return np.zeros(0, np.float32)
        self._reserve(len(streams))
        self._gather(chunks, streams)
        output, hidden = self._session.run(
            ["output", "stateN"], {"input": self._inputs, "state": self._hidden, "sr": _RATE}
        )
        _scatter(chunks, hidden, streams)
        probabilities: NDArray[np.float32] = output[:, 0]
        return probabilities

    def _reserve(self, count: int) -> None:
        # The set of calls changes seldom beside 31 steps a second, so the arrays are kept at its exact size.
        if len(self._inputs) != count:
            self._inputs = np.empty((count, _CONTEXT + _CHUNK), np.float32)
            self._hidden = np.empty((2, count, 128), np.float32)

    def _gather(self, chunks: NDArray[np.float32], states: Sequence[SileroState]) -> None:
        self._inputs[:, _CONTEXT:] = chunks
        np.stack([state.context for state in states], out=self._inputs[:, :_CONTEXT])
        np.stack([state.hidden for state in states], axis=1, out=self._hidden)


def _scatter(chunks: NDArray[np.float32], hidden: NDArray[np.float32], states: Sequence[SileroState]) -> None:
    # Rows of these two arrays become the states; nothing else writes to them afterwards.
    tails = chunks[:, -_CONTEXT:].copy()
    for index, state in enumerate(states):
        state.hidden = hidden[:, index]
        state.context = tails[index]


def _checked(chunks: NDArray[np.float32], states: Sequence[VadState]) -> list[SileroState]:
    if chunks.shape != (len(states), _CHUNK):
        raise ValueError(f"chunks of shape {chunks.shape} for {len(states)} streams of {_CHUNK} samples")
    streams = [state for state in states if isinstance(state, SileroState)]
    if len(streams) != len(states):
        raise ValueError("a state was not made by SileroVad.new_state")
    return streams


def _open(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise ModelError(f"{path} is not there", model="silero", hint="run: offhook models fetch")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidGraph, InvalidProtobuf) as error:
        hint = "delete it and run: offhook models fetch"
        raise ModelError(f"{path} is not a network", model="silero", hint=hint) from error
