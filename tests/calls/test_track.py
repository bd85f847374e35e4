import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K
from offhook.calls.track import Track
from offhook.providers.tts.base import WordTime


def track(frames: float, *clause_ends: float) -> Track:
    """A track on a mu-law line, where a millisecond has 8 bytes, that ends clauses after so many frames."""
    track = Track(MULAW_8K, "one two six", name="u7")
    for end in (*clause_ends, frames):
        track.append(bytes(int(end * 160) - len(track.audio)))
        if end in clause_ends:
            track.end_clause()
    return track


def test_sound_is_taken_a_frame_at_a_time_and_the_rest_when_it_is_the_rest() -> None:
    growing = track(1.5)
    assert [len(growing.take()) for _ in range(3)] == [160, 0, 0]
    growing.finish()
    assert [len(growing.take()) for _ in range(2)] == [80, 0]
    assert growing.spent


def test_it_is_over_when_it_is_certain_that_all_was_heard() -> None:
    whole = track(1)
    whole.finish()
    whole.take()
    whole.hear(160)
    assert (whole.over, whole.heard_ms, whole.heard_text) == (False, 20, "")
    whole.confirm()
    assert (whole.over, whole.heard_text) == (True, "one two six")


def test_marks_are_due_behind_the_frames_in_which_clauses_end_and_at_the_end() -> None:
    whole = track(4.5, 1.5, 3)
    whole.finish()
    due = []
    while whole.take():
        due.append(whole.next_mark() if whole.mark_due else "")
    assert due == ["", "u7.1", "u7.2", "", "u7.3"]
    assert whole.handed_over


def test_an_empty_track_needs_no_mark() -> None:
    empty = track(0)
    assert not empty.handed_over
    empty.finish()
    assert (empty.mark_due, empty.handed_over, empty.over) == (False, True, True)


def test_what_is_sent_again_is_marked_again_with_new_names() -> None:
    whole = track(4, 2)
    for _ in range(3):
        whole.take()
    assert whole.next_mark() == "u7.1"
    whole.hear(160)
    whole.rewind(whole.heard)
    assert (whole.position, whole.mark_due) == (160, False)
    whole.take()
    assert (whole.mark_due, whole.next_mark()) == (True, "u7.2")


def test_an_end_that_was_not_confirmed_before_a_rewind_is_marked_again() -> None:
    whole = track(1)
    whole.take()
    whole.hear(160)
    whole.rewind(160)
    whole.finish()
    assert (whole.over, whole.handed_over, whole.mark_due) == (False, False, True)


@pytest.mark.parametrize(
    ("at_ms", "word", "position_ms"),
    [(0, "one", 0), (199, "one", 0), (200, "two", 200), (390, "two", 200), (2_500, "", 3_000)],
)
def test_it_goes_back_to_the_beginning_of_a_word(at_ms: int, word: str, position_ms: int) -> None:
    spoken = Track(PCM_8K, "one two six")
    spoken.append(bytes(16 * 4_000), (WordTime(0, 3, 0, 180), WordTime(4, 7, 200, 380)))
    spoken.position = spoken.heard = PCM_8K.bytes_in(3_000)
    assert spoken.back_to_word(at=PCM_8K.bytes_in(at_ms)) == word
    assert (spoken.position, spoken.heard) == (PCM_8K.bytes_in(position_ms),) * 2


def test_an_endless_track_keeps_only_what_was_not_heard() -> None:
    endless = track(5)
    for _ in range(3):
        endless.take()
    endless.hear(320)
    endless.forget()
    assert (len(endless.audio), endless.position, endless.heard) == (3 * 160, 160, 0)
