import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from offhook.errors import ProviderError
from offhook.providers.standby import Standby, Watched, in_time

DOWN = ProviderError("is down", provider="a", retryable=True)


class Bench:
    """Time that stands still until the test lets a sleeper wake up."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self._wake.wait()
        self._wake.clear()

    async def wake(self) -> None:
        self._wake.set()
        for _ in range(10):
            await asyncio.sleep(0)


class Vendor:
    """Passes its check, or not."""

    def __init__(self) -> None:
        self.checks = 0
        self.fault: Exception | None = None

    async def check(self) -> None:
        self.checks += 1
        if self.fault is not None:
            raise self.fault


def names(standby: Standby[str]) -> list[tuple[str, float | None]]:
    return [(each.name, limit_s) for each, limit_s in standby.asked()]


async def test_the_best_that_is_well_is_asked_first_and_the_last_has_no_limit() -> None:
    a, b, c = (Watched(name, name, stall_ms=500) for name in "abc")
    standby = Standby([a, b, c])
    assert names(standby) == [("a", 0.5), ("b", 0.5), ("c", None)]
    a.failed(DOWN)
    assert names(standby) == [("b", 0.5), ("c", None)]
    assert standby.best is b
    for each in (b, c):
        each.failed(DOWN)
    assert names(standby) == [("c", None)], "the last one is asked even so"
    for each in (a, b, c):
        await each.close()


async def test_whoever_is_at_work_is_asked_first() -> None:
    a, b = Watched("a", "a"), Watched("b", "b")
    assert [each.name for each, _ in Standby([a, b]).asked(at_work=b)] == ["b", "a"]


async def test_one_that_fails_while_it_is_asked_is_replaced_by_the_next() -> None:
    a, b = Watched("a", "a"), Watched("b", "b")
    standby = Standby([a, b])
    asked = standby.asked()
    first, _ = next(asked)
    first.failed(DOWN)
    assert next(asked) == (b, None)
    assert next(asked, None) is None
    await a.close()


async def test_health_is_shared_between_lists() -> None:
    a, b, c = (Watched(name, name) for name in "abc")
    one, other = Standby([a, b]), Standby([a, c])
    a.failed(DOWN)
    assert (one.best, other.best) == (b, c)
    await a.close()


async def test_it_is_tried_again_ever_more_seldom_and_used_again_when_it_is_well() -> None:
    bench, vendor = Bench(), Vendor()
    watched = Watched("a", "a", check=vendor.check, sleep=bench.sleep, jitter=lambda: 1.0)
    vendor.fault = DOWN
    watched.failed(DOWN)
    await asyncio.sleep(0)
    for _ in range(8):
        await bench.wake()
    assert bench.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert vendor.checks == 8
    vendor.fault = None
    await bench.wake()
    assert watched.healthy
    assert vendor.checks == 9
    assert len(bench.pauses) == 9


async def test_however_many_calls_fail_there_is_one_trial() -> None:
    bench, vendor = Bench(), Vendor()
    watched = Watched("a", "a", check=vendor.check, sleep=bench.sleep)
    for _ in range(50):
        watched.failed(DOWN)
    await asyncio.sleep(0)
    assert len(bench.pauses) == 1
    await bench.wake()
    assert vendor.checks == 1


async def test_pauses_are_jittered_down_to_a_half() -> None:
    bench = Bench()
    watched = Watched("a", "a", sleep=bench.sleep, jitter=lambda: 0.0)
    watched.failed(DOWN)
    await asyncio.sleep(0)
    assert bench.pauses == [0.5]
    await watched.close()


async def test_one_that_passes_its_check_and_fails_again_waits_longer_until_it_has_worked() -> None:
    bench, vendor = Bench(), Vendor()
    watched = Watched("a", "a", check=vendor.check, sleep=bench.sleep, jitter=lambda: 1.0)
    for _ in range(3):
        watched.failed(DOWN)
        await asyncio.sleep(0)
        await bench.wake()
    assert bench.pauses == [1, 2, 4]
    watched.worked()
    watched.failed(DOWN)
    await asyncio.sleep(0)
    assert bench.pauses[-1] == 1
    await watched.close()


async def test_work_that_succeeds_after_all_ends_the_trial() -> None:
    bench, vendor = Bench(), Vendor()
    watched = Watched("a", "a", check=vendor.check, sleep=bench.sleep)
    watched.failed(DOWN)
    await asyncio.sleep(0)
    watched.worked()
    assert watched.healthy
    await bench.wake()
    assert vendor.checks == 0


async def test_a_check_with_a_bug_does_not_end_the_trials() -> None:
    bench, vendor = Bench(), Vendor()
    watched = Watched("a", "a", check=vendor.check, sleep=bench.sleep)
    vendor.fault = RuntimeError("a bug")
    watched.failed(DOWN)
    await asyncio.sleep(0)
    await bench.wake()
    vendor.fault = None
    await bench.wake()
    assert watched.healthy


async def test_warming_up_never_raises_and_happens_once_at_a_time() -> None:
    begun = 0
    through = asyncio.Event()

    async def warm_up() -> None:
        nonlocal begun
        begun += 1
        await through.wait()
        raise DOWN

    watched = Watched("a", "a", warm_up=warm_up)
    both = asyncio.gather(watched.warm_up(), watched.warm_up())
    await asyncio.sleep(0)
    through.set()
    await both
    assert begun == 1
    await watched.warm_up()
    assert begun == 2


async def test_pieces_in_time_pass_and_closing_closes_them() -> None:
    closed = False

    async def pieces() -> AsyncIterator[int]:
        nonlocal closed
        try:
            yield 1
            yield 2
        finally:
            closed = True

    given = in_time(pieces(), 1.0, "a")
    assert await anext(given) == 1
    await given.aclose()
    assert closed


async def test_a_piece_that_does_not_come_is_an_error_and_the_rest_is_closed() -> None:
    closed = False

    async def pieces() -> AsyncIterator[int]:
        nonlocal closed
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed = True

    given = in_time(pieces(), 0.001, "slow")
    assert await anext(given) == 1
    with pytest.raises(ProviderError, match=r"slow: nothing came for 0\.001 s"):
        await anext(given)
    assert closed


async def test_one_whose_limits_are_used_up_is_passed_over_until_they_are_not() -> None:
    left = {"a": 12.0, "b": 0.0}
    a, b = (Watched(name, name, exhausted=partial(left.__getitem__, name)) for name in "ab")
    standby = Standby([a, b])
    assert (standby.best, a.healthy, a.exhausted, standby.any_available) == (b, True, True, True)
    left["b"] = 3.0
    assert (standby.best, standby.any_available) == (b, False), "the last one is asked even so"
    left["a"] = 0.0
    assert standby.best is a
