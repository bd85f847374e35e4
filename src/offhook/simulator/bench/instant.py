"""Providers that answer at once, by script, and note when they were asked.

They stand on the doubles of Deepgram, of OpenAI's chat completions and of ElevenLabs' sockets. What the doubles need
between a request and its answer, below a millisecond when the machine has time for them, is counted as the server's.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product

from offhook.audio.convert import decoder
from offhook.audio.formats import FRAME_MS, MULAW_8K, PCM_24K, AudioFormat
from offhook.audio.levels import dbfs
from offhook.audio.resample import resample
from offhook.providers.tts.base import SpeechChunk
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import Ear, HeardWord
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest
from offhook.simulator.tone_voice import ToneVoice

__all__ = ["ENDPOINTING_MS", "LINE", "STORY", "Hearing", "InstantProviders", "ProviderUrls", "Trail"]

ENDPOINTING_MS = 300
"""Silence after which the recogniser says that the turn is over."""

AUDIBLE_DBFS = -50.0
LINE = "When do you open today"
STORY = "Please tell me a story"
REPLY = "Yes, {name}. We open."
LONG_REPLY = "Once upon a time, {name} went out for a walk. There was nobody in the street, not even a dog."
"""Some 2 s of sound: a caller interrupts it after 0.6 s. Whatever is longer is work for the doubles."""

NAMES = ["".join(syllables).capitalize() for syllables in product(("ba", "do", "ki", "lu", "me", "no", "ra"), repeat=4)]


@dataclass(slots=True)
class Trail:
    """When the providers met with a turn, in seconds of time.monotonic(); None for what has not happened.

    `judged` is when the recogniser's judgement that the turn is over left it, `asked` when the language model had the
    whole request, `spoken` when the voice had its first text.
    """

    judged: float | None = None
    asked: float | None = None
    spoken: float | None = None


@dataclass(slots=True)
class Hearing:
    """One call at the recogniser. It hears `line` in whatever is audible, and its own name, by which the other
    providers know the call again."""

    name: str
    line: str = LINE
    trail: Trail = field(default_factory=Trail)

    @property
    def words(self) -> list[str]:
        """What it hears."""
        return [*f"{self.line},".split(), f"{self.name}."]


@dataclass(frozen=True, slots=True)
class ProviderUrls:
    """Where the doubles are."""

    deepgram: str
    openai: str
    elevenlabs: str


class InstantProviders:
    """The three of them. `hearings` has the calls that were heard, in the order in which their audio began."""

    def __init__(self) -> None:
        self.hearings: list[Hearing] = []
        self._named: dict[str, Hearing] = {}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ProviderUrls]:
        """Serve them on free ports."""
        # The filter of the double's voice is designed when it is first needed, and no turn is to wait for that.
        resample(PCM_24K.silence, PCM_24K.rate, MULAW_8K.rate)
        hears = DeepgramDouble(self._ear)
        thinks = OpenAiDouble(ChatDouble(self._reply))
        speaks = ElevenLabsDouble(_NotingVoice(self))
        async with hears.serve() as deepgram, thinks.serve() as openai, speaks.serve() as elevenlabs:
            yield ProviderUrls(deepgram, openai, elevenlabs)

    def begin_hearing(self) -> Hearing:
        """A call's audio begins."""
        hearing = Hearing(NAMES[len(self.hearings) % len(NAMES)])
        self.hearings.append(hearing)
        self._named[hearing.name] = hearing
        return hearing

    def meant(self, text: str) -> Hearing | None:
        """Whose name is in `text`."""
        words = (word.strip(".,?") for word in text.split())
        return next((self._named[word] for word in words if word in self._named), None)

    def _ear(self, format: AudioFormat, language: str) -> Ear:  # noqa: A002
        return _LoudnessEar(format, self)

    def _reply(self, request: ChatRequest) -> ChatReply:
        now = time.monotonic()
        hearing = self.meant(request.last_text)
        if hearing is None:
            return ChatReply("Hello.")
        hearing.trail.asked = now
        return ChatReply((LONG_REPLY if hearing.line == STORY else REPLY).format(name=hearing.name))


class _LoudnessEar:
    """Hears one call's line in each stretch of sound."""

    def __init__(self, format: AudioFormat, providers: InstantProviders):  # noqa: A002
        self.voiced = False
        self._providers = providers
        self._decode = decoder(format.encoding)
        self._hearing: Hearing | None = None
        self._now_ms = 0
        self._stretches: list[tuple[int, int]] = []
        self._judged = 0

    def hear(self, frame: bytes) -> None:
        """The next 20 ms."""
        if self._hearing is None:
            self._hearing = self._providers.begin_hearing()
        self._now_ms += FRAME_MS
        self.voiced = dbfs(self._decode(frame)) > AUDIBLE_DBFS
        if self.voiced:
            self._sound()

    @property
    def in_word(self) -> bool:
        """Whether there is sound: only where it ends are its words known."""
        return self.voiced

    async def words(self, start_ms: float, end_ms: float, *, final: bool) -> list[HeardWord]:
        """The words of the stretches that ended between the two times."""
        hearing = self._hearing
        if hearing is None or not self._stretches:
            return []
        if final and self._judged < len(self._stretches) and self._silence_ms >= ENDPOINTING_MS:
            # These words go out with the judgement, at once.
            self._judged = len(self._stretches)
            hearing.trail.judged = time.monotonic()
        return [
            word
            for first_ms, last_ms in self._stretches
            if start_ms < last_ms <= end_ms
            for word in _spread(hearing.words, first_ms, last_ms)
        ]

    @property
    def _silence_ms(self) -> int:
        return self._now_ms - self._stretches[-1][1]

    def _sound(self) -> None:
        if self._stretches and self._silence_ms < ENDPOINTING_MS:
            self._stretches[-1] = (self._stretches[-1][0], self._now_ms)
        else:
            self._stretches.append((self._now_ms - FRAME_MS, self._now_ms))


def _spread(words: list[str], first_ms: int, last_ms: int) -> list[HeardWord]:
    each_ms = (last_ms - first_ms) / len(words)
    times = [first_ms + each_ms * index for index in range(len(words) + 1)]
    return [HeardWord(word, round(times[at], 1), round(times[at + 1], 1)) for at, word in enumerate(words)]


class _NotingVoice(ToneVoice):
    """Says each text with the same tones as before, so that it takes no time, and notes who was spoken to."""

    def __init__(self, providers: InstantProviders):
        super().__init__(letter_ms=20, gap_ms=20)
        self._providers = providers
        self._said: dict[str, list[SpeechChunk]] = {}

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat = PCM_24K,  # noqa: A002
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        """Yield a word at a time."""
        hearing = self._providers.meant(text)
        if hearing is not None and hearing.trail.spoken is None:
            hearing.trail.spoken = time.monotonic()
        if text not in self._said:
            self._said[text] = [chunk async for chunk in super().synthesize(text, format=format, speed=speed)]
        for chunk in self._said[text]:
            yield chunk
