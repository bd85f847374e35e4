"""Whisper through CTranslate2, with an encoder that hears no more than it must.

Whisper was trained on windows of 30 s, which cost five times what a phone utterance needs. The window is cut to the
utterance and 3 s of silence (never under 8 s); where the text then shows signs of having run away, the full window is
tried. Measured on telephone speech, this loses no accuracy against 30 s.
"""

import asyncio
import math
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from offhook.errors import ModelError, ProviderError
from offhook.providers.stt.base import Transcript
from offhook.providers.stt.mel import HOP, log_mel

__all__ = ["WhisperRecognizer", "loops", "without_echo"]

_RATE = 16_000
_WINDOW_S = 30.0
_LONGEST_S = 29.0
_SHORTEST = _RATE // 20
_LEAD = int(0.3 * _RATE)
_FRAME = _RATE // 50
_MAX_TOKENS = 448
_FASTEST_WORDS_A_SECOND = 4.0
_AROUND_S = 0.5
_FILES = ("model.bin", "config.json", "tokenizer.json")

Audio = NDArray[np.float32]


class WhisperRecognizer:
    """Transcribes in `workers` threads of its own, each using `threads` cores; further requests wait their turn."""

    def __init__(self, model_dir: Path, *, threads: int = 1, workers: int = 2, name: str = "whisper") -> None:
        """Load the CTranslate2 model in `model_dir`. Raises ModelError."""
        self.name = name
        self._decoder = _Decoder(model_dir, name, threads, workers)
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)

    async def transcribe(self, audio: Audio, *, language: str = "en", among: Sequence[str] = ()) -> Transcript:
        """Transcribe mono float32 samples in -1..1 at 16 kHz, of any length, as `language`; with `among`, a model of
        many languages also tells how likely each of these is, as it hears the beginning.

        Keep at least 0.3 s of what came before the speech: without it short answers are lost. A cancelled request
        leaves the queue, or stops at its next window. Raises ProviderError.
        """
        if audio.ndim != 1:
            raise ValueError(f"audio of shape {audio.shape}; one channel is needed")
        prompt = self._decoder.prompt(language)
        cancelled = threading.Event()
        try:
            return await self._submit(audio, prompt, cancelled, frozenset(among))
        except asyncio.CancelledError:
            cancelled.set()
            raise
        except RuntimeError as error:
            raise ProviderError(str(error), provider=self.name) from error

    async def warm_up(self) -> None:
        """Decode a second of nothing in every worker, so that the first caller does not pay for it."""
        second = np.zeros(_RATE, np.float32)
        prompt = self._decoder.prompt("en")
        await asyncio.gather(*(self._submit(second, prompt, threading.Event()) for _ in range(self._workers)))

    def close(self) -> None:
        """Drop what waits and give back the threads; what is being decoded ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _submit(
        self, audio: Audio, prompt: list[int], cancelled: threading.Event, among: frozenset[str] = frozenset()
    ) -> "asyncio.Future[Transcript]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pool, self._transcribe, audio, prompt, cancelled, among)

    def _transcribe(
        self, audio: Audio, prompt: list[int], cancelled: threading.Event, among: frozenset[str]
    ) -> Transcript:
        heard: list[_Decoded] = []
        for part in _parts(np.asarray(audio, np.float32)):
            if cancelled.is_set():
                break
            decoded = self._decoder.decode(_with_lead(part), prompt, cancelled, tell=bool(among) and not heard)
            if decoded.is_speech:
                heard.append(decoded)
        return _joined(heard, among)


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What the decoder made of one window. `logprob` is the mean of its tokens' log probabilities; `languages` are the
    probabilities of all that the model knows, if they were asked for."""

    text: str
    tokens: int
    logprob: float
    no_speech: float
    languages: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_speech(self) -> bool:
        # The no-speech probability alone also condemns true digit strings.
        unsure = self.tokens <= 2 or self.logprob < -1.0
        return bool(self.text) and not (self.no_speech > 0.6 and unsure)

    def ran_away(self, seconds: float) -> bool:
        # Under a second of audio a plain "Yes, please." would already be too many tokens.
        return self.logprob < -1.0 or self.tokens > 7.5 * max(seconds, 1.0) or loops(self.text)

    def said_once(self, seconds: float) -> "_Decoded":
        """Without an echo of itself."""
        text = without_echo(self.text, seconds)
        return self if text == self.text else replace(self, text=text, tokens=self.tokens // 2)


class _Decoder:
    """The model, its words and its prompt. `decode` blocks and may run in several threads."""

    def __init__(self, model_dir: Path, name: str, threads: int, workers: int) -> None:
        self._name = name
        self._model, self._tokenizer = _load(model_dir, name, threads, workers)
        self._end = self._id("<|endoftext|>")

    def prompt(self, language: str) -> list[int]:
        """The tokens that ask for a transcript without time stamps. Raises ProviderError for an unknown language."""
        start, plain = self._id("<|startoftranscript|>"), self._id("<|notimestamps|>")
        if self._model.is_multilingual:
            return [start, self._id(f"<|{language}|>"), self._id("<|transcribe|>"), plain]
        if language != "en":
            raise ProviderError(f'this model knows English only, not "{language}"', provider=self._name)
        return [start, plain]

    def decode(self, audio: Audio, prompt: list[int], cancelled: threading.Event, *, tell: bool = False) -> _Decoded:
        """Text of up to 30 s of audio, and the probabilities of its language if the decoder is to `tell` them."""
        seconds = len(audio) / _RATE
        tell = tell and bool(self._model.is_multilingual)
        first = self._window(audio, prompt, min(_WINDOW_S, max(8.0, seconds + 3.0)), tell=tell).said_once(seconds)
        if cancelled.is_set() or not first.is_speech or not first.ran_away(seconds):
            return first
        second = self._window(audio, prompt, _WINDOW_S)
        best = max(first, second, key=lambda decoded: (not loops(decoded.text), decoded.logprob))
        return replace(best, languages=first.languages)

    def _window(self, audio: Audio, prompt: list[int], window_s: float, *, tell: bool = False) -> _Decoded:
        mel = log_mel(audio, int(window_s * _RATE) // HOP * HOP)
        sound = ctranslate2.StorageView.from_array(mel[None])
        # Both want the encoder's work, which is most of it.
        sound = self._model.encode(sound) if tell else sound
        told = self._model.detect_language(sound)[0] if tell else ()
        limit = len(prompt) + int(12 + 7 * len(audio) / _RATE)
        result = self._model.generate(
            sound,
            [prompt],
            beam_size=1,
            max_length=min(_MAX_TOKENS, limit),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        words = [token for token in result.sequences_ids[0] if token < self._end]
        text = self._tokenizer.decode(words).strip()
        languages = {token.strip("<|>"): float(probability) for token, probability in told}
        return _Decoded(text, len(words), float(result.scores[0]), float(result.no_speech_prob), languages)

    def _id(self, token: str) -> int:
        found: int | None = self._tokenizer.token_to_id(token)
        if found is None:
            raise ProviderError(f"the model has no token {token}", provider=self._name)
        return found


def _load(model_dir: Path, name: str, threads: int, workers: int) -> tuple[Any, Tokenizer]:
    missing = [file for file in _FILES if not (model_dir / file).is_file()]
    if missing:
        hint = "run: offhook models fetch, or name the folder of a CTranslate2 Whisper model"
        raise ModelError(f"{model_dir} lacks {', '.join(missing)}", model=name, hint=hint)
    try:
        model = ctranslate2.models.Whisper(
            str(model_dir), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=workers
        )
    except (RuntimeError, ValueError) as error:
        hint = "delete the folder and run: offhook models fetch"
        raise ModelError(f"{model_dir} cannot be loaded: {error}", model=name, hint=hint) from error
    return model, Tokenizer.from_file(str(model_dir / "tokenizer.json"))


def loops(text: str) -> bool:
    """Whether `text` ends in a phrase said over and over, as Whisper's does when it loses its way."""
    words = re.findall(r"[\w']+", text.lower())
    return _repeats(words, 1, 5) or any(_repeats(words, n, 3) for n in range(2, 9)) or _stutters(text)


def without_echo(text: str, seconds: float) -> str:
    """`text` said once, where the model wrote it twice: faster than anyone speaks in `seconds` of audio.

    A short window provokes this. Half a second of the audio is taken to be the silence around the speech.
    """
    words = text.split()
    half = len(words) // 2
    doubled = len(words) == 2 * half and words[:half] == words[half:]
    believable = len(words) <= _FASTEST_WORDS_A_SECOND * max(0.0, seconds - _AROUND_S)
    return " ".join(words[:half]) if doubled and not believable else text


def _repeats(words: list[str], length: int, times: int) -> bool:
    tail = words[-length * times :]
    return len(tail) == length * times and tail == tail[:length] * times


def _stutters(text: str) -> bool:
    return re.search(r"(\D\W?)\1{7,}\W*$", text) is not None


def _with_lead(audio: Audio) -> Audio:
    levels = _levels(audio)
    onset = int(np.argmax(levels > 0.1 * levels.max(initial=0.0))) * _FRAME
    return audio if onset >= _LEAD else np.pad(audio, (_LEAD - onset, 0))


def _levels(audio: Audio) -> NDArray[np.float32]:
    frames = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels: NDArray[np.float32] = np.sqrt(np.mean(frames**2, axis=1))
    return levels


def _parts(audio: Audio) -> Iterator[Audio]:
    """Cut audio into parts of at most 29 s, each at the quietest 0.2 s of the part's second half."""
    longest = int(_LONGEST_S * _RATE)
    while len(audio) > longest:
        cut = _quietest(audio, longest // 2, longest)
        yield audio[:cut]
        audio = audio[cut:]
    if len(audio) >= _SHORTEST:
        yield audio


def _quietest(audio: Audio, start: int, stop: int) -> int:
    levels = np.convolve(_levels(audio[start:stop]), np.full(10, 0.1), mode="valid")
    return start + (int(np.argmin(levels)) + 5) * _FRAME


def _joined(heard: list[_Decoded], among: Collection[str]) -> Transcript:
    tokens = sum(decoded.tokens for decoded in heard)
    if not tokens:
        return Transcript("", 0.0)
    logprob = math.fsum(decoded.logprob * decoded.tokens for decoded in heard) / tokens
    languages = {code: share for code, share in heard[0].languages.items() if code in among}
    return Transcript(" ".join(decoded.text for decoded in heard), min(1.0, math.exp(logprob)), languages)
