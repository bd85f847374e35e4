"""Frames that tell when they were sent and, back from a loopback agent, when they were heard.

The layout is that of `offhook.calls.engines.loopback`. Times are nanoseconds of CLOCK_MONOTONIC, which two processes
of one machine share.
"""

from typing import NamedTuple

from offhook.calls.engines.loopback import MAGIC, STAMP

__all__ = ["Stamp", "read_stamp", "stamp_heard", "write_stamp"]


class Stamp(NamedTuple):
    """One stamped frame. `heard_ns` is 0 on the way to the server."""

    sequence: int
    sent_ns: int
    heard_ns: int


def write_stamp(buffer: bytearray, offset: int, sequence: int, sent_ns: int) -> None:
    """Stamp the frame that begins at `offset` of `buffer`."""
    STAMP.pack_into(buffer, offset, MAGIC, sequence & 0xFFFFFFFF, sent_ns, 0)


def stamp_heard(buffer: bytearray, offset: int, heard_ns: int) -> None:
    """Note when the frame that begins at `offset` was heard, if it is stamped."""
    if buffer[offset : offset + len(MAGIC)] == MAGIC and offset + STAMP.size <= len(buffer):
        magic, sequence, sent_ns, _ = STAMP.unpack_from(buffer, offset)
        STAMP.pack_into(buffer, offset, magic, sequence, sent_ns, heard_ns)


def read_stamp(payload: bytes) -> Stamp | None:
    """The stamp of a frame that came back; None for one that carries none."""
    if len(payload) < STAMP.size or not payload.startswith(MAGIC):
        return None
    _, sequence, sent_ns, heard_ns = STAMP.unpack_from(payload)
    return Stamp(sequence, sent_ns, heard_ns)
