import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from offhook.audio.formats import FRAME_MS, MULAW_8K, PCM_8K, AudioFormat
from offhook.calls.transcriber import Transcriber
from offhook.errors import ProviderError
from offhook.providers.stt.base import Transcript, TurnSign
from tests.calls.rig import STALL, VOICE, Ears, LongEars, PaperTime, standby

DOWN = ProviderError("is down", provider="long ears", retryable=True)


class Room:
    """A transcriber with its recognisers, and a caller who speaks and is silent."""

    def __init__(self, *recognizers: Ears | LongEars, line: AudioFormat = PCM_8K) -> None:
        self.time = PaperTime()
        self.standby = standby(*recognizers)
        self.line = line
        self.transcriber = Transcriber(self.standby, line, language="en", padding_ms=300, events=self)
        self.words: list[str] = []
        self.signs: list[tuple[TurnSign, str]] = []
        self.troubles: list[str] = []
        self.now_ms = 0
        self.onset_ms: int | None = None
        self.voiced_ms = 0
        self.transcriber.start()

    def on_words(self, words: Transcript) -> None:
        self.words.append(words.text)

    def on_turn(self, sign: TurnSign, text: str) -> None:
        self.signs.append((sign, text))

    def on_recognizer_trouble(self, error: ProviderError) -> None:
        self.troubles.append(error.provider)

    def hear(self, ms: int, *, voice: bool = False) -> None:
        for _ in range(ms // FRAME_MS):
            if voice:
                self.onset_ms = self.now_ms if self.onset_ms is None else self.onset_ms
                self.voiced_ms += FRAME_MS
            frame = VOICE if voice and self.line == PCM_8K else self.line.silence
            self.transcriber.hear(frame, onset_ms=self.onset_ms, voiced_ms=self.voiced_ms)
            self.now_ms += FRAME_MS

    def speak(self, ms: int = 600) -> None:
        self.hear(ms, voice=True)

    def turn_over(self) -> None:
        self.onset_ms, self.voiced_ms = None, 0
        self.hear(40)

    async def transcript(self) -> str:
        """What was said in this utterance."""
        return (await self.time.through(self._transcribe())).text

    async def _transcribe(self) -> Transcript:
        return await self.transcriber.transcribe(self.onset_ms or 0, self.now_ms)

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)


Rooms = Callable[..., Room]


@pytest.fixture
async def room() -> AsyncIterator[Rooms]:
    made: list[Room] = []

    def make(*recognizers: Ears | LongEars, line: AudioFormat = PCM_8K) -> Room:
        made.append(Room(*recognizers, line=line))
        return made[-1]

    yield make
    for each in made:
        await each.transcriber.close()
        for watched in each.standby.watched:
            await watched.close()


def hears(ears: Ears | LongEars, *texts: Any) -> Any:
    ears.texts += texts
    return ears


@pytest.mark.parametrize("line", [PCM_8K, MULAW_8K], ids=str)
async def test_one_that_is_asked_on_demand_gets_the_utterance(room: Rooms, line: AudioFormat) -> None:
    ears = hears(Ears(), "Hello.")
    here = room(ears, line=line)
    here.hear(1_000)
    here.speak(500)
    here.hear(200)
    assert await here.transcript() == "Hello."
    assert ears.heard_s == [pytest.approx(0.3 + 0.7, abs=0.02)]


async def test_one_that_listens_along_gets_every_frame_from_the_start(room: Rooms) -> None:
    ears = hears(LongEars(), "Hello.")
    here = room(ears)
    [stream] = ears.streams
    here.hear(1_000)
    here.speak(500)
    stream.events.on_words(Transcript("Hello", 0.9))
    stream.events.on_turn("early", "Hello.")
    assert await here.transcript() == "Hello."
    assert len(stream.frames) == 75
    assert stream.asked == [(1_000, 1_500)]
    assert (here.words, here.signs) == (["Hello"], [("early", "Hello.")])
    await here.transcriber.close()
    assert stream.closed


async def test_a_stream_that_dies_is_replaced_and_the_next_one_hears_the_utterance_from_its_beginning(
    room: Rooms,
) -> None:
    first, second = LongEars("first"), hears(LongEars("second"), "All of it.")
    here = room(first, second)
    here.hear(2_000)
    here.speak(800)
    first.streams[0].fail()
    [stream] = second.streams
    assert stream.voiced_ms == 800
    assert len(stream.frames) == (300 + 800) // FRAME_MS
    here.speak(400)
    assert stream.voiced_ms == 1_200
    assert await here.transcript() == "All of it."
    assert stream.asked == [(300, 1_500)], "its times count from where it began to listen"
    assert here.troubles == ["first"]
    assert not here.standby.first.healthy


@pytest.mark.parametrize("fault", [DOWN, STALL], ids=["refuses", "stalls"])
@pytest.mark.parametrize("second", ["along", "on demand"])
async def test_one_that_gives_no_transcript_is_replaced(room: Rooms, fault: Any, second: str) -> None:
    first = hears(LongEars("long ears"), fault)
    other: Any = hears(LongEars("other") if second == "along" else Ears("other"), "I said it once.")
    here = room(first, other)
    here.hear(400)
    here.speak(600)
    assert await here.transcript() == "I said it once."
    assert here.time.seconds <= 1.5
    assert here.troubles == ["long ears"]
    await here.settle()
    assert first.streams[0].closed


async def test_a_stream_given_up_just_before_the_call_ends_is_closed_all_the_same(room: Rooms) -> None:
    first = LongEars("first")
    here = room(first, LongEars("second"))
    here.speak(200)
    first.streams[0].fail()
    await here.transcriber.close()
    assert first.streams[0].closed


async def test_two_may_fail_one_after_the_other(room: Rooms) -> None:
    first, second = hears(LongEars("long ears"), STALL), hears(LongEars("second"), DOWN)
    third = hears(Ears("third"), "Still here.")
    here = room(first, second, third)
    here.speak(600)
    assert await here.transcript() == "Still here."
    assert third.heard_s == [pytest.approx(0.6, abs=0.02)]
    assert [watched.healthy for watched in here.standby.watched] == [False, False, True]


async def test_when_nobody_can_tell_the_failure_is_raised(room: Rooms) -> None:
    here = room(hears(LongEars("long ears"), DOWN), hears(Ears("second"), ProviderError("too", provider="second")))
    here.speak(600)
    with pytest.raises(ProviderError, match="second: too"):
        await here.transcript()
    assert here.troubles == ["long ears"], "the last failure is the caller's of this method"


async def test_one_that_is_alone_is_asked_again_for_the_next_utterance(room: Rooms) -> None:
    ears = LongEars("long ears")
    here = room(ears)
    here.speak(400)
    for _ in range(5):
        ears.streams[-1].fail()
        here.speak(100)
    assert len(ears.streams) == 1, "not again and again in one utterance"
    assert here.troubles == ["long ears"]
    ears.texts.append("Back again.")
    assert await here.transcript() == "Back again."
    assert len(ears.streams) == 2
    assert ears.streams[1].voiced_ms == 900
    assert here.standby.first.healthy


async def test_one_that_is_alone_and_silent_is_given_up_at_last(room: Rooms) -> None:
    here = room(hears(Ears(), STALL))
    here.speak(400)
    with pytest.raises(ProviderError, match="no transcript within 10 s"):
        await here.transcript()


async def test_a_better_one_that_is_well_again_takes_over_between_utterances(room: Rooms) -> None:
    first, second = LongEars("first"), LongEars("second")
    here = room(first, second)
    here.speak(400)
    first.streams[0].fail()
    here.standby.first.worked()
    here.speak(200)
    assert len(first.streams) == 1, "not in the middle of an utterance"
    here.turn_over()
    assert len(first.streams) == 2
    here.speak(200)
    assert first.streams[1].voiced_ms == 200
    await here.settle()
    assert second.streams[0].closed


async def test_a_stream_that_works_goes_on_though_the_provider_failed_elsewhere(room: Rooms) -> None:
    first, second = LongEars("first"), LongEars("second")
    here = room(first, second)
    here.standby.first.failed(DOWN)
    here.hear(400)
    assert not first.streams[0].closed
    assert second.streams == []


async def test_a_deaf_one_is_doubted_and_replaced_when_the_next_one_hears_words(room: Rooms) -> None:
    deaf, second = LongEars("deaf"), hears(Ears("second"), "Can you hear me?")
    here = room(deaf, second)
    here.speak(1_600)
    assert here.troubles == [], "it may be music"
    assert await here.transcript() == "Can you hear me?"
    await here.settle()
    assert not here.standby.first.healthy
    assert here.troubles == ["deaf"]


async def test_one_that_tells_words_seldom_is_given_the_time_for_it(room: Rooms) -> None:
    seldom, second = LongEars("seldom", words_every_ms=1_000), LongEars("second")
    here = room(seldom, second)
    here.speak(2_200)
    assert second.streams == []
    here.speak(40)
    assert len(second.streams) == 1


async def test_one_that_tells_words_only_when_asked_is_not_expected_to_tell_any(room: Rooms) -> None:
    first, second = hears(LongEars("first", words_every_ms=None), "At last."), LongEars("second")
    here = room(first, second)
    here.speak(9_000)
    assert await here.transcript() == "At last."
    assert second.streams == []


async def test_one_whose_words_stop_in_the_middle_is_doubted_too(room: Rooms) -> None:
    first, second = LongEars("first"), hears(LongEars("second"), "One two three four.")
    here = room(first, second)
    here.speak(400)
    first.streams[0].events.on_words(Transcript("One", 0.9))
    here.speak(1_000)
    assert second.streams == []
    here.speak(400)
    assert second.streams[0].voiced_ms == 1_800
    assert await here.transcript() == "One two three four."


async def test_noise_in_which_nobody_hears_words_is_no_failure(room: Rooms) -> None:
    first, second = LongEars("first"), LongEars("second")
    here = room(first, second)
    here.speak(2_000)
    assert await here.transcript() == ""
    await here.settle()
    here.turn_over()
    assert here.standby.first.healthy
    assert here.troubles == []
    assert second.streams[0].closed
    assert not first.streams[0].closed


async def test_words_that_come_late_clear_the_doubted_one(room: Rooms) -> None:
    first, second = hears(LongEars("first"), "Late but there."), LongEars("second")
    here = room(first, second)
    here.speak(1_400)
    first.streams[0].events.on_words(Transcript("Late", 0.9))
    assert here.words == ["Late"]
    await here.settle()
    assert second.streams[0].closed
    assert await here.transcript() == "Late but there."
    assert here.troubles == []


async def test_one_that_tells_words_only_at_the_end_is_cleared_by_its_transcript(room: Rooms) -> None:
    first, second = hears(LongEars("first"), "Slow and sure."), hears(Ears("second"), "Slow and sure.")
    here = room(first, second)
    here.speak(2_000)
    assert await here.transcript() == "Slow and sure."
    await here.settle()
    assert here.standby.first.healthy
    assert here.troubles == []


async def test_a_doubted_one_that_dies_is_lost_and_the_other_goes_on(room: Rooms) -> None:
    first, second = LongEars("first"), hears(LongEars("second"), "Here.")
    here = room(first, second)
    here.speak(1_400)
    first.streams[0].fail()
    assert here.troubles == ["first"]
    assert await here.transcript() == "Here."


async def test_a_transcription_that_is_no_longer_wanted_judges_nobody(room: Rooms) -> None:
    first, second = hears(LongEars("first"), STALL), hears(LongEars("second"), STALL)
    here = room(first, second)
    here.speak(1_400)
    waiting: Coroutine[Any, Any, Transcript] = here.transcriber.transcribe(0, 1_400)
    task = asyncio.ensure_future(waiting)
    await here.settle()
    task.cancel()
    await here.settle()
    assert here.troubles == []
    assert [watched.healthy for watched in here.standby.watched] == [True, True]


# Other languages


async def test_an_utterance_is_heard_again_in_another_language(room: Rooms) -> None:
    along = room(hears(LongEars(), "Hola."))
    [first] = along.standby.watched[0].provider.streams
    along.hear(200)
    along.speak()
    along.transcriber.tune(along.standby, "es")
    second = along.standby.watched[0].provider.streams[-1]
    assert (along.transcriber.language, second.voiced_ms) == ("es", 600)
    along.hear(200)
    assert await along.transcript() == "Hola."
    assert (len(second.asked), first.asked, first.closed) == (1, [], True)
    assert along.standby.watched[0].provider.languages == [("en",), ("es",)]


async def test_who_hears_any_language_is_replaced_between_utterances(room: Rooms) -> None:
    along = room(hears(LongEars(), "Hola."))
    along.transcriber.tune(along.standby, "en", ("en", "es"))
    along.speak()
    along.transcriber.tune(along.standby, "es")
    assert along.standby.watched[0].provider.languages == [("en",), ("en", "en", "es")]
    assert await along.transcript() == "Hola."
    along.turn_over()
    assert along.standby.watched[0].provider.languages[-1] == ("es",)
    await along.settle()
    assert [stream.closed for stream in along.standby.watched[0].provider.streams] == [True, True, False]


async def test_the_same_language_again_changes_nothing(room: Rooms) -> None:
    along = room(LongEars())
    along.transcriber.tune(along.standby, "en")
    assert len(along.standby.watched[0].provider.streams) == 1


async def test_another_language_may_have_recognisers_of_its_own(room: Rooms) -> None:
    asked = room(hears(Ears(), "Hello."))
    other = hears(Ears("oídos"), "Hola.")
    asked.speak()
    asked.transcriber.tune(standby(other), "es")
    assert await asked.transcript() == "Hola."
    assert other.languages == ["es"]
