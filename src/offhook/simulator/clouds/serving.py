"""What the doubles of vendors share: a place to stand, and ways to fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

__all__ = ["Cut", "Fault", "Refuse", "Slow", "Stall", "fails", "forever", "serving"]


@dataclass(frozen=True, slots=True)
class Stall:
    """Fall silent after `pieces` pieces, and stay so until the client goes; 0 withholds even the headers."""

    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """Drop the connection after `pieces` pieces."""

    pieces: int = 1


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait `seconds` before each piece."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an HTTP error in the vendor's shape."""

    status: int
    message: str = "The server had an error while processing your request."
    type: str = "server_error"
    code: str | None = None
    param: str | None = None


Fault = Stall | Cut | Slow | Refuse


async def fails(fault: Fault | None, request: web.Request, sent: int) -> bool:
    """Do what `fault` wants when `sent` pieces are out; true if the connection is gone."""
    if isinstance(fault, Slow):
        await asyncio.sleep(fault.seconds)
    if isinstance(fault, Stall) and sent == fault.pieces:
        await forever()
    if isinstance(fault, Cut) and sent == fault.pieces and request.transport:
        # What was written must be on its way before the connection goes.
        await asyncio.sleep(0.01)
        request.transport.abort()
        return True
    return False


async def forever() -> None:
    """Wait until somebody loses patience."""
    await asyncio.Event().wait()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve on a free port of this machine; gives the address, without a slash at its end."""
    app.middlewares.append(_unheard)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _unheard(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ConnectionError:
        # Clients go in the middle of an answer: it is what some of them are tested for.
        return web.Response()
