"""A port that anybody may come to, with real sockets on loopback."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from offhook.errors import ConfigError
from offhook.server.listening import IDLE_S, listen


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


@asynccontextmanager
async def served(idle_s: float = IDLE_S) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/", hello)
    async with AsyncExitStack() as stack:
        yield await listen(stack, app, "127.0.0.1", 0, "server.http_port", idle_s=idle_s)


async def said_to(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        async with asyncio.timeout(30):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_requests_are_answered() -> None:
    async with served() as port:
        assert b"200 OK" in await said_to(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("half", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_connections_without_a_whole_request_do_not_stay(half: bytes) -> None:
    async with served(idle_s=0.05) as port:
        assert await said_to(port, half) == b""


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Token: s3cret\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: s3cret\r\n" * 500 + b"\r\n",
    ],
)
async def test_headers_of_malformed_requests_are_not_logged(words: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with served() as port:
        assert b" 400 " in await said_to(port, words)
    assert "s3cret" not in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_fault_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise RuntimeError("a bug")

    app = web.Application()
    app.router.add_get("/", fail)
    async with AsyncExitStack() as stack:
        port = await listen(stack, app, "127.0.0.1", 0, "server.http_port")
        assert b" 500 " in await said_to(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert "a bug" in caplog.text


async def test_a_port_in_use_is_told_with_its_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with AsyncExitStack() as stack:
            with pytest.raises(ConfigError, match=r"server\.http_port: cannot listen on 127"):
                await listen(stack, web.Application(), "127.0.0.1", taken.getsockname()[1], "server.http_port")
