"""What a speech recogniser of whole utterances must do."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Recognizer", "Transcript"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text of a stretch of speech. `confidence` is 0 to 1; `text` is empty when there was no speech in it."""

    text: str
    confidence: float


class Recognizer(Protocol):
    """Transcribes a stretch of audio at once. One object serves all calls; safe to call concurrently."""

    name: str

    async def transcribe(self, audio: NDArray[np.float32], *, language: str = "en") -> Transcript:
        """Transcribe mono float32 samples in -1..1 at 16 kHz. Raises ProviderError."""
        ...
