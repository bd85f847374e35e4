import struct
import time
from pathlib import Path

from offhook.calls.engines.loopback import MAGIC, STAMP, Loopback
from tests.calls.rig import VOICE, Rig


async def test_each_frame_comes_back_at_the_next_beat_with_the_time_it_was_heard(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.call.answer(Loopback)
    sent_ns = time.monotonic_ns()
    stamped = STAMP.pack(MAGIC, 7, sent_ns, 0) + bytes(320 - STAMP.size)
    await rig.run(20, stamped)
    await rig.run(20, VOICE)
    magic, sequence, sent, heard = STAMP.unpack_from(rig.leg.sent[0])
    assert (magic, sequence, sent) == (MAGIC, 7, sent_ns)
    assert sent_ns < heard < time.monotonic_ns()
    assert rig.leg.sent[1] == VOICE


async def test_a_long_call_keeps_no_more_than_a_second(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    engines: list[Loopback] = []

    def engine(call):  # type: ignore[no-untyped-def]
        engines.append(Loopback(call))
        return engines[0]

    rig.call.answer(engine)
    for index in range(300):
        await rig.run(20, struct.pack("<I", index) * 80)
    assert [struct.unpack_from("<I", frame)[0] for frame in rig.leg.sent] == list(range(300))
    assert len(engines[0]._track.audio) <= 52 * 320
