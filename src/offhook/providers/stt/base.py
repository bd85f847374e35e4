"""What speech recognisers must do: those of whole utterances, and those that listen along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import AudioFormat
from offhook.errors import ProviderError
from offhook.providers.usage import Usage

__all__ = ["Recognizer", "SpeechStream", "StreamEvents", "StreamingRecognizer", "Transcript", "TurnSign"]

TurnSign = Literal["early", "resumed", "over"]
"""What a recogniser with ears for turns makes of a pause: the turn may be over, it was not, it is."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Text of a stretch of speech. `confidence` is 0 to 1; `text` is empty when there was no speech in it.

    `languages` is how likely it is each language, 0 to 1, as far as that was asked for and is known; `language` is the
    one that it was found to be, if it was looked into."""

    text: str
    confidence: float
    languages: Mapping[str, float] = field(default_factory=dict)
    language: str = ""


class Recognizer(Protocol):
    """Transcribes a stretch of audio at once. One object serves all calls; safe to call concurrently."""

    name: str

    async def transcribe(
        self, audio: NDArray[np.float32], *, language: str = "en", among: Sequence[str] = ()
    ) -> Transcript:
        """Transcribe mono float32 samples in -1..1 at 16 kHz as `language`. Raises ProviderError.

        With `among` it also tells which of these languages it is likely to be, if it can."""
        ...


class StreamEvents(Protocol):
    """What a stream tells while it listens. Called on the event loop; none of these blocks or raises."""

    def on_words(self, words: Transcript) -> None:
        """The words of the caller's current utterance so far; later ones may still change."""
        ...

    def on_turn(self, sign: TurnSign, text: str) -> None:
        """The provider's own judgement of the turn, whose words are `text`."""
        ...

    def on_usage(self, usage: Usage) -> None:
        """What was used since the last time; the last of it is told before the stream is closed, or dead."""
        ...

    def on_failed(self, error: ProviderError) -> None:
        """The stream is dead. Comes once, nothing comes after it, and it does not come after `SpeechStream.close`."""
        ...


class SpeechStream(Protocol):
    """One call's audio at a recogniser that listens along. Times are ms of the audio given to `hear`."""

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio in the format of `StreamingRecognizer.open`. Never blocks."""
        ...

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said between the two times, as soon as the provider can tell. Raises ProviderError.

        Asked again for the same onset and a later end, it tells the whole; another onset is another utterance, and no
        word is told of two. A provider that says nothing at all meanwhile has failed, which `StreamEvents` is told."""
        ...

    async def close(self) -> None:
        """The call needs it no more. Never raises."""
        ...


@runtime_checkable
class StreamingRecognizer(Protocol):
    """Opens streams at one provider. One object serves all calls."""

    name: str
    words_every_ms: int | None
    """How often its streams tell new words while somebody speaks; None if only when they are asked."""

    def open(
        self,
        format: AudioFormat,  # noqa: A002
        *,
        language: str,
        events: StreamEvents,
        among: Sequence[str] = (),
    ) -> SpeechStream:
        """Begin to listen. Returns at once: the connection is made meanwhile, and what is heard before is kept.

        With `among` the caller may speak any of these languages: whoever can writes down each as it is, and tells
        which it is likely to be; whoever cannot expects `language`."""
        ...

    async def check(self) -> None:
        """Whether the provider can be reached and takes the key. Raises ProviderError; not `retryable` for a key."""
        ...

    async def close(self) -> None:
        """Close what the streams shared."""
        ...
