"""A double of OpenAI's API on one address, made of the parts that a test wants: chat, speech and so on.

The parts share how a key is checked and how an error is told.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from aiohttp import web

from offhook.simulator.clouds.serving import Refuse, serving

__all__ = ["OpenAiDouble", "Part", "bad_request", "error_answer", "json_answer", "json_body", "unauthorized"]


class Part(Protocol):
    """One resource of the API."""

    def routes(self) -> Iterable[web.RouteDef]:
        """What it answers, below /v1."""
        ...


class OpenAiDouble:
    """Serves `parts`; for `api_key` it lists models, so that a client can see whether it is there."""

    def __init__(self, *parts: Part, api_key: str = ""):
        self._parts = parts
        self._key = api_key
        self.models_asked = 0

    def app(self) -> web.Application:
        """The API, to be served by whoever calls."""
        app = web.Application(client_max_size=16 << 20)
        app.router.add_get("/v1/models", self._models)
        for part in self._parts:
            app.router.add_routes(part.routes())
        return app

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the base URL, ending in /v1."""
        async with serving(self.app()) as address:
            yield f"{address}/v1"

    async def _models(self, request: web.Request) -> web.Response:
        self.models_asked += 1
        if refusal := unauthorized(request, self._key):
            return error_answer(refusal, self.models_asked)
        return json_answer({"object": "list", "data": []}, self.models_asked)


def unauthorized(request: web.Request, key: str) -> Refuse | None:
    """The refusal of a request that does not carry `key`, if one is needed."""
    given = request.headers.get("Authorization", "")
    if not key or given == f"Bearer {key}":
        return None
    shown = given.removeprefix("Bearer ")
    return Refuse(401, f"Incorrect API key provided: {shown}.", "invalid_request_error", "invalid_api_key")


def bad_request(message: str, param: str, code: str = "invalid_request") -> Refuse:
    """The refusal of a request that is wrong in `param`."""
    return Refuse(400, message, "invalid_request_error", code, param)


def error_answer(refusal: Refuse, number: int) -> web.Response:
    """An error in OpenAI's shape."""
    error = {"message": refusal.message, "type": refusal.type, "param": refusal.param, "code": refusal.code}
    return json_answer({"error": error}, number, refusal.status)


def json_answer(value: Mapping[str, Any], number: int, status: int = 200) -> web.Response:
    """JSON with the id of request `number`."""
    headers = {"x-request-id": f"req_{number}"}
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)


def json_body(body: bytes) -> dict[str, Any]:
    """The object that `body` is in JSON; empty for anything else."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
