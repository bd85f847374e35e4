import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer

SECRET = "very-secret-0123456789"
KEY = ApiKey(SECRET, "xi-api-key", "", "VENDOR_KEY")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def asking(handler: Handler, key: ApiKey = KEY, timeout_s: float = 5.0) -> AsyncIterator[ApiServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = ApiServer("vendor", f"http://127.0.0.1:{runner.addresses[0][1]}/v1/", key, timeout_s=timeout_s)
    try:
        yield server
    finally:
        await server.close()
        await runner.cleanup()


def answering(body: str, status: int = 200, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(
            text=body, status=status, headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    return answer


async def refused(body: str, status: int, key: ApiKey = KEY, **headers: str) -> ProviderError:
    async with (
        asking(answering(body, status, **headers), key) as server,
        server.post("/say", {}, accept="*/*") as response,
    ):
        return server.refused(await server.refusal(response))


async def test_a_request_carries_the_key_and_the_body() -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.path_qs, request.headers["xi-api-key"], await request.read()))
        return web.Response(text="ok")

    async with (
        asking(answer) as server,
        server.post("/say", {"text": "hi"}, accept="*/*", params={"a": "b"}) as response,
    ):
        assert await response.text() == "ok"
    assert seen == [("/v1/say?a=b", SECRET, b'{"text":"hi"}')]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error":{"message":"Slow down.","code":"rate_limit_exceeded"}}', "Slow down."),
        ('{"error":"no such model"}', "no such model"),
        ('{"detail":{"status":"too_many_concurrent_requests","message":"Too many."}}', "Too many."),
        ('{"detail":[{"loc":["body"],"msg":"Field required","type":"missing"}]}', "Field required"),
        ('{"detail":"Not Found"}', "Not Found"),
        ('{"detail":[]}', '{"detail":[]}'),
        ("<html>gateway</html>", "<html>gateway</html>"),
        ("", "Too Many Requests"),
        ('{"error":{"code":"x"}}', "Too Many Requests"),
    ],
)
async def test_refusals_in_every_shape(body: str, said: str) -> None:
    error = await refused(body, 429)
    assert str(error) == f"vendor: HTTP 429: {said}"
    assert (error.status, error.retryable) == (429, True)


async def test_a_refusal_names_the_request() -> None:
    error = await refused('{"error":"no"}', 500, x_request_id="req_7")
    assert str(error) == "vendor: HTTP 500: no (request req_7)"


@pytest.mark.parametrize(
    ("status", "code", "retryable"), [(503, "", True), (429, "quota_exceeded", False), (404, "", False)]
)
async def test_what_may_be_tried_again(status: int, code: str, retryable: bool) -> None:
    error = await refused(f'{{"detail":{{"status":"{code}","message":"no"}}}}', status)
    assert error.retryable is retryable


async def test_a_refused_key_is_named_and_not_told() -> None:
    error = await refused(f'{{"detail":{{"message":"Bad key {SECRET}"}}}}', 401)
    assert str(error) == "vendor: HTTP 401: Bad key ***; the key is VENDOR_KEY"
    assert not error.retryable
    missing = await refused('{"detail":"no"}', 401, ApiKey("", env="VENDOR_KEY"))
    assert str(missing) == "vendor: HTTP 401: no; VENDOR_KEY is not set"
    assert SECRET not in repr(KEY)


async def test_get_tells_whether_it_is_there() -> None:
    async with asking(answering("{}")) as server:
        assert await server.get("/models") is None
    async with asking(answering('{"detail":"gone"}', 404)) as server:
        refusal = await server.get("/models")
    assert refusal is not None
    assert (refusal.status, refusal.message) == (404, "gone")


async def test_a_body_that_breaks_off_is_an_error() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    async with asking(answer) as server:
        with pytest.raises(ProviderError, match="broke off") as caught:
            async with server.post("/say", {}, accept="*/*") as response:
                await response.read()
    assert caught.value.retryable


async def test_a_websocket_that_is_refused() -> None:
    async with asking(answering("no", 401)) as server:
        with pytest.raises(ProviderError, match=r"HTTP 401: .*; the key is VENDOR_KEY") as caught:
            await server.websocket("/socket", {})
    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


async def test_a_websocket_to_nobody() -> None:
    async with asking(answering("")) as server:
        pass
    with pytest.raises(ProviderError, match="no connection to ws://") as caught:
        await server.websocket("/socket", {})
    await server.close()
    assert caught.value.retryable


async def test_a_websocket_works() -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(f"{request.query['a']} {request.headers['xi-api-key'] == SECRET}")
        await socket.close()
        return socket

    async with asking(echo) as server:
        socket = await server.websocket("/socket", {"a": "b"})
        message = await socket.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.TEXT, "b True")
        await socket.close()
