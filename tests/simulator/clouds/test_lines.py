import asyncio

import pytest

from offhook.audio.formats import MULAW_8K
from offhook.simulator.clouds.lines import Faults, Framer, SlowHandshake
from offhook.simulator.clouds.serving import Cut, Stall


async def test_faults_go_round_once() -> None:
    faults = Faults([Stall(2), None, Cut(0)])
    assert [await faults.next() for _ in range(4)] == [Stall(2), None, Cut(0), None]


async def test_a_slow_handshake_is_waited_for() -> None:
    task = asyncio.create_task(Faults([SlowHandshake(60)]).next())
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    assert await Faults([SlowHandshake(0)]).next() == SlowHandshake(0)


@pytest.mark.parametrize("sizes", [[160, 160], [100, 220], [320], [1] * 320])
def test_frames_are_whole_whatever_comes(sizes: list[int]) -> None:
    framer = Framer(MULAW_8K)
    frames = [frame for size in sizes for frame in framer.cut(bytes(size))]
    assert [len(frame) for frame in frames] == [160, 160]


def test_a_rest_waits() -> None:
    framer = Framer(MULAW_8K)
    assert framer.cut(bytes(159)) == []
    assert framer.cut(bytes(1)) == [bytes(160)]
