from collections.abc import AsyncIterator

from offhook.audio.formats import MULAW_8K, PCM_8K, AudioFormat
from offhook.calls.playout import Playout
from offhook.calls.speaker import Phrases, Speaker
from offhook.calls.track import Track
from tests.calls.rig import MS_A_WORD, Mouth


async def deltas(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def spoken(*texts: str, line: AudioFormat = PCM_8K, mouth: Mouth | None = None) -> tuple[Track, Mouth]:
    mouth = mouth or Mouth()
    playout = Playout(line, send=lambda frame: None)
    track = playout.begin()
    await Speaker(Phrases(mouth), playout, speed=1.0).speak(deltas(*texts), track)
    return track, mouth


async def test_clauses_are_spoken_one_by_one_and_the_text_is_whole() -> None:
    track, mouth = await spoken("We open at eight. ", "On Sundays ", "we are closed.")
    assert track.text == "We open at eight. On Sundays we are closed."
    assert [text.strip() for text in mouth.asked] == ["We open at eight.", "On Sundays we are closed."]
    assert track.complete


async def test_words_know_their_place_in_the_whole_text_and_in_the_sound() -> None:
    track, _ = await spoken("We open at eight. On Sundays we are closed.")
    assert [track.text[word.start : word.end].strip() for word in track.words] == track.text.split()
    assert [round(word.start_ms) for word in track.words] == [MS_A_WORD * index for index in range(9)]
    assert track.length_ms == 9 * MS_A_WORD


async def test_digits_are_spoken_as_words_and_each_knows_the_digit_it_stands_for() -> None:
    track, mouth = await spoken("Call 555-0142 now.")
    assert "five five five" in mouth.asked[0]
    written = [track.text[word.start : word.end].strip() for word in track.words]
    assert written[0] == "Call"
    assert "".join(written[1:-1]).replace("-", "") == "5550142"
    assert written[-1] == "now."


async def test_sound_is_in_the_format_of_the_line() -> None:
    track, _ = await spoken("Hello there.", line=MULAW_8K)
    assert len(track.audio) == 2 * MS_A_WORD * 8


async def test_prepared_lines_are_not_synthesised_again() -> None:
    mouth = Mouth()
    phrases = Phrases(mouth)
    await phrases.prepare(["Hello there. How are you today?"], speed=1.0)
    asked = len(mouth.asked)
    playout = Playout(PCM_8K, send=lambda frame: None)
    track = playout.begin()
    await Speaker(phrases, playout, speed=1.0).speak(deltas("Hello there. How are you today?"), track)
    assert len(mouth.asked) == asked
    assert track.length_ms == 6 * MS_A_WORD


async def test_a_speaker_that_is_stopped_leaves_a_finished_track() -> None:
    async def breaks() -> AsyncIterator[str]:
        yield "We open at eight. On Sundays"
        raise RuntimeError("the brain is gone")

    playout = Playout(PCM_8K, send=lambda frame: None)
    track = playout.begin()
    try:
        await Speaker(Phrases(Mouth()), playout, speed=1.0).speak(breaks(), track)
    except RuntimeError:
        assert track.complete
        assert track.text == "We open at eight. "
