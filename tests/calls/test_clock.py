import asyncio

import pytest

from offhook.calls.clock import MediaClock


class VirtualTime:
    """Time that passes only in sleep, as much as the test says."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oversleep: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + 1e-9 + (self.oversleep.pop(0) if self.oversleep else 0.0)
        await asyncio.sleep(0)


class Beats:
    def __init__(self, clock: MediaClock, stop_after: int) -> None:
        self.clock = clock
        self.stop_after = stop_after
        self.live: list[bool] = []
        self.done = asyncio.Event()

    def tick(self, live: bool) -> None:
        self.live.append(live)
        if len(self.live) == self.stop_after:
            self.done.set()


async def run(time: VirtualTime, beats: int) -> tuple[MediaClock, Beats]:
    clock = MediaClock(now=time, sleep=time.sleep)
    listener = Beats(clock, beats)
    clock.add(listener)
    task = asyncio.create_task(clock.run())
    await listener.done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return clock, listener


async def test_beats_fifty_times_a_second() -> None:
    time = VirtualTime()
    clock, beats = await run(time, 500)
    assert time.now == pytest.approx(110.0, abs=0.021)
    assert all(beats.live)
    assert (clock.late, clock.lost) == (0, 0)


async def test_oversleeping_does_not_add_up() -> None:
    time = VirtualTime()
    time.oversleep = [0.007] * 1000
    clock, _ = await run(time, 500)
    assert time.now == pytest.approx(110.0, abs=0.03)
    assert clock.lost == 0


async def test_missed_beats_are_given_and_only_the_newest_three_are_live() -> None:
    time = VirtualTime()
    time.oversleep = [0.0, 0.2]
    clock, beats = await run(time, 20)
    assert beats.live[:15] == [True, *[False] * 8, *[True] * 6]
    assert clock.late == 10


async def test_a_suspended_machine_skips() -> None:
    time = VirtualTime()
    time.oversleep = [3600.0]
    clock, beats = await run(time, 50)
    assert clock.lost > 170_000
    assert beats.live.count(True) == 3


async def test_removed_ones_are_left_alone_and_later_work_is_done_once_a_wake_up() -> None:
    time = VirtualTime()
    clock = MediaClock(now=time, sleep=time.sleep)
    first, second = Beats(clock, 1), Beats(clock, 3)
    clock.add(first)
    clock.add(second)
    work: list[int] = []
    clock.after(lambda: work.append(clock.beats))
    time.now += 0.0201
    clock.catch_up()
    clock.remove(first)
    time.now += 0.04
    clock.catch_up()
    assert (len(first.live), len(second.live), work) == (1, 3, [1, 3])


async def test_with_nobody_to_beat_it_rests_and_goes_on_without_haste() -> None:
    time = VirtualTime()
    clock = MediaClock(now=time, sleep=time.sleep)
    task = asyncio.create_task(clock.run())
    for _ in range(10):
        await asyncio.sleep(0)
    assert (time.now, clock.beats) == (100.0, 0)
    time.now += 3600
    beats = Beats(clock, 10)
    clock.add(beats)
    await beats.done.wait()
    clock.remove(beats)
    for _ in range(10):
        await asyncio.sleep(0)
    rested_at = time.now
    assert rested_at == pytest.approx(3700.2, abs=0.05)
    assert (clock.late, clock.lost) == (0, 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
