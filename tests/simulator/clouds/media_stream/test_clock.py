import time

from offhook.simulator.clouds.media_stream.clock import RealTime


async def test_time_runs_as_fast_as_it_is_told() -> None:
    clock, began = RealTime(50), time.monotonic()
    before, day = clock.now_s(), clock.utc()
    await clock.sleep(2)
    passed = clock.now_s() - before
    assert passed >= 2
    assert time.monotonic() - began < passed
    assert (clock.utc() - day).total_seconds() >= 2


async def test_nothing_to_wait_for() -> None:
    await RealTime().sleep(-5)
