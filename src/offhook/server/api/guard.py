"""What stands before every resource of the API: the key, and errors as JSON."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from offhook.errors import CallError, CarrierError, ConfigError

__all__ = ["ApiError", "answer", "body_of", "guarded"]

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST_BYTES = 65_536


class ApiError(Exception):
    """A request that cannot be served, with its HTTP status."""

    def __init__(self, status: int, problem: str):
        self.status = status
        super().__init__(problem)


def answer(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def guarded(key: str) -> web.Application:
    """An application that lets in who shows `key`, and tells errors as {"error": …}."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _shows(request, key):
            refusal = answer({"error": "the API key is missing or wrong; send Authorization: Bearer <key>"}, 401)
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        try:
            return await handler(request)
        except (ApiError, CallError, ConfigError) as error:
            return answer({"error": str(error)}, _status(error))
        except web.HTTPException as error:
            return answer({"error": error.reason}, error.status)
        except Exception:
            # A request's top: a fault of ours ends this request only.
            log.exception("a fault in the API", path=request.path)
            return answer({"error": "a fault of the server; its log says more"}, 500)

    return web.Application(middlewares=[guard])


async def body_of(request: web.Request, model: type[M]) -> M:
    """The request's JSON, checked. Raises ApiError that names the field at fault."""
    if (request.content_length or 0) > _MOST_BYTES:
        raise ApiError(413, f"the body is longer than {_MOST_BYTES} bytes")
    try:
        tree = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"the body is no JSON: {error}") from error
    if not isinstance(tree, dict):
        raise ApiError(400, "the body is no JSON object")
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ApiError(400, f"{where}: {first['msg']}" if where else first["msg"]) from error


def _shows(request: web.Request, key: str) -> bool:
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(
        shown.strip().encode(errors="surrogateescape"), key.encode()
    )


def _status(error: ApiError | CallError | ConfigError) -> int:
    if isinstance(error, ApiError):
        return error.status
    if isinstance(error, CarrierError):
        return 502 if error.offered else 409
    return 409 if isinstance(error, CallError) else 503
