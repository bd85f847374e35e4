from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.openai_greeting import check_greeting
from offhook.simulator.clouds.serving import serving


@asynccontextmanager
async def greeting(text: str = "", *, code: int = 1000, reason: bytes = b"") -> AsyncIterator[ApiServer]:
    """A client of a server that says `text`, if anything, and closes."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if text:
            await socket.send_str(text)
        await socket.close(code=code, message=reason)
        return socket

    app = web.Application()
    app.router.add_get("/realtime", handle)
    async with serving(app) as url:
        server = ApiServer("openai", url, ApiKey("sk-1"), timeout_s=5)
        yield server
        await server.close()


async def test_a_server_that_greets() -> None:
    async with greeting('{"type":"session.created"}') as server:
        await check_greeting(server, "/realtime", ())


@pytest.mark.parametrize(
    ("text", "status", "retryable"),
    [
        ('{"type":"error","error":{"code":"invalid_api_key","message":"no"}}', 401, False),
        ('{"type":"error","error":{"code":"insufficient_quota","message":"no"}}', None, False),
        ('{"type":"error","error":{"code":"server_error","message":"no"}}', None, True),
        ('{"type":"error"}', None, True),
        ("{", None, True),
    ],
)
async def test_a_server_that_objects(text: str, status: int | None, retryable: bool) -> None:
    async with greeting(text) as server:
        with pytest.raises(ProviderError) as caught:
            await check_greeting(server, "/realtime", ())
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


@pytest.mark.parametrize(
    ("code", "reason", "status", "retryable"),
    [(3000, b"invalid_request_error.invalid_api_key", 401, False), (1013, b"later", 1013, True)],
)
async def test_a_server_that_closes(code: int, reason: bytes, status: int, retryable: bool) -> None:
    async with greeting(code=code, reason=reason) as server:
        with pytest.raises(ProviderError) as caught:
            await check_greeting(server, "/realtime", ())
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
