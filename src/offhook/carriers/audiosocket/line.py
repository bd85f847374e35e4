"""The sending side of one connection: what leaves, one deadline at a time, and how it ends without harm."""

import asyncio
import socket
from collections.abc import Callable

from offhook.carriers.audiosocket.wire import Hangup, encode
from offhook.carriers.pulse import CallLater, Timer

__all__ = ["Line", "tune"]

SEND_BUFFER_BYTES = 32_768
DEAD_PEER_S = 10

_HANGUP = encode(Hangup())


class Line:
    """Holds the transport of one connection.

    `ended` means that we are done with the peer: nothing it still sends counts. `gone` is set by the owner when the
    transport is no more.
    """

    def __init__(self, transport: asyncio.Transport, call_later: CallLater, drain_s: float):
        self.ended = False
        self.gone = asyncio.Event()
        self._transport = transport
        self._call_later = call_later
        self._drain_s = drain_s
        self._timer: Timer | None = None

    @property
    def waiting(self) -> bool:
        """Whether a deadline is set."""
        return self._timer is not None

    def wait(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `delay_s`, unless there is a reason not to wait any longer."""
        self.stop_waiting()
        self._timer = self._call_later(delay_s, callback)

    def stop_waiting(self) -> None:
        """Take back the deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def write(self, data: bytes) -> None:
        """Send `data`; what the peer does not read is kept up to the limit of `limit_unread`."""
        if not self.ended:
            self._transport.write(data)

    def limit_unread(self, size: int) -> None:
        """Let the transport call `pause_writing` when it holds more than `size` bytes."""
        self._transport.set_write_buffer_limits(high=size)

    def say_goodbye(self) -> None:
        """Hang up and read on, unheeding, until the peer's end of file or for a while.

        Closing on audio that is not read yet would reset the connection, and Asterisk then hangs up on the caller in
        place of going on with the dialplan.
        """
        self.write(_HANGUP)
        self.ended = True
        self._transport.write_eof()
        self.wait(self._drain_s, self.finish)

    def finish(self) -> None:
        """Close. What the peer has not read is dropped, or closing would wait for it for ever."""
        if self._transport.get_write_buffer_size():
            self.abort()
        else:
            self.lose()
            self._transport.close()

    def abort(self) -> None:
        """Close at once, with a reset."""
        self.lose()
        self._transport.abort()

    def lose(self) -> None:
        """Note that the end has come."""
        self.ended = True
        self.stop_waiting()


def tune(sock: socket.socket) -> None:
    """Small frames at once; little kept in the kernel for a peer that does not read; a vanished peer noticed."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", DEAD_PEER_S), ("TCP_USER_TIMEOUT", DEAD_PEER_S * 1000)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
