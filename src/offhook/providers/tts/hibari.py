"""Hibari: an English voice of 8 MB that speaks a hundred times faster than real time on one core."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

import hibari
import hibari.voices
import numpy as np
from numpy.typing import NDArray

from offhook.audio.formats import PCM_24K, AudioFormat
from offhook.errors import ModelError, ProviderError
from offhook.providers.tts.alignment import word_spans
from offhook.providers.tts.base import SpeechChunk, WordTime
from offhook.providers.tts.clauses import Clause, Word, clauses

__all__ = ["HibariSynthesizer"]

_RATE = PCM_24K.rate
_LEAD = _RATE * 20 // 1000
_TAIL_MS = 150.0
_FADE = _RATE * 5 // 1000
_GAIN = 2.0
_FRAME = _RATE // 200
_QUIET = 0.003
_MAX_PHONEMES = 400
_SEED = 1

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A clause as audio, and the samples `[start, end)` of each of its words that sound."""

    audio: Audio
    words: tuple[tuple[Word, int, int], ...]


class HibariSynthesizer:
    """Speaks in `workers` threads of its own. The same text always gives the same samples."""

    name = "hibari"

    def __init__(self, *, voice: str = "heart", threads: int = 1, workers: int = 1) -> None:
        """Load `voice`, which must be in the package or in hibari's cache. Raises ModelError."""
        self._model = hibari.Hibari(voice=voice, model=str(_voice_file(voice)), threads=threads)
        # Building the pronouncer here keeps its half second out of the first call, and two threads from building it.
        self._pronounce = self._model.g2p
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=self.name)

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat = PCM_24K,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncGenerator[SpeechChunk]:
        """Yield `text` a clause at a time: 20 ms of silence, the words, and a pause as its punctuation asks.

        The voice speaks pcm16 at 24 kHz whatever the `format`. `speed` is held to 0.5..2. What has no sound, such as
        emoji, is passed over. Raises ProviderError.
        """
        pace = min(2.0, max(0.5, speed))
        spoken = 0
        parts = clauses(text)
        for part, following in zip_longest(parts, parts[1:]):
            pause_ms = _TAIL_MS if following is None else part.pause_ms / pace
            said = await self._in_worker(part, pace, pause_ms)
            if len(said.audio):
                yield _chunk(said, spoken)
                spoken += len(said.audio)

    async def warm_up(self) -> None:
        """Nothing: the voice is loaded."""

    async def check(self) -> None:
        """Nothing: a voice that cannot speak is not loaded."""

    async def close(self) -> None:
        """Drop what waits and give back the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_worker(self, part: Clause, speed: float, pause_ms: float) -> _Spoken:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, self._speak, part, speed, pause_ms)
        except (ArithmeticError, LookupError, RuntimeError, ValueError) as error:
            raise ProviderError(f"could not speak: {error}", provider=self.name) from error

    def _speak(self, part: Clause, speed: float, pause_ms: float) -> _Spoken:
        phonemes: str = self._pronounce(part.text)
        if len(phonemes) > _MAX_PHONEMES and len(part.words) > 1:
            return self._speak_halves(part, speed, pause_ms)
        phonemes = _known(phonemes[:_MAX_PHONEMES], self._model.vocab)
        audio: Audio = self._model.from_phonemes(phonemes, speed, _SEED)
        edges = _sounding(audio)
        if edges is None:
            return _Spoken(np.zeros(0, np.float32), ())
        spans = word_spans(phonemes, audio, speed=speed)
        owners = self._owners(phonemes.split(" "), part.words)
        return _trimmed(audio, edges, pause_ms, list(_timed(part.words, owners, spans)))

    def _speak_halves(self, part: Clause, speed: float, pause_ms: float) -> _Spoken:
        middle = len(part.words) // 2
        first = self._speak(Clause(part.words[:middle]), speed, 60.0)
        second = self._speak(Clause(part.words[middle:]), speed, pause_ms)
        shift = len(first.audio)
        moved = tuple((word, start + shift, end + shift) for word, start, end in second.words)
        return _Spoken(np.concatenate([first.audio, second.audio]), first.words + moved)

    def _owners(self, groups: Sequence[str], words: Sequence[Word]) -> list[int]:
        """The word that each group of phonemes belongs to: "$85" is one word and three groups."""
        if len(groups) == len(words) and not any(sign.isdigit() for word in words for sign in word.text):
            return list(range(len(words)))
        alone = [(sound, index) for index, word in enumerate(words) for sound in self._pronounce(word.text).split()]
        return list(_matched(groups, alone)) if alone else [0] * len(groups)


def _voice_file(voice: str) -> Path:
    voices = hibari.voices.VOICES
    bundled = ", ".join(name for name in voices if voices[name].get("bundled"))
    if voice not in voices:
        raise ModelError(f'there is no voice "{voice}"', model="hibari", hint=f"in the package: {bundled}")
    try:
        return Path(hibari.voices.voice_path(voice, download_missing=False))
    except FileNotFoundError as error:
        hint = f"use {bundled}, which is in the package, or put the voice there: {error}"
        raise ModelError(f'the voice "{voice}" is not on this machine', model="hibari", hint=hint) from error


def _known(phonemes: str, vocabulary: dict[str, int]) -> str:
    return "".join(sign for sign in phonemes if sign in vocabulary)


def _sounding(audio: Audio) -> tuple[int, int] | None:
    frames = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > _QUIET)
    return (int(loud[0]) * _FRAME, (int(loud[-1]) + 1) * _FRAME) if len(loud) else None


def _timed(
    words: Sequence[Word], owners: Sequence[int], spans: dict[int, tuple[int, int]]
) -> Iterator[tuple[Word, int, int]]:
    joined: dict[int, tuple[int, int]] = {}
    for group, (start, end) in spans.items():
        first, _ = joined.get(owners[group], (start, end))
        joined[owners[group]] = (first, end)
    for index, (start, end) in joined.items():
        yield words[index], start, end


def _trimmed(audio: Audio, edges: tuple[int, int], pause_ms: float, words: Sequence[tuple[Word, int, int]]) -> _Spoken:
    start, end = max(0, edges[0] - _LEAD), edges[1]
    length = end - start + int(pause_ms * _RATE / 1000)
    cut = np.zeros(length, np.float32)
    kept = audio[start : start + length]
    cut[: len(kept)] = kept
    cut[-_FADE:] *= np.linspace(1, 0, _FADE, dtype=np.float32)
    last = end - start
    placed = tuple((word, min(max(0, a - start), last), min(max(0, b - start), last)) for word, a, b in words)
    return _Spoken(cut, placed)


def _matched(groups: Sequence[str], alone: Sequence[tuple[str, int]]) -> Iterator[int]:
    """Owners of `groups`, by matching them with what the words sound like alone. Context changes some: "14 March" is
    read "the fourteenth of March", where "the" and "of" are of the word that stands between the matches."""
    matcher = SequenceMatcher(None, [sound for sound, _ in alone], groups, autojunk=False)
    for _, first, last, start, end in matcher.get_opcodes():
        for step in range(end - start):
            # Where nothing stands between the matches, the word before takes it.
            at = first + step * (last - first) // (end - start) if last > first else max(0, first - 1)
            yield alone[at][1]


def _chunk(said: _Spoken, offset: int) -> SpeechChunk:
    pcm = (np.clip(said.audio * _GAIN, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
    per_ms = _RATE / 1000
    times = (
        WordTime(word.start, word.end, (start + offset) / per_ms, (end + offset) / per_ms)
        for word, start, end in said.words
    )
    return SpeechChunk(pcm, PCM_24K, tuple(times))
