import asyncio

import pytest

from offhook.errors import ProviderError
from offhook.providers.stt.waiting import Waiting

LONG_S = 60.0


async def test_what_is_ready_is_not_waited_for() -> None:
    waiting = Waiting()
    waiting.fail(ProviderError("gone"))
    assert await waiting.until(lambda: True, LONG_S)


async def test_waking_lets_go_whoever_is_ready() -> None:
    waiting, heard = Waiting(), {"first"}
    first = asyncio.create_task(waiting.until(lambda: "one" in heard, LONG_S))
    second = asyncio.create_task(waiting.until(lambda: "two" in heard, LONG_S))
    await asyncio.sleep(0)
    heard.add("one")
    waiting.wake()
    assert await first
    assert not second.done()
    heard.add("two")
    waiting.wake()
    waiting.wake()
    assert await second


async def test_patience_ends() -> None:
    assert not await Waiting().until(lambda: False, 0.01)


async def test_failure_reaches_those_who_wait_and_those_who_come() -> None:
    waiting = Waiting()
    task = asyncio.create_task(waiting.until(lambda: False, LONG_S))
    await asyncio.sleep(0)
    waiting.fail(ProviderError("first"))
    waiting.fail(ProviderError("second"))
    with pytest.raises(ProviderError, match="first"):
        await task
    with pytest.raises(ProviderError, match="first"):
        await waiting.until(lambda: False, LONG_S)


async def test_whoever_loses_interest_is_forgotten() -> None:
    waiting, heard = Waiting(), set[str]()
    task = asyncio.create_task(waiting.until(lambda: bool(heard), LONG_S))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    heard.add("word")
    waiting.wake()
    waiting.fail(ProviderError("gone"))
    assert task.cancelled()
