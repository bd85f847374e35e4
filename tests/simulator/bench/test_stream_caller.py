import base64
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from offhook.errors import CallError
from offhook.simulator.bench.figures import FrameFigures, LoadFigures, frame_figures, load_figures
from offhook.simulator.bench.load import Load
from offhook.simulator.bench.stream_caller import StreamCaller, StreamLine
from offhook.simulator.clouds.media_stream import CARRIERS, Account, Carrier
from tests.simulator.clouds.media_stream.agent import Agent, Line, answer, serving


@dataclass
class Echo:
    """Returns stamped frames, every `lose`th one not; marks each, and clears after so many."""

    carrier: Carrier
    lose: int = 0
    clear_after: int = 0

    async def talk(self, line: Line) -> None:
        await line.until("start")
        number = 0
        while await line.read():
            message = line.seen[-1]
            if message["event"] != "media":
                continue
            number += 1
            frame = base64.b64decode(message["media"]["payload"])
            if not self.lose or number % self.lose:
                heard = frame[:16] + struct.pack("<Q", time.monotonic_ns()) + frame[24:]
                await self.play(line, base64.b64encode(heard).decode())
                await self.mark(line, f"m{number}")
            if number == self.clear_after:
                await self.clear(line)

    async def play(self, line: Line, payload: str) -> None:
        if self.carrier == "twilio":
            await line.send("media", streamSid=line.stream_id, media={"payload": payload})
        else:
            media = {"contentType": "audio/x-mulaw", "sampleRate": 8_000, "payload": payload}
            await line.send("playAudio", streamId=line.stream_id, media=media)

    async def mark(self, line: Line, name: str) -> None:
        if self.carrier == "twilio":
            await line.send("mark", streamSid=line.stream_id, mark={"name": name})
        else:
            await line.send("checkpoint", streamId=line.stream_id, name=name)

    async def clear(self, line: Line) -> None:
        if self.carrier == "twilio":
            await line.send("clear", streamSid=line.stream_id)
        else:
            await line.send("clearAudio", streamId=line.stream_id)


@asynccontextmanager
async def calling(carrier: Carrier, agent: Agent, calls: int = 1) -> AsyncIterator[list[StreamCaller]]:
    async with serving(agent), aiohttp.ClientSession() as session:
        line = StreamLine(session, carrier, Account("id", "token"), f"{agent.url}/{carrier}/answer", "+15550102")
        yield [StreamCaller(line) for _ in range(calls)]


def agent_of(echo: Echo) -> Agent:
    return Agent(echo.talk, {f"/{echo.carrier}/answer": answer(echo.carrier)})


async def measured(echo: Echo, agent: Agent) -> tuple[FrameFigures, LoadFigures]:
    async with calling(echo.carrier, agent, 2) as callers:
        load = Load(callers)
        await load.start(0.02)
        await load.measure(0.5)
        await load.stop()
    return frame_figures(load), load_figures(load)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_stamped_frames_go_there_and_back_in_mulaw(carrier: Carrier) -> None:
    agent = agent_of(Echo(carrier))
    frames, load = await measured(Echo(carrier), agent)
    assert load.dropped_calls == 0
    assert frames.lost == 0
    assert frames.out_of_order == 0
    assert frames.way_in is not None
    assert frames.sent == frames.received == pytest.approx(50, abs=20)
    hit = agent.to(f"/{carrier}/answer")
    assert hit.params["To"].strip("+") == "15550102"
    assert any("Signature" in name for name in hit.headers)


async def test_frames_that_do_not_come_back_are_lost() -> None:
    echo = Echo("plivo", lose=5)
    frames, _ = await measured(echo, agent_of(echo))
    assert frames.lost is not None
    assert frames.lost > 2


async def test_marks_are_told_when_their_frames_have_been_played() -> None:
    echo = Echo("twilio")
    agent = agent_of(echo)
    await measured(echo, agent)
    names = [each["mark"]["name"] for each in agent.lines[0].all("mark")]
    assert names == [f"m{number}" for number in range(1, len(names) + 1)]
    assert len(names) > 5


async def test_a_clear_is_acknowledged() -> None:
    echo = Echo("plivo", clear_after=4)
    agent = agent_of(echo)
    await measured(echo, agent)
    assert [len(line.all("clearedAudio")) for line in agent.lines] == [1, 1]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (503, "answered 503"),
        ("<Response><Hangup/></Response>", "asked for no stream of mu-law"),
        ("<Response>", "the document of"),
        (
            '<Response><Stream bidirectional="true" contentType="audio/x-l16;rate=8000">{ws}</Stream></Response>',
            "no stream of mu-law",
        ),
    ],
)
async def test_answers_that_are_of_no_use(document: str | int, why: str) -> None:
    async with calling("vobiz", Agent(documents={"/vobiz/answer": document})) as callers:
        with pytest.raises(CallError, match=why):
            await callers[0].connect()
        await callers[0].hang_up()


async def test_nobody_is_there() -> None:
    agent = Agent()
    async with serving(agent):
        pass
    async with aiohttp.ClientSession() as session:
        line = StreamLine(session, "vobiz", Account("id", "token"), f"{agent.url}/vobiz/answer", "+15550102")
        with pytest.raises(CallError, match="cannot call"):
            await StreamCaller(line).connect()


async def test_a_server_that_breaks_the_protocol_or_leaves_is_told() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        await line.send("dance", streamId=line.stream_id)

    async with calling("vobiz", Agent(talk, {"/vobiz/answer": answer("vobiz")})) as (caller,):
        await caller.connect()
        await caller.gone.wait()
        assert "vobiz knows no event 'dance'" in caller.dropped
