"""Waiting for what a double will have seen."""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["until"]


async def until(condition: Callable[[], Any]) -> None:
    """Return when `condition` holds; fail when it does not in ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the server of the double has no event for a client that left
            await asyncio.sleep(0.005)
