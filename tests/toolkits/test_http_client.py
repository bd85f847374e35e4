import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from offhook.errors import WireError
from offhook.toolkits.http_answer import HttpAnswer
from offhook.toolkits.http_client import HttpClient
from offhook.toolkits.http_template import HttpRequest
from tests.toolkits.conftest import Handler, serving


@asynccontextmanager
async def asking() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    try:
        yield client
    finally:
        await client.close()


async def ask(handler: Handler, method: str = "GET", path: str = "/x", body: bytes = b"") -> HttpAnswer:
    async with serving(handler) as url, asking() as client:
        return await client.ask(HttpRequest(method, URL(url + path, encoded=True), {"X-Mine": "1"}, body))


async def test_a_request_arrives_as_it_was_made() -> None:
    seen: list[tuple[str, str, str, str, bytes]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(
            (
                request.method,
                request.raw_path,
                request.headers["X-Mine"],
                request.headers["Accept-Encoding"],
                await request.read(),
            )
        )
        return web.json_response({"a": 1})

    got = await ask(answer, "POST", "/a%2F..%2Fb%0d?q=%26", b'{"x":1}')
    assert got == HttpAnswer(200, "application/json", b'{"a":1}'.replace(b":1", b": 1"))
    assert seen == [("POST", "/a%2F..%2Fb%0d?q=%26", "1", "identity", b'{"x":1}')]


async def test_connections_are_shared_and_cookies_are_not() -> None:
    peers: set[str] = set()
    cookies: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        peers.add(str(request.transport.get_extra_info("peername")) if request.transport else "")
        cookies.append(request.headers.get("Cookie", ""))
        response = web.Response(text="ok")
        response.set_cookie("who", "the-last-caller")
        return response

    async with serving(answer) as url, asking() as client:
        for _ in range(3):
            await client.ask(HttpRequest("GET", URL(url), {}))
    assert (len(peers), cookies) == (1, ["", "", ""])


async def test_a_body_without_end_is_not_read() -> None:
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(10_000):
            await response.write(b"x" * 65_536)
            sent += 65_536
        return response

    with pytest.raises(WireError, match="longer than 1048576 bytes"):
        await ask(answer)
    assert sent < 64 << 20


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=gzip.compress(bytes(50 << 20)), headers={"Content-Encoding": "gzip"})

    with pytest.raises(WireError, match="compressed"):
        await ask(answer)


async def test_an_answer_that_breaks_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(answer)


@pytest.mark.parametrize("reply", [b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, b""])
async def test_a_server_that_does_not_speak_http(reply: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asking() as client:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(aiohttp.ClientError):
            await client.ask(HttpRequest("GET", URL(f"http://127.0.0.1:{port}/"), {}))


def moved(to: str, status: int = 302) -> Handler:
    """Everything is at `to`, but for what is there."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/there":
            return web.Response(text=f"{request.method} {request.headers.get('X-Mine')} {(await request.text())}")
        return web.Response(status=status, headers={"Location": to})

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_same_server_may_send_us_on(status: int) -> None:
    assert (await ask(moved("/there", status))).body == b"GET 1 "


@pytest.mark.parametrize("status", [307, 308])
async def test_a_change_is_sent_on_whole(status: int) -> None:
    assert (await ask(moved("there", status), "POST", body=b"{}")).body == b"POST 1 {}"


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_change_is_not_made_into_a_question(status: int) -> None:
    with pytest.raises(WireError, match="changes something"):
        await ask(moved("/there", status), "POST")


async def test_no_other_server_is_asked() -> None:
    strangers: list[str] = []

    async def stranger(request: web.Request) -> web.StreamResponse:
        strangers.append(request.path)
        return web.Response(text="mine")

    async with serving(stranger) as other:
        for to in (f"{other}/there", other.replace("http:", ""), other.replace("http", "https")):
            with pytest.raises(WireError, match="another server"):
                await ask(moved(to))
    assert strangers == []


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/", "file:///etc/passwd", "http://[bad/", "javascript:x"])
async def test_what_is_no_address_to_be_sent_on_to(to: str) -> None:
    with pytest.raises(WireError, match="redirects to"):
        await ask(moved(to))


async def test_a_ring_of_redirects() -> None:
    with pytest.raises(WireError, match="without end"):
        await ask(moved("/x"))


async def test_a_redirect_that_leads_nowhere_is_an_answer() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=304)

    assert (await ask(answer)).status == 304


async def test_it_may_be_closed_twice_and_used_again() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")

    client = HttpClient()
    await client.close()
    async with serving(answer) as url:
        for _ in range(2):
            assert (await client.ask(HttpRequest("GET", URL(url), {}))).body == b"ok"
            await client.close()
    await client.close()
