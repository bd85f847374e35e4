"""The smallest caller: bytes over AudioSocket at the pace of a phone line."""

import socket
import time
from uuid import UUID, uuid4

from offhook.carriers.audiosocket.wire import Kind

__all__ = ["Phone"]

_SILENCE = bytes(320)


class Phone:
    """One connection, blocking, 8 kHz."""

    def __init__(self, port: int, call_id: UUID | None = None) -> None:
        self.call_id = call_id or uuid4()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.sendall(_message(Kind.UUID, self.call_id.bytes))
        self.received = bytearray()

    def talk(self, frames: int, payload: bytes = _SILENCE) -> None:
        """Send frames, one every 20 ms, and read what comes."""
        begin = time.monotonic()
        for index in range(frames):
            self.socket.sendall(_message(Kind.AUDIO_8K, payload))
            time.sleep(max(0.0, begin + (index + 1) * 0.02 - time.monotonic()))
            self._read_some()

    def _read_some(self) -> None:
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(65_536):
                self.received += data
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(30)

    def listen_to_the_end(self) -> bytes:
        """Read until the server closes; returns all that ever came."""
        while data := self.socket.recv(65_536):
            self.received += data
        return bytes(self.received)

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def hang_up(self) -> None:
        """Close as Asterisk does."""
        self.socket.close()


def _message(kind: Kind, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload
