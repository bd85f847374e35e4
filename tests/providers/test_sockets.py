import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
from aiohttp import WSMsgType, web

from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.sockets import Socket, ended
from tests.simulator.clouds.waiting import until

KEY = ApiKey("very-secret")
LIMIT = 1_000


class Listener:
    def __init__(self, act: Callable[[str | bytes], None] = lambda _: None) -> None:
        self.messages: list[str | bytes] = []
        self.errors: list[ProviderError] = []
        self._act = act

    def on_message(self, message: str | bytes) -> None:
        self.messages.append(message)
        self._act(message)

    def on_failed(self, error: ProviderError) -> None:
        self.errors.append(error)


class Peer:
    """A server that does as its messages say: `close`, `abort`, or anything to be sent back."""

    def __init__(self) -> None:
        self.heard: list[str | bytes] = []
        self.queries: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.code: int | None = None

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[ApiServer]:
        app = web.Application()
        app.router.add_get("/talk", self._talk)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server = ApiServer("vendor", f"http://127.0.0.1:{runner.addresses[0][1]}", KEY, timeout_s=5.0)
        try:
            yield server
        finally:
            await server.close()
            await runner.cleanup()

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        self.queries.append(request.query_string)
        await self.gate.wait()
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            self.heard.append(message.data)
            if message.data == "close":
                await socket.close(code=1008, message=b"go away, very-secret")
            elif message.data == "abort" and request.transport:
                request.transport.abort()
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        self.code = socket.close_code
        return socket


def opened(server: ApiServer, listener: Listener, path: str = "/talk") -> Socket:
    return Socket(server, path, [("term", "a b"), ("term", "c")], listener, limit=LIMIT)


async def test_messages_go_both_ways_in_their_order() -> None:
    peer, listener = Peer(), Listener()
    async with peer.serve() as server:
        socket = opened(server, listener)
        sent: list[str | bytes] = [b"one", "two", b"three"]
        for message in sent:
            socket.send(message)
        await until(lambda: len(listener.messages) == 3)
        await socket.close()
    assert peer.heard == listener.messages == sent
    assert peer.queries == ["term=a b&term=c"]
    assert listener.errors == []


async def test_what_is_sent_before_the_connection_is_up_is_kept() -> None:
    peer, listener = Peer(), Listener()
    peer.gate.clear()
    async with peer.serve() as server:
        socket = opened(server, listener)
        socket.send(b"early")
        await until(lambda: peer.queries)
        socket.send(b"later")
        peer.gate.set()
        await until(lambda: listener.messages == [b"early", b"later"])
        await socket.close()


async def test_a_backlog_over_the_limit_is_the_end() -> None:
    peer, listener = Peer(), Listener()
    peer.gate.clear()
    async with peer.serve() as server:
        socket = opened(server, listener)
        socket.send(bytes(LIMIT))
        assert listener.errors == []
        socket.send(b"x")
        assert listener.errors == []
        await until(lambda: listener.errors)
        socket.send(b"y")
        await socket.close()
    assert [error.retryable for error in listener.errors] == [True]


async def test_what_went_out_makes_room() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener)
        for count in range(1, 4):
            socket.send(bytes(LIMIT))
            await until(lambda: len(listener.messages) == count)  # noqa: B023 - awaited within the turn
        await socket.close()
    assert listener.errors == []


async def test_leaving_with_a_word() -> None:
    peer, listener = Peer(), Listener()
    async with peer.serve() as server:
        socket = opened(server, listener)
        socket.send("hello")
        await until(lambda: listener.messages)
        await socket.close("goodbye")
        await until(lambda: peer.code)
    assert peer.heard == ["hello", "goodbye"]
    assert peer.code == 1000
    assert listener.errors == []


async def test_leaving_before_the_connection_is_up() -> None:
    peer, listener = Peer(), Listener()
    peer.gate.clear()
    async with peer.serve() as server:
        socket = opened(server, listener)
        await until(lambda: peer.queries)
        await socket.close("goodbye")
        peer.gate.set()
    assert peer.heard == []
    assert listener.errors == []


async def test_a_close_frame_is_told_with_code_and_reason_but_no_key() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener)
        socket.send("close")
        await until(lambda: listener.errors)
        await socket.close()
    error = listener.errors[0]
    assert str(error) == "vendor: closed the connection, 1008 (go away, ***)"
    assert (error.status, error.retryable) == (1008, False)


async def test_a_connection_that_breaks_is_told_once() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener)
        socket.send("abort")
        await until(lambda: listener.errors)
        socket.send("more")
        await socket.close()
    assert [(error.status, error.retryable) for error in listener.errors] == [(1006, True)]


async def test_a_refused_handshake_is_told() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener, "/nowhere")
        await until(lambda: listener.errors)
        await socket.close()
    assert [(error.status, error.retryable) for error in listener.errors] == [(404, False)]


async def test_a_handshake_that_takes_too_long_is_told() -> None:
    peer, listener = Peer(), Listener()
    peer.gate.clear()
    async with peer.serve() as server:
        server.timeout_s = 0.05
        socket = opened(server, listener)
        await until(lambda: listener.errors)
        await socket.close()
    assert listener.errors[0].retryable


async def test_giving_up_is_told_but_not_at_once() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener)
        error = server.failure("enough")
        socket.fail(error)
        socket.fail(server.failure("again"))
        assert listener.errors == []
        await until(lambda: listener.errors)
        await socket.close()
    assert listener.errors == [error]


async def test_nothing_is_told_after_closing() -> None:
    listener = Listener()
    async with Peer().serve() as server:
        socket = opened(server, listener)
        socket.send("hello")
        await until(lambda: listener.messages)
        socket.fail(server.failure("enough"))
        await socket.close()
        await socket.close()
    assert listener.errors == []


async def test_a_listener_that_finds_the_protocol_broken() -> None:
    def break_off(_: str | bytes) -> None:
        raise WireError("what is that")

    listener = Listener(break_off)
    async with Peer().serve() as server:
        socket = opened(server, listener)
        socket.send("one")
        socket.send("two")
        await until(lambda: listener.errors)
        await socket.close()
    assert str(listener.errors[0]) == "vendor: what is that"
    assert listener.messages == ["one"]


async def test_a_fault_of_ours_ends_the_connection_and_is_logged() -> None:
    def stumble(_: str | bytes) -> None:
        raise ZeroDivisionError

    listener = Listener(stumble)
    with structlog.testing.capture_logs() as logs:
        async with Peer().serve() as server:
            socket = opened(server, listener)
            socket.send("one")
            await until(lambda: listener.errors)
            await socket.close()
    assert not listener.errors[0].retryable
    assert [entry["log_level"] for entry in logs] == ["error"]


@pytest.mark.parametrize(("code", "retryable"), [(1000, True), (1001, True), (1011, True), (1007, False), (None, True)])
def test_ends(code: int | None, retryable: bool) -> None:
    error = ended(ApiServer("vendor", "http://x", KEY, timeout_s=1), code, "")
    assert (error.status, error.retryable) == (code, retryable)


async def test_last_words_are_heard_where_they_are_wanted() -> None:
    peer, listener = Peer(), Listener()
    heard: list[str | bytes] = []
    async with peer.serve() as server:
        socket = opened(server, listener)
        socket.send("hello")
        await until(lambda: listener.messages)
        await socket.close("that was all", heard.append)
        await until(lambda: peer.code)
    assert (listener.messages, heard) == (["hello"], ["that was all"])
    assert listener.errors == []
