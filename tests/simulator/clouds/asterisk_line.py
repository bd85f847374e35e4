"""What speaks to the double of Asterisk in plain bytes: a manager, and a server of AudioSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser

__all__ = ["PATIENCE_S", "Ear", "Line", "line", "standing"]

PATIENCE_S = 20


class Line:
    """A manager who speaks and reads plain text."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> dict[str, str]:
        """The next message, or nothing at the end of the connection."""
        message: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.reader.readline()).decode().strip():
                name, _, value = line.partition(": ")
                message[name] = value
        return message

    async def ask(self, action: str, **fields: str) -> dict[str, str]:
        lines = {"Action": action, "ActionID": "7", **fields}
        self.writer.write("".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n")
        while "Response" not in (message := await self.read()) or "Event" in message:
            pass
        return message

    async def event(self, *names: str) -> dict[str, str]:
        while (message := await self.read()).get("Event") not in names:
            assert message
        return message


@asynccontextmanager
async def line(pbx: AsteriskDouble, *, secret: str = ManagerUser.secret, **more: str) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", pbx.port)
    there = Line(reader, writer)
    assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
    assert (await there.ask("Login", Username="offhook", Secret=secret, **more))["Response"] == "Success"
    try:
        yield there
    finally:
        writer.close()


class Ear:
    """An AudioSocket server that says nothing."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while head := await reader.read(1):
            size = int.from_bytes(await reader.readexactly(2), "big")
            self.heard.put_nowait((head[0], await reader.readexactly(size)))
        self.heard.put_nowait((-1, b""))
        writer.close()

    async def until(self, kind: int) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found, data = await self.heard.get()
                if found == kind:
                    return data


@asynccontextmanager
async def standing() -> AsyncIterator[tuple[AsteriskDouble, Ear]]:
    ear = Ear()
    server = await asyncio.start_server(ear.serve, "127.0.0.1", 0)
    try:
        async with AsteriskDouble(server.sockets[0].getsockname()[:2]) as pbx:
            yield pbx, ear
    finally:
        server.close()
