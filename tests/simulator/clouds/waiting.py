"""Waiting for what a double will have seen."""

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["until"]


async def until(condition: Callable[[], Any], *, seconds: float = 10) -> None:
    """Return when `condition` holds; fail when it does not in `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the server of the double has no event for a client that left
            await asyncio.sleep(0.005)
