"""The HTTP API of the company's system: JSON in, JSON out, a key in the header where one is set.

What a caller can be told, such as that a day is full, is a 200 with a `status`; only what went wrong is an error."""

import asyncio
import hmac
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware
from pydantic import BaseModel, ValidationError

from .shapes import Lead, Query, Text, Visit, digits
from .store import Store

__all__ = ["make_app", "serving"]

_Shape = TypeVar("_Shape", bound=BaseModel)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(store: Store, key: str = "") -> web.Application:
    """The API over `store`; whoever has not the `key` is turned away, if there is one."""
    app = web.Application(middlewares=[_guarded(key), _checked], client_max_size=65_536)
    api = _Api(store)
    app.add_routes(
        [
            web.get("/health", _health),
            web.get("/customers/{phone}", api.customer),
            web.get("/customers/{phone}/history", api.history),
            web.get("/availability", api.availability),
            web.post("/visits", api.book),
            web.post("/leads", api.lead),
            web.post("/texts", api.text),
            web.get("/everything", api.everything),
        ]
    )
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve inside; gives the port, which is a free one for 0. Raises OSError for one that is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


class _Api:
    """The requests, one method each."""

    def __init__(self, store: Store):
        self._store = store

    async def customer(self, request: web.Request) -> web.Response:
        """Who has this number."""
        return await _answered(self._store.customer, _number(request))

    async def history(self, request: web.Request) -> web.Response:
        """What was done for this number."""
        return await _answered(self._store.history, _number(request))

    async def availability(self, request: web.Request) -> web.Response:
        """When somebody can come."""
        return await _answered(self._store.availability, Query.model_validate(dict(request.query)))

    async def book(self, request: web.Request) -> web.Response:
        """Book a visit."""
        return await _answered(self._store.book, await _body(request, Visit), _key(request))

    async def lead(self, request: web.Request) -> web.Response:
        """Keep a lead."""
        return await _answered(self._store.lead, await _body(request, Lead), _key(request))

    async def text(self, request: web.Request) -> web.Response:
        """Queue a text message."""
        return await _answered(self._store.text, await _body(request, Text), _key(request))

    async def everything(self, _: web.Request) -> web.Response:
        """All that was entered."""
        return await _answered(self._store.everything)


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _guarded(key: str) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key and request.path != "/health" and not hmac.compare_digest(given.encode(), key.encode()):
            return web.json_response({"error": "the key is missing or wrong"}, status=401)
        return await handler(request)

    return guard


@web.middleware
async def _checked(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        return web.json_response({"error": f"{where}: {first['msg']}"}, status=422)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=422)
    except sqlite3.OperationalError:
        return web.json_response({"error": "the data cannot be used just now"}, status=503)


async def _body(request: web.Request, shape: type[_Shape]) -> _Shape:
    return shape.model_validate_json(await request.read())


def _number(request: web.Request) -> str:
    """The digits of the number asked for: none of "anonymous" and whatever else carriers write, who is unknown."""
    try:
        return digits(request.match_info["phone"])
    except ValueError:
        return ""


def _key(request: web.Request) -> str | None:
    return request.headers.get("Idempotency-Key")


async def _answered(work: Callable[..., dict[str, Any]], *asked: Any) -> web.Response:
    return web.json_response(await asyncio.to_thread(work, *asked))
