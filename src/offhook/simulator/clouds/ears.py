"""What the doubles of recognisers hear with: a script, or the local models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from offhook.audio.convert import converter
from offhook.audio.formats import FRAME_MS, PCM_8K, PCM_16K, AudioFormat
from offhook.audio.samples import float_samples
from offhook.providers.stt.base import Recognizer
from offhook.providers.vad.base import VadModel

__all__ = [
    "Ear",
    "EarFactory",
    "HeardWord",
    "ModelEar",
    "Saying",
    "ScriptedEar",
    "TunedEar",
    "model_ears",
    "scripted_ears",
]

_START, _GAP = 0.5, 0.15
_LEAD_MS, _TAIL_MS = 300, 200
_INTERIM_MS = 1_000
_SCRAP_MS = 600


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as it is written, with ms of the stream."""

    text: str
    start_ms: float
    end_ms: float
    confidence: float = 0.98


@dataclass(frozen=True, slots=True)
class Saying:
    """What a scripted caller says, and when, in ms of the stream; `voice` is how surely it is one."""

    text: str
    start_ms: float
    end_ms: float
    voice: float = 0.98


class Ear(Protocol):
    """Hears one stream."""

    voiced: bool
    """Whether there is a voice at the end of what was heard."""

    @property
    def in_word(self) -> bool:
        """Whether a cut at the end of what was heard may go through a word."""
        ...

    def hear(self, frame: bytes) -> None:
        """The next 20 ms."""
        ...

    async def words(self, start_ms: float, end_ms: float, *, final: bool) -> list[HeardWord]:
        """The words between the two times, as far as they were heard. Those that are not final may be of lately."""
        ...


@runtime_checkable
class TunedEar(Protocol):
    """An ear that may be told how surely it must be a voice."""

    threshold: float
    """0 to 1."""


EarFactory = Callable[[AudioFormat, str], Ear]
"""Makes the ear of a stream in a format and a language."""


def scripted_ears(*sayings: Saying) -> EarFactory:
    """Ears that hear `sayings` in whatever sounds."""
    return lambda format, language: ScriptedEar(sayings)  # noqa: A006


def model_ears(vad: VadModel, recognizer: Recognizer) -> EarFactory:
    """Ears that hear what was said."""
    return lambda format, language: ModelEar(format, vad, recognizer, language)  # noqa: A006


class ScriptedEar:
    """Hears a script: each word by the time it ends."""

    def __init__(self, sayings: Sequence[Saying]) -> None:
        self.voiced = False
        self.threshold = _START
        self._sayings = sayings
        self._words = [word for saying in sayings for word in spread(saying.text, saying.start_ms, saying.end_ms)]
        self._now_ms = 0.0

    def hear(self, frame: bytes) -> None:
        """The next 20 ms, whatever they are."""
        self._now_ms += FRAME_MS
        now = (saying for saying in self._sayings if saying.start_ms < self._now_ms <= saying.end_ms)
        self.voiced = any(saying.voice >= self.threshold for saying in now)

    @property
    def in_word(self) -> bool:
        """Never: a script knows its words."""
        return False

    async def words(self, start_ms: float, end_ms: float, *, final: bool) -> list[HeardWord]:
        """The words that end between the two times."""
        return [word for word in self._words if start_ms < word.end_ms <= min(end_ms, self._now_ms)]


@dataclass(frozen=True, slots=True)
class _Guess:
    """The words of the voices from `start_ms` on, the last of which was heard until `last_ms`."""

    start_ms: float
    last_ms: float
    words: list[HeardWord]


class ModelEar:
    """Hears with a voice detector and a recogniser of whole utterances."""

    def __init__(
        self,
        format: AudioFormat,  # noqa: A002
        vad: VadModel,
        recognizer: Recognizer,
        language: str,
    ) -> None:
        self.voiced = False
        self.threshold = _START
        self._vad = vad
        self._state = vad.new_state()
        self._recognizer = recognizer
        self._language = language
        self._to_8k = converter(format, PCM_8K)
        self._to_16k = converter(format, PCM_16K)
        self._unjudged = bytearray()
        self._chunk = PCM_8K.sample_bytes * vad.chunk_samples
        self._audio = bytearray()
        self._voices: list[tuple[float, float]] = []
        self._judged_ms = 0.0
        self._guess: _Guess | None = None

    def hear(self, frame: bytes) -> None:
        """The next 20 ms."""
        self._audio += self._to_16k(frame)
        self._unjudged += self._to_8k(frame)
        while len(self._unjudged) >= self._chunk:
            self._judge(bytes(self._unjudged[: self._chunk]))
            del self._unjudged[: self._chunk]

    @property
    def in_word(self) -> bool:
        """Whether a voice sounds: where in it words end is not known."""
        return self.voiced

    async def words(self, start_ms: float, end_ms: float, *, final: bool) -> list[HeardWord]:
        """The words between the two times. A guess is made after 0.6 s of voice, then at a pause and after each
        second of voice only."""
        voices = [(max(a, start_ms), min(b, end_ms)) for a, b in self._voices if a < end_ms and b > start_ms]
        if not voices or self._too_soon(voices, final):
            return []
        if self._guess is None or not self._still_good(self._guess, start_ms, voices[-1][1], final):
            self._guess = _Guess(start_ms, voices[-1][1], await self._transcribe(start_ms, voices))
        return self._guess.words

    def _too_soon(self, voices: list[tuple[float, float]], final: bool) -> bool:
        # Of a scrap of a word the recogniser makes nonsense, and takes its time for it.
        return not final and self.voiced and sum(end - start for start, end in voices) < _SCRAP_MS

    def _still_good(self, guess: "_Guess", start_ms: float, last_ms: float, final: bool) -> bool:
        if guess.start_ms != start_ms:
            return False
        return last_ms == guess.last_ms or (not final and self.voiced and last_ms < guess.last_ms + _INTERIM_MS)

    async def _transcribe(self, start_ms: float, voices: list[tuple[float, float]]) -> list[HeardWord]:
        first_ms, last_ms = voices[0][0], voices[-1][1]
        begin, end = max(start_ms, first_ms - _LEAD_MS), last_ms + _TAIL_MS
        pcm = bytes(self._audio[PCM_16K.bytes_in(begin) : PCM_16K.bytes_in(end)])
        transcript = await self._recognizer.transcribe(float_samples(pcm), language=self._language)
        confidence = transcript.confidence
        return [replace(word, confidence=confidence) for word in spread(transcript.text, first_ms, last_ms)]

    def _judge(self, chunk: bytes) -> None:
        probability = self._vad.step(float_samples(chunk)[np.newaxis], [self._state])[0]
        start_ms = self._judged_ms
        self._judged_ms += PCM_8K.ms_in(len(chunk))
        voiced = probability >= self.threshold - (_GAP if self.voiced else 0)
        if voiced and self.voiced:
            self._voices[-1] = (self._voices[-1][0], self._judged_ms)
        elif voiced:
            self._voices.append((start_ms, self._judged_ms))
        self.voiced = bool(voiced)


def spread(text: str, start_ms: float, end_ms: float) -> list[HeardWord]:
    """The words of a text, each as long as its letters are many."""
    words = text.split()
    letters = sum(len(word) for word in words)
    found, at_ms = [], start_ms
    for word in words:
        until_ms = at_ms + (end_ms - start_ms) * len(word) / letters
        found.append(HeardWord(word, round(at_ms, 1), round(until_ms, 1)))
        at_ms = until_ms
    return found
