"""An agent double on a thread of its own, for commands that bring their own event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulator.agent_double import AgentDouble, serving


@contextmanager
def in_background(agent: AgentDouble) -> Iterator[int]:
    """Its port."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    done = asyncio.Event()
    ports: list[int] = []

    async def run() -> None:
        async with serving(agent) as port:
            ports.append(port)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
