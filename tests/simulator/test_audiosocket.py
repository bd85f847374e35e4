import asyncio
from uuid import UUID

import pytest

from offhook.carriers.audiosocket.wire import Audio, CallId, Dtmf, Kind, Message, Parser, encode
from offhook.errors import CallError
from offhook.simulator.audiosocket import Address

FRAME = bytes(range(160)) * 2


class Ear:
    """A receiver that notes what it is told."""

    now = 1_234

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, int]] = []
        self.ends: list[str] = []
        self.over = asyncio.Event()

    def hear(self, pcm: bytes, at: int) -> None:
        self.heard.append((pcm, at))

    def hung_up(self, problem: str = "") -> None:
        self.ends.append(problem)
        self.over.set()


async def phoned(answer: bytes) -> tuple[Ear, list[Message]]:
    """A call of one key and one frame, to a server that sends `answer` and closes."""
    got: list[Message] = []
    served = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = Parser()
        while len(got) < 3:
            got.extend(parser.feed(await reader.read(4_096)))
        writer.write(answer)
        writer.close()
        served.set()

    ear = Ear()
    async with await asyncio.start_server(attend, "127.0.0.1", 0) as server:
        circuit = await Address(port=server.sockets[0].getsockname()[1]).dial(8_000)
        circuit.listen(ear)
        circuit.press("5")
        circuit.send(FRAME)
        await asyncio.wait_for(ear.over.wait(), 30)
        await circuit.hang_up()
        await served.wait()
    assert got[0] == CallId(UUID(circuit.call_id))
    return ear, got


async def test_both_directions() -> None:
    ear, got = await phoned(encode(Audio(Kind.AUDIO_8K, FRAME)))
    assert got[1:] == [Dtmf("5"), Audio(Kind.AUDIO_8K, FRAME)]
    assert ear.heard == [(FRAME, 1_234)]
    assert ear.ends == [""]


async def test_a_server_that_breaks_the_protocol() -> None:
    ear, _ = await phoned(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "the connection broke: " in ear.ends[0]


async def test_nobody_listens() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(CallError, match="Is `offhook serve` running"):
        await Address(port=port).dial(8_000)
