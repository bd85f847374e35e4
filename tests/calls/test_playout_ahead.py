"""The playout towards carriers with a buffer of their own."""

from collections import deque
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.audio.formats import PCM_8K
from offhook.calls.track import Track
from tests.calls.lines import ahead, frames_of, ramp, sound, words


def test_a_buffer_gets_no_silence() -> None:
    line = ahead()
    assert line.ticks(3) == [PCM_8K.silence] * 3
    track = line.playout.begin()
    track.append(sound(20))
    line.ticks(5)
    track.append(sound(30))
    line.ticks(5)
    assert b"".join(line.sent) == sound(40)


def test_a_carrier_that_has_sound_does_not_miss_more() -> None:
    line = ahead()
    track = line.playout.begin()
    track.append(sound(100))
    line.ticks(6)
    assert (line.playout.underruns, track.heard_ms) == (1, 100)
    line.ticks(3)
    assert line.playout.underruns == 4


def test_a_new_track_goes_out_at_once_up_to_the_lead() -> None:
    line = ahead()
    line.say(ramp(50))
    line.ticks(1)
    assert len(line.sent) == 20
    line.ticks(30)
    assert line.leg.unheard == 20
    line.ticks(25)
    assert line.sent == frames_of(ramp(50))


def test_a_short_track_has_a_mark_behind_its_first_frame_each_clause_and_its_end() -> None:
    line = ahead()
    track = line.playout.begin()
    track.append(sound(50))
    track.end_clause()
    track.append(sound(40))
    track.finish()
    line.say(sound(20))
    line.ticks(1)
    assert line.leg.wire == ["frame", "u1.1", "frame", "frame", "u1.2", "frame", "frame", "u1.3", "frame", "u2.1"]


def test_a_clause_that_ends_after_its_sound_was_sent_is_marked_then() -> None:
    line = ahead()
    track = line.playout.begin()
    track.append(sound(40))
    line.ticks(1)
    track.end_clause()
    line.ticks(1)
    assert line.leg.wire == ["frame", "u1.1", "frame", "u1.2"]
    track.finish()
    line.ticks(2)
    assert line.finished == [track]
    assert line.leg.wire[4:] == []


def test_a_track_begins_when_the_carrier_says_so_and_ends_when_it_says_so() -> None:
    line = ahead()
    line.leg.on_played = lambda name: None
    track = line.say(ramp(4))
    assert line.ticks(10) == [PCM_8K.silence] * 10
    assert line.started == []
    line.playout.played("u1.1")
    assert line.started == [track]
    heard = line.ticks(10)
    assert (heard[:3], set(heard[3:])) == (frames_of(ramp(3)), {PCM_8K.silence})
    assert (track.heard_ms, track.over, line.finished) == (60, False, [])
    line.playout.played("u1.2")
    assert (track.over, line.finished) == (True, [])
    assert line.ticks(1) == frames_of(ramp(1, 3))
    assert line.finished == [track]


def test_a_track_that_is_finished_when_all_was_heard_ends_with_a_mark_too() -> None:
    line = ahead()
    track = line.playout.begin()
    track.append(ramp(3))
    line.ticks(6)
    assert track.heard_ms == 60
    track.finish()
    line.leg.on_played = lambda name: None
    line.ticks(2)
    assert (track.over, line.finished, line.leg.wire[-1]) == (False, [], "u1.2")
    line.playout.played("u1.2")
    line.ticks(1)
    assert line.finished == [track]


def test_a_buffered_track_without_sound_ends_without_having_started() -> None:
    line = ahead()
    line.playout.begin().finish()
    line.ticks(1)
    assert (line.started, len(line.finished), line.leg.wire) == ([], 1, [])


def test_what_the_caller_hears_is_returned_whole_and_in_order() -> None:
    line = ahead()
    line.say(ramp(30), ramp(25, 30))
    line.say(ramp(10, 55))
    heard = [frame for frame in line.ticks(80) if frame != PCM_8K.silence]
    assert heard == frames_of(ramp(65))
    assert [frame for frame in line.leg.heard if frame != PCM_8K.silence] == heard


def test_names_that_mean_nothing_change_nothing() -> None:
    line = ahead()
    track = line.say(ramp(30))
    line.ticks(3)
    before = (track.heard, len(line.sent))
    for name in ("", "u1.1", "u9.9", "u1.2 ", "u1.1"):
        line.playout.played(name)
    assert (track.heard, len(line.sent), track.over) == (*before, False)


def test_a_mark_of_the_track_before_does_not_end_this_one() -> None:
    line = ahead(marks="returned")
    line.say(ramp(5))
    line.ticks(3)
    line.playout.flush()
    track = line.say(ramp(5, 5))
    line.tick()
    for name in ("u1.1", "u1.2"):
        line.playout.played(name)
    assert (track.heard, track.over, line.finished) == (0, False, [])
    line.ticks(10)
    assert line.finished == [track]


def test_a_carrier_without_marks_is_waited_for_twice_and_never_again() -> None:
    line = ahead(marks="lost")
    track = line.say(ramp(40), ramp(40, 40), ramp(40, 80))
    line.ticks(300)
    assert line.finished == [track]
    assert line.sent == frames_of(ramp(120))
    assert line.playout.marks_given_up == 4
    quiet = line.leg.heard.index(frames_of(ramp(1, 119))[0]) - 120
    assert quiet <= 2 * (50 - 20 + 3)
    later = line.say(ramp(100))
    line.ticks(102)
    assert line.finished == [track, later]


def test_a_mark_that_comes_after_all_is_waited_for_again() -> None:
    line = ahead(marks="lost")
    line.say(ramp(2), ramp(2, 2), ramp(2, 4))
    line.ticks(130)
    line.leg.marks = "played"
    line.say(ramp(5))
    line.ticks(10)
    line.leg.marks = "lost"
    held = line.say(ramp(5))
    line.ticks(40)
    assert held.heard == 0


@pytest.mark.parametrize("marks", ["played", "returned", "lost"])
@pytest.mark.parametrize("act", ["pause", "flush"])
def test_a_clear_leaves_what_was_heard_whatever_becomes_of_the_marks(act: str, marks: Any) -> None:
    line = ahead(marks="played")
    track = line.say(ramp(10), ramp(30, 10))
    line.ticks(6)
    assert track.heard_ms == 100
    line.leg.marks = marks
    getattr(line.playout, act)()
    line.ticks(5)
    assert (track.heard_ms, line.leg.unheard, line.leg.wire[-1]) == (100, 0, "clear")
    assert (track.interrupted, line.playout.paused) == (act == "flush", act == "pause")


def test_a_pause_takes_back_all_that_was_not_heard_also_of_the_next_track() -> None:
    line = ahead()
    first, second = line.say(ramp(5)), line.say(ramp(5, 5))
    line.ticks(3)
    assert len(line.sent) == 10
    line.playout.pause()
    assert (first.position, first.heard, second.position) == (640, 640, 0)
    line.ticks(3)
    assert len(line.sent) == 10
    assert line.playout.resume() == ""
    line.ticks(20)
    assert line.finished == [first, second]
    assert line.sent[11:] == frames_of(ramp(10))[3:]


def test_a_pause_before_anything_was_heard_sends_all_of_it_again() -> None:
    line = ahead()
    line.leg.on_played = lambda name: None
    track = line.say(ramp(5))
    line.ticks(2)
    line.playout.pause()
    line.playout.resume()
    line.leg.on_played = line.playout.played
    line.ticks(10)
    assert line.sent == frames_of(ramp(5)) * 2
    assert line.finished == [track]


def test_after_a_pause_the_buffer_gets_the_cut_word_again_from_its_beginning() -> None:
    line = ahead()
    track = line.say(sound(600))
    track.text, track.words = "one two six", list(words((0, 180), (200, 380), (400, 600)))
    line.ticks(11)
    assert track.heard_ms == 200
    line.playout.pause()
    assert line.playout.resume() == "two"
    assert track.heard_ms == 200
    line.ticks(1)
    again = line.leg.buffer[0]
    assert isinstance(again, bytes)
    assert np.frombuffer(again, dtype="<i2")[0] == 0
    assert line.leg.wire[line.leg.wire.index("clear") + 1 :] == ["frame", "u1.3", *["frame"] * 19, "u1.4"]


def test_a_pause_and_the_flush_after_it_clear_once_and_silence_is_never_cleared() -> None:
    line = ahead()
    line.playout.flush()
    line.say(ramp(10))
    line.ticks(3)
    line.playout.pause()
    line.playout.pause()
    line.playout.flush()
    line.say(ramp(5))
    line.ticks(10)
    line.playout.flush()
    assert line.leg.wire.count("clear") == 1


def test_nothing_is_sent_until_the_clear_is_done() -> None:
    line = ahead(deaf_beats=5)
    line.say(ramp(10))
    line.ticks(3)
    line.playout.flush()
    line.say(ramp(10))
    sent = len(line.sent)
    line.ticks(4)
    assert len(line.sent) == sent
    line.ticks(1)
    assert len(line.sent) == sent + 10


def test_resuming_what_was_not_paused_changes_nothing() -> None:
    line = ahead()
    track = line.say(sound(100))
    track.text, track.words = "one", list(words((0, 100)))
    line.ticks(3)
    heard = track.heard
    assert line.playout.resume() == ""
    assert (track.heard, track.heard > 0) == (heard, True)


def test_in_a_late_beat_the_carrier_plays_on_and_gets_nothing() -> None:
    line = ahead()
    track = line.say(ramp(50))
    line.ticks(2)
    sent = len(line.sent)
    assert [line.tick(live=False) for _ in range(3)] == frames_of(ramp(4))[1:]
    assert (len(line.sent), track.heard_ms) == (sent, 80)
    line.ticks(1)
    assert line.leg.unheard == 20


def test_one_mark_lost_among_many_is_made_up_for_by_the_next() -> None:
    line = ahead()
    track = line.say(ramp(5), ramp(5, 5), ramp(5, 10))
    line.leg.on_played = lambda name: None if name == "u1.2" else line.playout.played(name)
    line.ticks(20)
    assert line.finished == [track]
    assert line.playout.marks_given_up == 0


@pytest.mark.parametrize("late_beats", [0, 5, 12])
def test_marks_that_come_late_by_the_way_leave_no_gap_on_the_line_or_in_the_recording(late_beats: int) -> None:
    line = ahead()
    under_way: deque[tuple[int, str]] = deque()
    recorded: list[bytes] = []
    line.leg.on_played = lambda name: under_way.append((len(recorded) + late_beats, name))
    line.say(*[ramp(23, 23 * clause) for clause in range(8)])
    for beat in range(240):
        line.leg.beat()
        while under_way and under_way[0][0] <= beat:
            line.playout.played(under_way.popleft()[1])
        recorded.append(line.playout.tick(True))
    for heard in (line.leg.heard, recorded):
        begin = heard.index(frames_of(ramp(1))[0])
        assert heard[begin : begin + 184] == frames_of(ramp(184))
    assert len(line.finished) == 1


class Telling:
    """A call between a playout and an honest carrier of which the test decides when its marks arrive."""

    def __init__(self) -> None:
        self.line = ahead()
        self.line.leg.on_played = self._told
        self.fate: Literal["now", "later", "lost"] = "now"
        self.later: deque[str] = deque()
        self.tracks: list[Track] = []
        self.paused: set[Track] = set()
        self.made = 0

    def _told(self, name: str) -> None:
        if self.fate == "now" and not self.later:
            self.line.playout.played(name)
        elif self.fate != "lost":
            self.later.append(name)

    @property
    def growing(self) -> Track:
        if not self.tracks or self.tracks[-1].complete or self.tracks[-1].interrupted:
            self.tracks.append(self.line.playout.begin())
        return self.tracks[-1]

    def act(self, what: str, much: int) -> None:
        match what:
            case "beats":
                self.line.ticks(1 + much // 3)
            case "late":
                self.line.tick(live=False)
            case "append":
                self.growing.append(np.arange(self.made, self.made + much * 7).astype("<i2").tobytes())
                self.made += much * 7
            case "clause":
                self.growing.end_clause()
            case "finish":
                self.growing.finish()
            case "now" | "later" | "lost":
                self.fate = what
            case "deliver" if self.later:
                self.line.playout.played(self.later.popleft())
            case "flush" | "pause" | "resume":
                self.paused |= set(self.tracks if what == "pause" else ())
                getattr(self.line.playout, what)()

    def check(self, before: dict[Track, int], what: str) -> None:
        leg = self.line.leg
        assert leg.unheard <= 20
        assert sum(track.position - track.heard for track in self.line.playout._tracks) <= 20 * 320
        for track in self.tracks:
            assert track.confirmed <= track.heard <= track.position <= len(track.audio)
            assert track.heard >= before.get(track, 0) or what == "resume"
        played = sum(frame != PCM_8K.silence for frame in leg.heard)
        if not self.paused:
            assert sum(-(-track.heard // 320) for track in self.tracks) <= played


_ACTS = ["beats", "beats", "late", "append", "append", "clause", "finish", "now", "later", "lost", "deliver"]


def acts(*more: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    act = st.tuples(st.sampled_from([*_ACTS, *more]), st.integers(1, 90))
    return st.lists(act, min_size=5, max_size=80)


@settings(max_examples=200)
@given(st.one_of(acts(), acts("flush"), acts("flush", "pause", "resume", "resume")))
def test_the_buffer_is_never_fuller_than_the_lead_and_nothing_is_heard_before_it_was_played(
    acts: list[tuple[str, int]],
) -> None:
    call = Telling()
    for what, much in acts:
        before = {track: track.heard for track in call.tracks}
        call.act(what, much)
        call.check(before, what)
    call.act("resume", 0)
    call.growing.finish()
    call.line.ticks(50 * len(call.tracks) * 4 + call.made // 160 + 400)
    assert [track for track in call.tracks if not track.interrupted] == call.line.finished
    for track in call.line.finished:
        if track not in call.paused:
            frames = frames_of(bytes(track.audio))
            places = [place for place, frame in enumerate(call.line.sent) if frame in frames]
            assert [call.line.sent[place] for place in places] == frames
            assert places == list(range(places[0], places[0] + len(places))) if places else not track.audio
