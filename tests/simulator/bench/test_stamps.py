import pytest

from offhook.simulator.bench.stamps import Stamp, read_stamp, write_stamp


def test_a_stamp_is_laid_out_as_the_loopback_engine_expects_it() -> None:
    frame = bytearray(160)
    write_stamp(frame, 0, 0x01020304, 0x1122334455667788)
    assert bytes(frame[:24]) == b"OFHK\x04\x03\x02\x01\x88\x77\x66\x55\x44\x33\x22\x11" + bytes(8)
    assert read_stamp(bytes(frame)) == Stamp(0x01020304, 0x1122334455667788, 0)


@pytest.mark.parametrize("payload", [b"", b"OFHK", bytes(320)])
def test_other_frames_carry_none(payload: bytes) -> None:
    assert read_stamp(payload) is None
