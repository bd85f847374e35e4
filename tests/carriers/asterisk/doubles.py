"""What the tests of this room share: a manager interface on the double, and a port that takes AudioSocket calls."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from offhook.carriers.asterisk.ami import Ami
from offhook.carriers.asterisk.ami_session import AmiAccount, AmiTiming
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser

__all__ = ["PATIENCE_S", "QUICK", "Port", "account", "managed", "taking_calls", "until_connected", "until_gone"]

PATIENCE_S = 20
QUICK = AmiTiming(first_pause_s=0.01, longest_pause_s=0.02, refused_pause_s=0.01)


def account(pbx: AsteriskDouble, secret: str = ManagerUser.secret, user: str = "offhook") -> AmiAccount:
    return AmiAccount("127.0.0.1", pbx.port, user, secret)


@asynccontextmanager
async def managed(pbx: AsteriskDouble, timing: AmiTiming = QUICK) -> AsyncIterator[Ami]:
    """A connection to the double's manager interface."""
    ami = Ami(account(pbx), timing)
    running = asyncio.create_task(ami.run())
    try:
        await until_connected(ami)
        yield ami
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until_connected(ami: Ami) -> None:
    await asyncio.wait_for(ami.connected.wait(), PATIENCE_S)


class Port:
    """Takes AudioSocket calls, sends silence and notes their ends."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.came = asyncio.Event()
        self.ended = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        head = await reader.readexactly(19)
        assert head[:3] == b"\x01\x00\x10"
        self.calls.append(str(UUID(bytes=head[3:])))
        self.came.set()
        writer.write(b"\x10\x01\x40" + bytes(320))
        while await reader.read(65_536):
            pass
        self.ended.set()
        writer.close()


@asynccontextmanager
async def taking_calls() -> AsyncIterator[tuple[Port, tuple[str, int]]]:
    port = Port()
    server = await asyncio.start_server(port.serve, "127.0.0.1", 0)
    try:
        yield port, server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for writer in port.writers:
            writer.transport.abort()


async def until_gone(ami: Ami) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while ami.connected.is_set():  # noqa: ASYNC110 - there is an event for its return only
            await asyncio.sleep(0.005)
