"""A carrier's REST API made of paper: it keeps what it was asked and answers what the test wrote down."""

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

__all__ = ["Asked", "CarrierFake", "Cut", "Stall"]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Cut:
    """The connection breaks without an answer."""


@dataclass(frozen=True)
class Stall:
    """No answer comes."""


class CarrierFake:
    """Answers each request with the next of `answers`: status and body; 200 and nothing when there are no more."""

    def __init__(self, *answers: tuple[int, object] | Cut | Stall) -> None:
        self.answers = deque(answers)
        self.asked: list[Asked] = []

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Listen on a free port; gives the address."""
        runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.raw_path, dict(request.headers), await request.read()))
        answer = self.answers.popleft() if self.answers else (200, b"")
        if isinstance(answer, tuple):
            status, body = answer
            content = body if isinstance(body, bytes) else orjson.dumps(body)
            return web.Response(status=status, body=content, content_type="application/json")
        if isinstance(answer, Stall):
            await request.content.readany()
            transport = request.transport
            while transport is not None and not transport.is_closing():
                await _pause()
        elif request.transport is not None:
            request.transport.close()
        return web.Response()


async def _pause() -> None:
    import asyncio

    await asyncio.sleep(0.005)
