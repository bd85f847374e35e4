"""Waiting for a stream to have heard enough."""

import asyncio
from collections.abc import Callable

from offhook.errors import ProviderError

__all__ = ["Waiting"]


class Waiting:
    """Those who wait at one stream."""

    def __init__(self) -> None:
        self._waits: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._error: ProviderError | None = None

    async def until(self, ready: Callable[[], bool], patience_s: float) -> bool:
        """Wait until `ready`, which is asked at each `wake`; False when it was not within `patience_s`.

        Raises the error of `fail`, also of one that came before."""
        if ready():
            return True
        if self._error:
            raise self._error
        wait = (ready, asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        try:
            async with asyncio.timeout(patience_s):
                await wait[1]
        except TimeoutError:
            return False
        finally:
            self._waits.remove(wait)
        return True

    def wake(self) -> None:
        """Something was heard."""
        for ready, future in self._waits:
            if not future.done() and ready():
                future.set_result(None)

    def fail(self, error: ProviderError) -> None:
        """Nothing will be heard any more."""
        self._error = self._error or error
        for _, future in self._waits:
            if not future.done():
                future.set_exception(error)
