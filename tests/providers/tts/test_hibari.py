import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhook.errors import ModelError, ProviderError
from offhook.providers.tts.base import SpeechChunk, WordTime
from offhook.providers.tts.hibari import HibariSynthesizer
from tests.providers.speech import collect, samples_of

pytestmark = pytest.mark.models

LONG = (
    "I have looked at the calendar, and the earliest appointment that I can offer you with our plumber would be on "
    "Thursday afternoon at half past three, if that is convenient for you. Shall I book it?"
)


def times(chunks: list[SpeechChunk]) -> list[WordTime]:
    return [word for chunk in chunks for word in chunk.words]


def quiet_ms(audio: np.ndarray[Any, np.dtype[np.float32]]) -> tuple[float, float]:
    """Silence before and after the sound."""
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    return float(loud[0] / 24), float((len(audio) - loud[-1]) / 24)


async def test_silence_at_both_ends_is_short(voice: HibariSynthesizer) -> None:
    before, after = quiet_ms(samples_of(await collect(voice, "Thanks for calling, how can I help you today?")))
    assert before < 60
    assert 120 < after < 260


async def test_is_loud_but_not_cut(voice: HibariSynthesizer) -> None:
    peak = np.abs(samples_of(await collect(voice, LONG))).max()
    assert 0.4 < peak < 0.99


async def test_every_word_has_its_time_in_order(voice: HibariSynthesizer) -> None:
    chunks = await collect(voice, LONG)
    words = times(chunks)
    assert [LONG[word.start : word.end] for word in words] == LONG.split()
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(samples_of(chunks)) / 24
    assert all(word.end_ms > word.start_ms for word in words)


async def test_words_are_in_the_chunk_in_which_they_begin(voice: HibariSynthesizer) -> None:
    begin = 0.0
    for chunk in await collect(voice, LONG):
        end = begin + len(chunk.audio) / 48
        assert all(begin <= word.start_ms < end for word in chunk.words)
        begin = end


async def test_a_word_read_as_many_is_one_word(voice: HibariSynthesizer) -> None:
    text = "That is $85 for 2 hours, on 14 March at 10:30."
    words = times(await collect(voice, text))
    assert [text[word.start : word.end] for word in words] == text.split()
    spoken = {text[word.start : word.end]: word.end_ms - word.start_ms for word in words}
    assert spoken["$85"] > 2 * spoken["is"]


async def test_word_times_follow_the_pauses(voice: HibariSynthesizer) -> None:
    """The gap between two sentences is certain, so that the words beside it can be judged."""
    chunks = await collect(voice, "Please hold the line. Nobody knows.")
    first, second = chunks
    end = quiet_ms(samples_of([first]))[1]
    begin = quiet_ms(samples_of([second]))[0]
    length = len(first.audio) / 48
    assert first.words[-1].end_ms == pytest.approx(length - end, abs=80)
    assert second.words[0].start_ms == pytest.approx(length + begin, abs=60)


async def test_the_first_chunk_of_a_long_text_is_small(voice: HibariSynthesizer) -> None:
    chunks = await collect(voice, LONG)
    assert len(chunks) == 4
    assert len(chunks[0].audio) < 48 * 2500


async def test_the_same_text_sounds_the_same(voice: HibariSynthesizer) -> None:
    assert await collect(voice, LONG) == await collect(voice, LONG)


async def test_speed_changes_the_length(voice: HibariSynthesizer) -> None:
    usual, fast, slow = [len(samples_of(await collect(voice, LONG, speed=speed))) for speed in (1.0, 1.5, 0.7)]
    assert fast < 0.8 * usual
    assert slow > 1.25 * usual


@pytest.mark.parametrize("text", ["", "   \n ", "🙂🙂", "你好", "مرحبا", "...", "—", "\u200b"])
async def test_text_without_sound_gives_nothing_or_little(voice: HibariSynthesizer, text: str) -> None:
    assert len(samples_of(await collect(voice, text))) < 24_000


@pytest.mark.parametrize(
    "text",
    [
        "Hello 🙂 there",
        "Привет and hello",
        "word " * 400,
        "9,999,999,999 " * 40,
        "x" * 2000,
        "a@b.co, https://example.com/x?y=1&z=2",
        "[a](/b/) {c} <d> \\e `f`",
        "NULL\x00byte and \x07bell",
    ],
)
async def test_text_that_might_break_does_not(voice: HibariSynthesizer, text: str) -> None:
    chunks = await collect(voice, text)
    assert len(samples_of(chunks)) > 2_400
    assert all(text[word.start : word.end].strip() for word in times(chunks))


async def test_many_at_once_say_what_one_says() -> None:
    voice = HibariSynthesizer(workers=2)
    texts = [f"Number {n} is ready. {LONG} Zyxwol {n * 37}." for n in range(8)]
    alone = [await collect(voice, text) for text in texts]
    together = await asyncio.gather(*(collect(voice, text) for text in texts))
    assert together == alone
    await voice.close()


async def test_closing_the_iterator_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = HibariSynthesizer()
    spoken: list[str] = []
    pronounce = voice._pronounce

    def noted(text: str) -> Any:
        spoken.append(text)
        return pronounce(text)

    monkeypatch.setattr(voice, "_pronounce", noted)
    speech = voice.synthesize(LONG)
    await anext(speech)
    await speech.aclose()
    await collect(voice, "The next one.")
    assert spoken == ["I have looked at the calendar,", "The next one."]
    await voice.close()


async def test_a_closed_voice_says_so() -> None:
    voice = HibariSynthesizer()
    await voice.close()
    with pytest.raises(ProviderError, match="shutdown"):
        await collect(voice, "Hello.")


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(ModelError, match=r'no voice "nobody".*\n.*heart'):
        HibariSynthesizer(voice="nobody")


def test_a_voice_that_would_be_downloaded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r'"emma" is not on this machine.*\n.*use heart'):
        HibariSynthesizer(voice="emma")
