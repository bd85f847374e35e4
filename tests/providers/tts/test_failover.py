from collections.abc import AsyncIterator

import numpy as np
import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, AudioFormat
from offhook.errors import ProviderError
from offhook.providers.standby import Standby, Watched
from offhook.providers.tts.base import SpeechChunk, Synthesizer
from offhook.providers.tts.failover import FailoverSynthesizer
from tests.calls.rig import MS_A_WORD, STALL, Mouth, PaperTime, Stall

TEXT = "We open at eight on weekdays."
DOWN = ProviderError("is down", provider="first")


class Voices:
    """Three voices; what they said, and with which words and times."""

    def __init__(self, fault: ProviderError | Stall | None = None, after: int = 0) -> None:
        self.mouths = [Mouth("first", level=1_000), Mouth("second", level=5_000), Mouth("third", level=9_000)]
        self.mouths[0].fails, self.mouths[0].after = fault, after
        self.watched: list[Watched[Synthesizer]] = [Watched(mouth, mouth.name, stall_ms=1_000) for mouth in self.mouths]
        self.troubles: list[str] = []
        self.chunks: list[SpeechChunk] = []
        self.time = PaperTime()
        self.synthesizer = FailoverSynthesizer(Standby(self.watched))

    async def speak(self) -> "Voices":
        try:
            await self.time.through(self._speak())
        finally:
            for watched in self.watched:
                await watched.close()
        return self

    async def _speak(self) -> None:
        async for chunk in self.synthesizer.synthesize(TEXT, format=PCM_8K, on_trouble=self.note):
            self.chunks.append(chunk)

    def note(self, error: ProviderError) -> None:
        self.troubles.append(error.provider)

    @property
    def words(self) -> list[tuple[str, float]]:
        """Each word and when it begins."""
        return [(TEXT[word.start : word.end], word.start_ms) for chunk in self.chunks for word in chunk.words]

    @property
    def levels(self) -> list[int]:
        """Whose sound it is, in thousands."""
        return [int(np.frombuffer(chunk.audio, "<i2")[0]) // 1_000 for chunk in self.chunks]


WHOLE = [(word, MS_A_WORD * index) for index, word in enumerate(TEXT.split())]


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["refuses", "stalls"])
async def test_a_voice_that_gives_no_sound_is_replaced(fault: ProviderError | Stall) -> None:
    voices = await Voices(fault).speak()
    assert voices.mouths[1].asked == [TEXT]
    assert voices.words == WHOLE
    assert voices.levels == [5] * 6
    assert voices.troubles == ["first"]
    assert not voices.watched[0].healthy


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["dies", "stalls"])
async def test_the_next_one_speaks_from_the_first_word_that_was_not_delivered(fault: ProviderError | Stall) -> None:
    voices = await Voices(fault, after=3).speak()
    assert voices.mouths[1].asked[0].split() == ["eight", "on", "weekdays."]
    assert voices.words == WHOLE, "no word is lost or said twice, and the times go on"
    assert voices.levels == [1, 1, 1, 5, 5, 5]


async def test_two_may_fail_one_after_the_other() -> None:
    voices = Voices(DOWN, after=2)
    voices.mouths[1].fails, voices.mouths[1].after = ProviderError("too", provider="second"), 2
    await voices.speak()
    assert voices.words == WHOLE
    assert voices.levels == [1, 1, 5, 5, 9, 9]
    assert voices.troubles == ["first", "second"]


async def test_when_the_last_one_fails_so_does_the_speech() -> None:
    voices = Voices(DOWN)
    for mouth in voices.mouths:
        mouth.fails = DOWN
    with pytest.raises(ProviderError):
        await voices.speak()
    assert voices.troubles == ["first", "first"]


async def test_one_that_dies_behind_its_last_word_has_said_it_all() -> None:
    class DiesLate(Mouth):
        async def synthesize(
            self,
            text: str,
            *,
            format: AudioFormat,  # noqa: A002 - as the contract names it
            speed: float = 1.0,
        ) -> AsyncIterator[SpeechChunk]:
            async for chunk in super().synthesize(text, format=format, speed=speed):
                yield chunk
            raise DOWN

    voices = Voices()
    voices.watched[0].provider = DiesLate("first")
    await voices.speak()
    assert voices.words == WHOLE
    assert voices.mouths[1].asked == []
    assert not voices.watched[0].healthy


async def test_a_voice_without_times_of_words_is_taken_up_where_it_may_have_been() -> None:
    class Mute(Mouth):
        """Says 800 ms, which is about twelve characters, and dies."""

        async def synthesize(
            self,
            text: str,
            *,
            format: AudioFormat,  # noqa: A002 - as the contract names it
            speed: float = 1.0,
        ) -> AsyncIterator[SpeechChunk]:
            yield SpeechChunk(MULAW_8K.silence * 40, MULAW_8K, ())
            raise DOWN

    voices = Voices()
    voices.watched[0].provider = Mute("first")
    await voices.speak()
    assert voices.mouths[1].asked == [" eight on weekdays."]
    assert voices.words[0] == ("eight", 800)


async def test_what_one_voice_says_stays_as_it_is() -> None:
    voices = await Voices().speak()
    assert voices.words == WHOLE
    assert voices.troubles == []
    assert voices.synthesizer.name == "first, second, third"


async def test_every_voice_that_worked_is_counted() -> None:
    voices = Voices(DOWN, after=3)
    used: list[tuple[str, int, float]] = []

    async def speak() -> None:
        speech = voices.synthesizer.synthesize(
            TEXT,
            format=PCM_8K,
            on_used=lambda watched, usage: used.append((watched.name, usage.characters, usage.seconds)),
        )
        _ = [chunk async for chunk in speech]

    await voices.time.through(speak())
    for watched in voices.watched:
        await watched.close()
    assert used == [("first", len(TEXT), 0.6), ("second", len("eight on weekdays."), 0.6)]
