"""An agent double on a thread of its own, for commands that bring their own event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from typing import TypeVar

from tests.simulator.agent_double import AgentDouble, serving

T = TypeVar("T")


def in_background(agent: AgentDouble) -> AbstractContextManager[int]:
    """Its port."""
    return entered_in_background(serving(agent))


@contextmanager
def entered_in_background(context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter `context` on that thread, and leave it at the end."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()
    entered: list[T] = []

    async def run() -> None:
        async with context as value:
            entered.append(value)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield entered[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
