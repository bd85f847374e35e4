import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from offhook.simulator.bench.slot_clock import SLOTS, SlotClock


class Frames:
    """Notes whose turn it was."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.enough = asyncio.Event()
        self.wanted = 0

    async def until(self, count: int) -> list[str]:
        self.order.clear()
        self.enough.clear()
        self.wanted = count
        await self.enough.wait()
        return self.order[:count]


class Caller:
    def __init__(self, name: str, frames: Frames):
        self.name = name
        self.frames = frames

    async def send(self) -> None:
        self.frames.order.append(self.name)
        if len(self.frames.order) == self.frames.wanted:
            self.frames.enough.set()


@asynccontextmanager
async def running(clock: SlotClock) -> AsyncIterator[None]:
    task = asyncio.create_task(clock.run())
    async with asyncio.timeout(30):
        yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_each_is_served_once_a_round_in_the_order_of_the_slots() -> None:
    clock, frames = SlotClock(), Frames()
    for slot, name in ((7, "c"), (1, "a"), (SLOTS + 4, "b")):
        clock.add(Caller(name, frames), slot)
    async with running(clock):
        order = await frames.until(6)
    assert "".join(order) in "abcabcabc"


async def test_one_that_is_shifted_is_served_seven_slots_later() -> None:
    clock, frames = SlotClock(), Frames()
    moving = Caller("m", frames)
    clock.add(moving, 0)
    clock.add(Caller("x", frames), 5)
    clock.add(Caller("y", frames), 8)
    clock.shift(moving)
    async with running(clock):
        order = await frames.until(6)
    assert "".join(order) in "xmyxmyxmy"


async def test_one_that_is_removed_is_served_no_more_and_may_be_shifted_still() -> None:
    clock, frames = SlotClock(), Frames()
    gone = Caller("g", frames)
    clock.add(gone, 3)
    clock.add(Caller("x", frames), 3)
    clock.remove(gone)
    clock.remove(gone)
    clock.shift(gone)
    async with running(clock):
        order = await frames.until(3)
    assert order == ["x", "x", "x"]


async def test_its_own_lateness_is_known_of_the_measured_time_alone() -> None:
    clock, frames = SlotClock(), Frames()
    clock.add(Caller("x", frames), 0)
    async with running(clock):
        await frames.until(2)
        assert not clock.lateness_ns
        clock.measure_anew()
        await frames.until(2)
    assert len(clock.lateness_ns) >= SLOTS
    clock.measure_anew()
    assert not clock.lateness_ns
