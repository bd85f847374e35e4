"""What the REST APIs have in common: a log of requests, errors on demand, and limits."""

import base64
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from aiohttp import web

from offhook.simulator.clouds.media_stream.switch import Switch

__all__ = [
    "Api",
    "ApiError",
    "Limits",
    "RestLog",
    "RestRequest",
    "answer_json",
    "basic_credentials",
    "check_limits",
    "guarded",
]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class RestRequest:
    """A request as it came, and the status it was answered with."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    status: int


class ApiError(Exception):
    """A request that is refused. `code` is the carrier's own."""

    def __init__(self, status: int, message: str, *, code: str = "", details: Mapping[str, Any] | None = None):
        self.status = status
        self.message = message
        self.code = code
        self.details = dict(details or {})
        super().__init__(message)


@dataclass(slots=True)
class Limits:
    """How much an account may do. None is without limit."""

    concurrent: int | None = None
    credit: bool = True


@dataclass(slots=True)
class RestLog:
    """The requests so far, and the errors that wait for the next ones."""

    requests: list[RestRequest] = field(default_factory=list)
    faults: deque[ApiError] = field(default_factory=deque)


class Api(Protocol):
    """The API of one carrier: routes, how to know an account, and how to tell an error."""

    log: RestLog
    limits: Limits
    switch: Switch

    def authorise(self, request: web.Request) -> None:
        """Raises ApiError for a stranger."""
        ...

    async def body(self, request: web.Request) -> Mapping[str, Any]:
        """The request's body as an object. Raises ApiError."""
        ...

    def refusal(self, error: ApiError) -> web.Response:
        """An error in the carrier's shape."""
        ...


def guarded(api: Api, handler: Handler) -> Handler:
    """`handler` behind authentication, faults on demand and the log."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body: Mapping[str, Any] = {}
        try:
            api.authorise(request)
            body = await api.body(request)
            if api.log.faults:
                raise api.log.faults.popleft()
            answer = await handler(request)
        except ApiError as error:
            answer = api.refusal(error)
        seen = RestRequest(request.method, request.path, dict(request.query), body, answer.status)
        api.log.requests.append(seen)
        return answer

    return handle


def check_limits(api: Api) -> None:
    """Whether another call may be placed. Raises ApiError."""
    if not api.limits.credit:
        raise ApiError(402, "insufficient credit", code="INSUFFICIENT_BALANCE")
    most, current = api.limits.concurrent, len(api.switch.live)
    if most is not None and current >= most:
        details = {"limitType": "concurrency", "limit": most, "current": current, "retryAfter": 1}
        raise ApiError(429, "concurrent call limit exceeded", code="RATE_LIMIT_EXCEEDED", details=details)


def basic_credentials(request: web.Request) -> tuple[str, str]:
    """Name and password of HTTP Basic; empty where there are none."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def answer_json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    """An object as JSON."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
