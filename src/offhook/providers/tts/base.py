"""What a speech synthesiser must do."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from offhook.audio.formats import AudioFormat

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
    """A piece of speech: whole samples in `format`, and the words whose sound ends in it."""

    audio: bytes
    format: AudioFormat
    words: tuple[WordTime, ...]


class Synthesizer(Protocol):
    """Speaks text. One object serves all calls; safe to call concurrently."""

    name: str

    def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        """Yield speech for `text` as it becomes ready, with leading and trailing silence trimmed.

        `format` is what the leg speaks: a synthesiser that can speak it does, so that nothing need be converted;
        others speak their own. `speed` 1.0 is the voice's own pace. Yields nothing for text that has no sound.
        Raises ProviderError. Closing the iterator stops the work."""
        ...

    async def warm_up(self) -> None:
        """A call is coming: open the connections it will need. Never raises."""
        ...

    async def check(self) -> None:
        """Whether the server is there and takes the key. Raises ProviderError, not retryable for a wrong key."""
        ...

    async def close(self) -> None:
        """Stop the work and close the connections."""
        ...
