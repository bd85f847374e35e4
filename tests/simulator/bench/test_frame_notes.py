from offhook.simulator.bench.frame_notes import FrameNotes
from offhook.simulator.bench.stamps import write_stamp


def stamped(sequence: int, sent_ns: int = 5) -> bytes:
    frame = bytearray(160)
    write_stamp(frame, 0, sequence, sent_ns)
    return bytes(frame)


def test_nothing_is_noted_before_and_after_the_measured_time() -> None:
    notes = FrameNotes()
    notes.take(stamped(0), 1)
    notes.begin()
    notes.take(stamped(0), 2)
    notes.end()
    notes.take(stamped(1), 3)
    assert list(notes.arrivals) == [2]
    assert list(notes.sequences) == [0]


def test_frames_that_were_sent_before_arrive_and_do_not_count_as_returned() -> None:
    notes = FrameNotes()
    notes.sequence = 7
    notes.begin()
    notes.take(stamped(6), 20)
    notes.take(stamped(7, 15), 40)
    notes.take(bytes(160), 60)
    assert list(notes.arrivals) == [20, 40, 60]
    assert (list(notes.sequences), list(notes.sent), list(notes.returned)) == ([7], [15], [40])


def test_what_comes_back_when_nothing_is_sent_any_more_is_not_lost_and_has_no_time() -> None:
    notes = FrameNotes()
    notes.begin()
    notes.take(stamped(0), 20)
    notes.drain()
    notes.take(stamped(1), 400)
    assert list(notes.arrivals) == [20]
    assert list(notes.sequences) == [0, 1]
