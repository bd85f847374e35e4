"""What a speech synthesiser must do."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["SpeechChunk", "Synthesizer", "WordTime"]


@dataclass(frozen=True, slots=True)
class WordTime:
    """A word of the text that was asked for: its characters `[start, end)` and when it sounds, in ms from the
    beginning of the whole synthesis (not of the chunk)."""

    start: int
    end: int
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of speech: mono signed 16-bit little-endian samples at the synthesiser's rate, and the words whose
    sound begins in it."""

    pcm: bytes
    words: tuple[WordTime, ...]


class Synthesizer(Protocol):
    """Speaks text. One object serves all calls; safe to call concurrently."""

    name: str
    rate: int

    def synthesize(self, text: str, *, speed: float = 1.0) -> AsyncIterator[SpeechChunk]:
        """Yield speech for `text` as it becomes ready, with leading and trailing silence trimmed.

        `speed` 1.0 is the voice's own pace. Yields nothing for text that has no sound. Raises ProviderError.
        Closing the iterator stops the work."""
        ...
