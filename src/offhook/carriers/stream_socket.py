"""The WebSocket of a call: writes that never wait, and an end that never hangs."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence

from aiohttp import WSCloseCode, web
from aiohttp.abc import AbstractStreamWriter

__all__ = ["StreamSocket", "binary_frame", "text_frame"]

HEARTBEAT_S = 10.0
"""A peer that has been silent this long is pinged; one that then stays silent as long again is gone."""

CLOSE_S = 1.0
"""Time for the peer to answer our close."""

SEND_BUFFER_BYTES = 32_768
DEAD_PEER_S = 10
MAX_REASON_BYTES = 123

_PING = b"\x89\x00"


class StreamSocket(web.WebSocketResponse):
    """A server's WebSocket without compression, that frames are written to without a task or a wait for each.

    `WebSocketResponse.send_str` may wait for a slow peer, and what is sent here comes from a clock that waits for
    nobody. So `write_text` and `write_bytes` go to the transport, and their caller watches `unread`. Pings of the peer
    come out of `receive`, as do its pongs: aiohttp's own heartbeat would cost a fifth of all that a frame costs.
    """

    def __init__(
        self,
        max_message_bytes: int,
        *,
        protocols: Sequence[str] = (),
        heartbeat_s: float = HEARTBEAT_S,
        close_s: float = CLOSE_S,
    ):
        super().__init__(
            timeout=close_s, protocols=protocols, autoping=False, compress=False, max_msg_size=max_message_bytes
        )
        self.heartbeat_s = heartbeat_s
        self._close_s = close_s
        self._transport: asyncio.Transport | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Shake hands. Raises HTTPBadRequest where the request is for no WebSocket."""
        writer = await super().prepare(request)
        self._transport = request.transport
        if request.transport is not None:
            _tune(request.transport.get_extra_info("socket"))
        return writer

    @property
    def unread(self) -> int:
        """Bytes that were written and that neither the peer nor our kernel has taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def write_text(self, text: str) -> None:
        """Send one text message, in order. Does nothing after the close."""
        self._write(text_frame(text.encode()))

    def write_bytes(self, data: bytes) -> None:
        """Send one binary message, in order. Does nothing after the close."""
        self._write(binary_frame(data))

    def probe(self) -> None:
        """Send a ping, to which the peer has to say something."""
        self._write(_PING)

    def _write(self, frame: bytes) -> None:
        transport = self._transport
        if transport is not None and not self.closed and not transport.is_closing():
            transport.write(frame)

    async def part(self, code: WSCloseCode, reason: str) -> None:
        """Close, and give the peer a moment to do the same."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * self._close_s):
                await self.close(code=code, message=reason.encode()[:MAX_REASON_BYTES])

    def abort(self) -> None:
        """End at once. What the peer has not read is dropped, or closing would wait for it for ever."""
        if self._transport is not None:
            self._transport.abort()


def text_frame(data: bytes) -> bytes:
    """One whole unmasked text message, as RFC 6455, section 5.2, has a server send it."""
    return _frame(b"\x81", data)


def binary_frame(data: bytes) -> bytes:
    """The same of a binary message."""
    return _frame(b"\x82", data)


def _frame(opcode: bytes, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return opcode + bytes((size,)) + data
    if size < 65_536:
        return opcode + b"\x7e" + size.to_bytes(2, "big") + data
    return opcode + b"\x7f" + size.to_bytes(8, "big") + data


def _tune(sock: socket.socket | None) -> None:
    """Little kept in the kernel for a peer that does not read; a vanished one noticed."""
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_S * 1000)
