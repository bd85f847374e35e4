"""The WebSocket of a call."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession, WSCloseCode, WSMsgType, web

from offhook.carriers.stream_socket import SEND_BUFFER_BYTES, StreamSocket, binary_frame, text_frame
from tests.carriers.media_stream.doubles import RawPeer

MOST_BYTES = 4_096
Handler = Callable[[StreamSocket], Awaitable[None]]


class Server:
    """Serves every socket by `handler`."""

    def __init__(self, handler: Handler, close_s: float = 5.0):
        self._handler = handler
        self._close_s = close_s
        self.done = asyncio.Event()

    async def __aenter__(self) -> "Server":
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = StreamSocket(MOST_BYTES, close_s=self._close_s)
        await socket.prepare(request)
        try:
            await self._handler(socket)
        finally:
            self.done.set()
        return socket


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
async def test_another_implementation_reads_what_is_written(size: int) -> None:
    async def handler(socket: StreamSocket) -> None:
        socket.write_text("x" * size)
        socket.write_text("é")
        await socket.part(WSCloseCode.OK, "")

    async with Server(handler) as server, ClientSession() as session:
        peer = await session.ws_connect(f"ws://127.0.0.1:{server.port}/ws", max_msg_size=0)
        assert [await peer.receive_str(), await peer.receive_str()] == ["x" * size, "é"]
        assert (await peer.receive()).type is WSMsgType.CLOSE


@pytest.mark.parametrize(("size", "header"), [(125, b"\x81\x7d"), (126, b"\x81\x7e\x00\x7e")])
def test_a_frame_is_whole_and_unmasked(size: int, header: bytes) -> None:
    assert text_frame(b"x" * size) == header + b"x" * size


@pytest.mark.parametrize("size", [0, 320, 65_536])
async def test_binary_messages_are_read_by_another_implementation(size: int) -> None:
    async def handler(socket: StreamSocket) -> None:
        socket.write_bytes(b"x" * size)
        socket.write_text("é")
        await socket.part(WSCloseCode.OK, "")

    async with Server(handler) as server, ClientSession() as session:
        peer = await session.ws_connect(f"ws://127.0.0.1:{server.port}/ws", max_msg_size=0)
        assert await peer.receive_bytes() == b"x" * size
        assert await peer.receive_str() == "é"


def test_a_binary_frame_has_its_own_opcode() -> None:
    assert binary_frame(b"abc") == b"\x82\x03abc"


def test_before_the_handshake_nothing_happens() -> None:
    socket = StreamSocket(MOST_BYTES)
    socket.write_text("early")
    socket.abort()
    assert socket.unread == 0


async def test_compression_is_declined() -> None:
    compressed: list[object] = []

    async def handler(socket: StreamSocket) -> None:
        compressed.append(socket.compress)
        await socket.part(WSCloseCode.OK, "")

    async with Server(handler) as server, ClientSession() as session:
        peer = await session.ws_connect(f"ws://127.0.0.1:{server.port}/ws", compress=15)
        await peer.receive()
        assert (compressed, peer.compress) == ([0], 0)


async def test_the_peer_hears_why() -> None:
    async def handler(socket: StreamSocket) -> None:
        await socket.part(WSCloseCode.POLICY_VIOLATION, "because " * 40)
        socket.write_text("late")

    async with Server(handler) as server, ClientSession() as session:
        peer = await session.ws_connect(f"ws://127.0.0.1:{server.port}/ws")
        message = await peer.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.POLICY_VIOLATION)
        assert str(message.extra).startswith("because because")


async def test_a_peer_that_does_not_read_is_seen_and_dropped() -> None:
    seen: list[int] = []

    async def handler(socket: StreamSocket) -> None:
        for _ in range(10_000):
            socket.write_text("x" * 1_000)
            await asyncio.sleep(0)
            if socket.unread > 100_000:
                break
        seen.append(socket.unread)
        await socket.part(WSCloseCode.OK, "")
        socket.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append(socket.unread)

    async with Server(handler, close_s=0.05) as server:
        peer = await RawPeer(server.port).connect()
        await server.done.wait()
        assert seen[0] > 100_000
        assert seen[1] == 0
        peer.close()


async def test_little_is_kept_in_the_kernel() -> None:
    written: list[int] = []

    async def handler(socket: StreamSocket) -> None:
        total = 0
        while not socket.unread:
            socket.write_text("x" * 1_000)
            total += 1_000
            await asyncio.sleep(0)
        written.append(total)
        socket.abort()

    async with Server(handler) as server:
        peer = await RawPeer(server.port).connect()
        await server.done.wait()
        # Linux doubles what is asked for, and the peer has a buffer, too.
        assert written[0] < 8 * SEND_BUFFER_BYTES
        peer.close()
