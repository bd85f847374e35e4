import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from offhook.audio.formats import MULAW_8K, PCM_8K
from tests.calls.lines import Line, sound, words
from tests.calls.rig import PaperLeg


def test_sends_silence_when_there_is_nothing_to_say() -> None:
    line = Line(PaperLeg(MULAW_8K))
    assert line.ticks(3) == [b"\xff" * 160] * 3
    assert line.sent == [b"\xff" * 160] * 3


def test_one_frame_a_beat_in_order_and_finished_when_heard() -> None:
    line = Line()
    track = line.playout.begin()
    track.append(sound(60))
    track.finish()
    line.ticks(2)
    assert (line.started, line.finished, track.heard_ms) == ([track], [], 40)
    line.ticks(2)
    assert line.finished == [track]
    assert b"".join(line.sent) == sound(60) + PCM_8K.silence


def test_the_last_frame_is_filled_with_silence_only_when_no_more_comes() -> None:
    line = Line()
    track = line.playout.begin()
    track.append(sound(30))
    line.ticks(2)
    assert line.sent[1] == PCM_8K.silence
    assert line.playout.underruns == 1
    track.finish()
    line.ticks(1)
    assert line.sent[2] == sound(10) + bytes(160)
    line.ticks(1)
    assert line.finished == [track]


def test_a_track_finished_after_its_last_sound_was_heard_still_ends() -> None:
    line = Line()
    track = line.playout.begin()
    track.append(sound(20))
    line.ticks(5)
    track.finish()
    line.ticks(1)
    assert line.finished == [track]
    assert not line.playout.active


def test_a_track_without_sound_ends_without_having_started() -> None:
    line = Line()
    line.playout.begin().finish()
    line.ticks(1)
    assert (line.started, len(line.finished), line.playout.active) == ([], 1, False)


def test_pause_fades_out_and_resume_begins_with_the_word_that_was_cut() -> None:
    line = Line()
    track = line.playout.begin()
    track.text = "one two six"
    track.append(sound(600), words((0, 180), (200, 380), (400, 600)))
    track.finish()
    line.ticks(15)
    line.playout.pause()
    line.ticks(3)
    faded = np.frombuffer(line.sent[15], dtype="<i2")
    assert faded[0] > 900
    assert faded[-1] == 0
    assert line.sent[16:] == [PCM_8K.silence] * 2
    assert line.playout.resume() == "two"
    line.ticks(1)
    assert np.frombuffer(line.sent[-1], dtype="<i2")[0] == 0
    assert track.heard_ms == 220


def test_pausing_before_anything_was_heard_keeps_all_of_it() -> None:
    line = Line()
    track = line.playout.begin()
    track.append(sound(40))
    track.finish()
    line.playout.pause()
    line.ticks(3)
    assert line.sent == [PCM_8K.silence] * 3
    line.playout.resume()
    line.ticks(2)
    assert b"".join(line.sent[3:]) == sound(40)


def test_flush_drops_all_and_keeps_only_the_words_that_were_heard() -> None:
    line = Line()
    track = line.playout.begin()
    track.text = "one two six"
    track.append(sound(600), words((0, 180), (200, 380), (400, 600)))
    later = line.playout.begin()
    line.ticks(17)
    assert line.playout.flush() is track
    assert (track.heard_text, track.heard_ms, track.interrupted, later.interrupted) == ("one two", 340, True, True)
    line.ticks(1)
    assert line.sent[-1] == PCM_8K.silence
    assert line.leg.wire.count("clear") == 1


def test_a_beat_that_came_too_late_sends_nothing_and_loses_nothing() -> None:
    line = Line()
    track = line.playout.begin()
    track.append(sound(40))
    track.finish()
    assert line.playout.tick(False) == PCM_8K.silence
    assert line.sent == []
    line.ticks(2)
    assert b"".join(line.sent) == sound(40)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=8), st.lists(st.booleans(), max_size=60))
def test_what_is_sent_is_what_was_said_whatever_the_pieces(pieces: list[int], late: list[bool]) -> None:
    line = Line()
    track = line.playout.begin()
    said = b""
    for index, size in enumerate(pieces):
        piece = np.full(size, index + 1, dtype="<i2").tobytes()
        said += piece
        track.append(piece)
    track.finish()
    for is_late in late:
        line.playout.tick(not is_late)
    line.ticks(len(said) // 320 + 2)
    assert b"".join(line.sent).startswith(said)
    assert line.finished == [track]
