"""One call at one recogniser: a stream that listens along, or the kept audio for one that is asked on demand."""

import asyncio
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from offhook.audio.convert import decoder
from offhook.audio.formats import AudioFormat
from offhook.audio.resample import Resampler
from offhook.audio.samples import float_samples
from offhook.calls.kept_audio import KeptAudio
from offhook.errors import ProviderError
from offhook.providers.standby import OnUsed, Watched
from offhook.providers.stt.base import Recognizer, StreamingRecognizer, Transcript, TurnSign
from offhook.providers.usage import Usage

__all__ = ["Along", "Ears", "Listener", "Listening", "OnDemand"]

Ears = Recognizer | StreamingRecognizer
_RECOGNIZER_RATE = 16_000


class Listening(Protocol):
    """One call's audio at a recogniser. Times are ms of the caller's audio."""

    watched: Watched[Ears]

    def hear(self, frame: bytes) -> None:
        """Take one 20 ms frame."""
        ...

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said between the two times. Raises ProviderError."""
        ...

    async def close(self) -> None:
        """Give it up."""
        ...


class OnDemand:
    """A recogniser of whole utterances: it is given the kept audio when it is asked."""

    def __init__(
        self,
        watched: Watched[Ears],
        recognizer: Recognizer,
        kept: KeptAudio,
        language: str,
        on_used: OnUsed,
        *,
        among: tuple[str, ...] = (),
    ):
        self.watched = watched
        self._on_used = on_used
        self._recognizer = recognizer
        self._kept = kept
        self._language = language
        self._among = among

    def hear(self, frame: bytes) -> None:
        """The audio is kept already."""

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """Transcribe the kept audio between the two times, with what lies around it. Raises ProviderError."""
        frames = self._kept.between(onset_ms, end_ms)
        self._on_used(self.watched, Usage(seconds=round(self._kept.format.ms_in(len(frames)) / 1000, 3)))
        samples = await asyncio.to_thread(_samples, frames, self._kept.format)
        return await self._recognizer.transcribe(samples, language=self._language, among=self._among)

    async def close(self) -> None:
        """Nothing is held."""


class Listener(Protocol):
    """Who is told what streams hear; `along` is the stream that tells."""

    def heard_words(self, along: "Along", words: Transcript) -> None:
        """As `StreamEvents.on_words`."""
        ...

    def judged_turn(self, along: "Along", sign: TurnSign, text: str) -> None:
        """As `StreamEvents.on_turn`."""
        ...

    def stream_failed(self, along: "Along", error: ProviderError) -> None:
        """As `StreamEvents.on_failed`."""
        ...


class Along:
    """A stream at a recogniser that listens along. `from_ms` is where it begins to listen; None for now.

    While a voice sounds, the next words come within `words_within_s`, unless that is None. `among` are the languages
    of which it may hear any."""

    def __init__(
        self,
        watched: Watched[Ears],
        recognizer: StreamingRecognizer,
        kept: KeptAudio,
        language: str,
        *,
        from_ms: int | None,
        listener: Listener,
        on_used: OnUsed,
        among: tuple[str, ...] = (),
    ):
        self.watched = watched
        self.among = among
        self._on_used = on_used
        every_ms = recognizer.words_every_ms
        self.words_within_s = None if every_ms is None else every_ms / 1000 + watched.stall_s
        self._listener = listener
        self._stream = recognizer.open(kept.format, language=language, events=self, among=among)
        self._offset_ms = kept.now_ms
        if from_ms is not None:
            self._offset_ms, frames = kept.since(from_ms)
            for frame in frames:
                self._stream.hear(frame)

    def hear(self, frame: bytes) -> None:
        """Pass a frame on."""
        self._stream.hear(frame)

    async def transcribe(self, onset_ms: int, end_ms: int) -> Transcript:
        """What was said between the two times, on the clock of the call. Raises ProviderError."""
        return await self._stream.transcribe(max(0, onset_ms - self._offset_ms), max(0, end_ms - self._offset_ms))

    async def close(self) -> None:
        """Close the stream."""
        await self._stream.close()

    # What the stream tells

    def on_words(self, words: Transcript) -> None:
        """Words so far."""
        self._listener.heard_words(self, words)

    def on_turn(self, sign: TurnSign, text: str) -> None:
        """A judgement of the turn."""
        self._listener.judged_turn(self, sign, text)

    def on_usage(self, usage: Usage) -> None:
        """What was used."""
        self._on_used(self.watched, usage)

    def on_failed(self, error: ProviderError) -> None:
        """The stream is dead."""
        self._listener.stream_failed(self, error)


def _samples(frames: bytes, format: AudioFormat) -> NDArray[np.float32]:  # noqa: A002
    """Whole frames as the float samples at 16 kHz that a recogniser takes."""
    pcm = decoder(format.encoding)(frames)
    if format.rate == _RECOGNIZER_RATE:
        return float_samples(pcm)
    return Resampler(format.rate, _RECOGNIZER_RATE).process_float(pcm)
