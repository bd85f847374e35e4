"""A loopback agent of a few lines: returns stamped frames, and can lose, swap or refuse some."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from offhook.carriers.audiosocket.wire import Audio, Hangup, Parser, encode

Change = Callable[[list[bytes]], list[bytes]]


@asynccontextmanager
async def echo(*, hold: int = 1, change: Change = lambda frames: frames, refuse: bool = False) -> AsyncIterator[int]:
    """Its port. Frames go back `hold` at a time, after `change`."""

    over: list[asyncio.Event] = []

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over.append(asyncio.Event())
        mine = over[-1]
        parser, held = Parser(), list[bytes]()
        if refuse:
            writer.write(encode(Hangup()))
            writer.write_eof()
        while data := await reader.read(4096):
            for message in parser.feed(data):
                if isinstance(message, Audio) and not refuse:
                    stamped = message.payload[:16] + struct.pack("<Q", time.monotonic_ns()) + message.payload[24:]
                    held.append(encode(Audio(message.kind, stamped)))
            if len(held) >= hold:
                writer.write(b"".join(change(held)))
                held.clear()
        writer.close()
        mine.set()

    async with await asyncio.start_server(attend, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*(each.wait() for each in over))
