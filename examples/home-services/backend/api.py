"""The HTTP API of the company's system: JSON in, JSON out, a key in the header where one is set."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from .shapes import Lead, Query, Text, Visit, digits
from .store import Store, TakenError

__all__ = ["make_app"]

Shape = TypeVar("Shape", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(store: Store, key: str = "") -> web.Application:
    """The API over `store`; whoever has not the `key` is turned away, if there is one."""
    app = web.Application(middlewares=[_guarded(key), _checked], client_max_size=65_536)
    api = Api(store)
    app.add_routes(
        [
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


class Api:
    """The requests, one method each."""

    def __init__(self, store: Store):
        self._store = store

    async def customer(self, request: web.Request) -> web.Response:
        """Who has this number."""
        return await _answered(self._store.customer, digits(request.match_info["phone"]))

    async def history(self, request: web.Request) -> web.Response:
        """What was done for this number."""
        return await _answered(self._store.history, digits(request.match_info["phone"]))

    async def availability(self, request: web.Request) -> web.Response:
        """When somebody can come."""
        return await _answered(self._store.availability, Query.model_validate(dict(request.query)))

    async def book(self, request: web.Request) -> web.Response:
        """Book a visit; 409 with other times if nobody is free."""
        try:
            return await _answered(self._store.book, await _body(request, Visit), _key(request))
        except TakenError as error:
            return web.json_response({"status": "taken", "free": error.free}, status=409)

    async def lead(self, request: web.Request) -> web.Response:
        """Keep a lead."""
        return await _answered(self._store.lead, await _body(request, Lead), _key(request))

    async def text(self, request: web.Request) -> web.Response:
        """Queue a text message."""
        return await _answered(self._store.text, await _body(request, Text), _key(request))

    async def everything(self, request: web.Request) -> web.Response:
        """All that was entered."""
        return await _answered(self._store.everything)


def _guarded(key: str) -> Any:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if key and not hmac.compare_digest(given.encode(), key.encode()):
            return web.json_response({"error": "the key is missing or wrong"}, status=401)
        return await handler(request)

    return guard


@web.middleware
async def _checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return web.json_response({"error": f"{where}: {first['msg']}"}, status=422)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=422)


async def _body(request: web.Request, shape: type[Shape]) -> Shape:
    return shape.model_validate_json(await request.read())


def _key(request: web.Request) -> str | None:
    return request.headers.get("Idempotency-Key")


async def _answered(work: Callable[..., dict[str, Any]], *asked: Any) -> web.Response:
    return web.json_response(await asyncio.to_thread(work, *asked))
