from collections.abc import AsyncIterator

import numpy as np

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_24K, AudioFormat
from offhook.audio.g711 import alaw_decode, mulaw_decode
from offhook.calls.playout import Playout
from offhook.calls.speaker import Speaker
from offhook.calls.track import Track
from offhook.providers.tts.base import SpeechChunk
from tests.calls.rig import MS_A_WORD, Mouth, phrases_of


async def deltas(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


async def spoken(*texts: str, line: AudioFormat = PCM_8K, mouth: Mouth | None = None) -> tuple[Track, Mouth]:
    mouth = mouth or Mouth()
    playout = Playout(line, send=lambda frame: None)
    track = playout.begin()
    await Speaker(phrases_of(mouth), playout, speed=1.0).speak(deltas(*texts), track)
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


async def test_the_track_knows_where_clauses_end() -> None:
    track, _ = await spoken("We open at eight. On Sundays we are closed.")
    assert [round(PCM_8K.ms_in(end)) for end in track.clause_ends] == [4 * MS_A_WORD, 9 * MS_A_WORD]


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


class Chunks(Mouth):
    """Says the same chunks whatever it is asked."""

    def __init__(self, *chunks: tuple[bytes, AudioFormat]) -> None:
        super().__init__()
        self._chunks = chunks

    async def synthesize(
        self,
        text: str,
        *,
        format: AudioFormat,  # noqa: A002 - as the contract names it
        speed: float = 1.0,
    ) -> AsyncIterator[SpeechChunk]:
        for audio, audio_format in self._chunks:
            yield SpeechChunk(audio, audio_format, ())


def pcm(level: int, samples: int) -> bytes:
    return np.full(samples, level, "<i2").tobytes()


async def test_the_voice_is_asked_for_what_the_line_speaks() -> None:
    _, mouth = await spoken("Hello there.", line=MULAW_8K)
    assert mouth.formats == [MULAW_8K]


async def test_what_is_in_the_format_of_the_line_passes_through_untouched() -> None:
    audio = bytes(range(256)) * 3
    pieces = [audio[:1], audio[1:163], audio[163:163], audio[163:]]
    track, _ = await spoken("Hello.", line=MULAW_8K, mouth=Chunks(*((piece, MULAW_8K) for piece in pieces)))
    assert track.audio == audio


async def test_frames_are_kept_whole_where_the_rate_changes() -> None:
    whole = pcm(6000, 480 * 5)
    cut = [whole[:2], whole[2:962], whole[962:4000], whole[4000:]]
    in_one, _ = await spoken("Hello.", mouth=Chunks((whole, PCM_24K)))
    in_pieces, _ = await spoken("Hello.", mouth=Chunks(*((piece, PCM_24K) for piece in cut)))
    assert in_pieces.audio == in_one.audio
    assert in_one.length_ms == 100


async def test_the_last_frame_is_filled_up_with_silence() -> None:
    track, _ = await spoken("Hello.", line=PCM_24K, mouth=Chunks((pcm(6000, 200), PCM_8K)))
    assert track.length_ms == 40
    assert not np.frombuffer(track.audio, "<i2")[-240:].any()


async def test_the_format_may_change_within_a_clause() -> None:
    chunks = Chunks((b"\x10" * 100, ALAW_8K), (pcm(6000, 500), PCM_24K), (b"\x20" * 7, MULAW_8K))
    track, _ = await spoken("Hello.", line=MULAW_8K, mouth=chunks)
    assert len(track.audio) == 100 + 2 * 160 + 7
    levels = np.frombuffer(mulaw_decode(bytes(track.audio)), "<i2").astype(int)
    assert abs(levels[50] - np.frombuffer(alaw_decode(b"\x10"), "<i2")[0]) < 400
    assert abs(levels[200] - 6000) < 400
    assert levels[300:420].max() < 100
    assert track.audio[-7:] == b"\x20" * 7


async def test_a_prepared_line_serves_any_leg() -> None:
    phrases = phrases_of(Chunks((pcm(6000, 480 * 5), PCM_24K)))
    await phrases.prepare(["Hello."], speed=1.0)
    for line in (PCM_8K, MULAW_8K, PCM_24K):
        playout = Playout(line, send=lambda frame: None)
        track = playout.begin()
        await Speaker(phrases, playout, speed=1.0).say("Hello.", track)
        assert track.length_ms == 100


async def test_prepared_lines_are_not_synthesised_again() -> None:
    mouth = Mouth()
    phrases = phrases_of(mouth)
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
        await Speaker(phrases_of(Mouth()), playout, speed=1.0).speak(breaks(), track)
    except RuntimeError:
        assert track.complete
        assert track.text == "We open at eight. "
