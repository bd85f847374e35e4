"""Asterisk's queue of a WebSocket channel: what it plays, tells, and drops."""

from collections.abc import Mapping

import pytest

from offhook.simulator.clouds.asterisk_media_queue import MOST_FRAMES, XOFF_FRAMES, XON_FRAMES, Flushed, MediaQueue

FRAME = bytes(range(160))
Told = list[tuple[str, Mapping[str, object]]]


def queue(*, is_json: bool = False) -> tuple[MediaQueue, Told]:
    told: Told = []
    return MediaQueue(160, lambda event, fields: told.append((event, fields)), is_json=is_json), told


def test_it_plays_a_frame_a_tick_and_then_nothing() -> None:
    line, _ = queue()
    line.media(FRAME * 2)
    assert [line.tick(), line.tick(), line.tick()] == [FRAME, FRAME, None]
    assert (line.played, line.longest, line.frames, line.lost) == (2, 2, 0, [])


def test_a_mark_is_told_when_the_frame_before_it_is_over() -> None:
    line, told = queue()
    line.media(FRAME)
    line.text("MARK_MEDIA a")
    line.tick()
    assert told == []
    line.tick()
    assert told == [("MEDIA_MARK_PROCESSED", {"correlation_id": "a"})]


def test_marks_take_no_time() -> None:
    line, told = queue()
    line.text("MARK_MEDIA a")
    line.text("MARK_MEDIA b")
    line.media(FRAME)
    assert line.tick() == FRAME
    assert line.marks == ["a", "b"]
    assert len(told) == 2


def test_a_flush_drops_sound_and_marks_and_tells_nothing() -> None:
    line, told = queue()
    line.media(FRAME * 3)
    line.text("MARK_MEDIA a")
    line.tick()
    line.text("FLUSH_MEDIA")
    assert (line.tick(), told) == (None, [])
    assert line.flushes == [Flushed(played=1, dropped=2, marks=("a",))]


def test_a_tail_shorter_than_a_frame_is_lost() -> None:
    line, _ = queue()
    line.media(FRAME + b"x" * 10)
    line.media(b"x" * 150)
    assert (line.frames, line.lost) == (
        1,
        ["10 bytes behind the last whole frame", "150 bytes behind the last whole frame"],
    )


def test_in_bulk_a_tail_is_kept() -> None:
    line, _ = queue()
    line.text("START_MEDIA_BUFFERING")
    line.media(FRAME + FRAME[:10])
    line.media(FRAME[10:] + b"end")
    line.text("STOP_MEDIA_BUFFERING done")
    assert [line.tick(), line.tick(), line.tick()] == [FRAME, FRAME, b"end"]
    assert line.lost == []


def test_flow() -> None:
    line, told = queue()
    line.media(FRAME * XOFF_FRAMES)
    assert told == [("MEDIA_XOFF", {})]
    while line.frames >= XON_FRAMES:
        line.tick()
    assert len(told) == 1
    line.tick()
    assert told[1:] == [("MEDIA_XON", {})]


def test_a_full_queue_takes_nothing() -> None:
    line, _ = queue()
    line.media(FRAME * MOST_FRAMES)
    line.media(FRAME)
    assert (line.frames, line.lost) == (MOST_FRAMES, ["160 bytes for a full queue"])


def test_a_pause() -> None:
    line, _ = queue()
    line.media(FRAME)
    line.text("PAUSE_MEDIA")
    assert line.tick() is None
    line.text("CONTINUE_MEDIA")
    assert line.tick() == FRAME


def test_reports() -> None:
    line, told = queue()
    line.text("REPORT_QUEUE_DRAINED")
    line.text("GET_STATUS")
    line.tick()
    line.tick()
    assert [event for event, _ in told] == ["STATUS", "QUEUE_DRAINED"]
    assert told[0][1]["queue_length"] == 0


def test_json() -> None:
    line, told = queue(is_json=True)
    line.text('{"command":"MARK_MEDIA","correlation_id":"a"}')
    line.text('{"command":"ANSWER"}')
    line.tick()
    assert told == [("MEDIA_MARK_PROCESSED", {"correlation_id": "a"})]
    assert line.lost == []


@pytest.mark.parametrize("text", ["{nonsense", "7", "[]", "{}"])
def test_what_is_no_command_in_json(text: str) -> None:
    line, told = queue(is_json=True)
    line.text(text)
    assert told == [("ERROR", {"error_text": "Unable to parse JSON command"})]
    assert len(line.lost) == 1


@pytest.mark.parametrize("text", ["", "MARK_MEDIA " + "x" * 118, "mark_media a", "PLAY"])
def test_what_is_passed_over(text: str) -> None:
    line, told = queue()
    line.text(text)
    assert (len(line.lost), told, line.marks) == (1, [], [])


def test_hanging_up() -> None:
    line, _ = queue()
    assert not line.ended
    line.text("HANGUP")
    assert line.ended
