"""What the parts of OpenAI's double share that answer one request each: keys, numbers, and who went away."""

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from offhook.simulator.clouds.openai import OpenAiDouble, error_answer, json_body, unauthorized
from offhook.simulator.clouds.serving import Fault, Refuse, Stall, forever

__all__ = ["PostedPart"]


class PostedPart(ABC):
    """Takes JSON that is posted to `path`, below the address of the double. `connections` are those that it came by,
    `abandoned` counts clients that did not wait for the answer."""

    def __init__(self, path: str, *, api_key: str):
        self.connections: set[object] = set()
        self.abandoned = 0
        self._path = path
        self._key = api_key
        self._numbers = itertools.count(1)

    def routes(self) -> Iterable[web.RouteDef]:
        """What it answers, below /v1."""
        return [web.post(self._path, self._take)]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve it alone on a free port of this machine; gives the base URL, ending in /v1."""
        async with OpenAiDouble(self, api_key=self._key).serve() as url:
            yield url

    async def _take(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        self.connections.add(request.transport)
        try:
            body = json_body(await request.read())
            if refusal := unauthorized(request, self._key) or self._invalid(body):
                return error_answer(refusal, number)
            return await self._answer(request, body, number)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise

    @abstractmethod
    def _invalid(self, body: Mapping[str, Any]) -> Refuse | None:
        """The refusal of a body that the original does not take."""

    @abstractmethod
    async def _answer(self, request: web.Request, body: Mapping[str, Any], number: int) -> web.StreamResponse:
        """The answer to request `number`, which is sound."""

    async def _failed(self, fault: Fault | None, number: int) -> web.Response | None:
        """The refusal that `fault` wants, if it wants one; does not return where it withholds even the headers."""
        if isinstance(fault, Refuse):
            return error_answer(fault, number)
        if fault == Stall(0):
            await forever()
        return None
