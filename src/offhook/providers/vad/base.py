"""What a voice activity detector must do: one step for all calls at once."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["VadModel", "VadState"]


class VadState(Protocol):
    """What the detector remembers of one audio stream between chunks."""


class VadModel(Protocol):
    """A detector that takes one chunk of each of many streams in a single step."""

    rate: int
    chunk_samples: int

    def new_state(self) -> VadState:
        """State for a new stream."""
        ...

    def step(self, chunks: NDArray[np.float32], states: Sequence[VadState]) -> NDArray[np.float32]:
        """Speech probabilities, shape (N,), of `chunks`, shape (N, chunk_samples), samples in -1..1 at `rate`.

        Updates each state. Blocks; call it in a worker thread."""
        ...
