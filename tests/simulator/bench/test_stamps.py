import pytest

from offhook.simulator.bench.stamps import Stamp, read_stamp, stamp_heard, write_stamp


def test_a_stamp_is_laid_out_as_the_loopback_engine_expects_it() -> None:
    frame = bytearray(160)
    write_stamp(frame, 0, 0x01020304, 0x1122334455667788)
    assert bytes(frame[:24]) == b"OFHK\x04\x03\x02\x01\x88\x77\x66\x55\x44\x33\x22\x11" + bytes(8)
    assert read_stamp(bytes(frame)) == Stamp(0x01020304, 0x1122334455667788, 0)


@pytest.mark.parametrize("payload", [b"", b"OFHK", bytes(320)])
def test_other_frames_carry_none(payload: bytes) -> None:
    assert read_stamp(payload) is None


def test_only_a_stamped_frame_is_told_when_it_was_heard() -> None:
    buffer = bytearray(b"\xff" * 100)
    stamp_heard(buffer, 0, 7)
    stamp_heard(buffer, 90, 7)
    assert buffer == b"\xff" * 100
    write_stamp(buffer, 40, 3, 5)
    stamp_heard(buffer, 40, 7)
    assert read_stamp(bytes(buffer[40:])) == (3, 5, 7)
