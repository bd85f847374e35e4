"""Scenarios by the double of Asterisk's WebSocket channel: the same caller, the same report."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import WSMsgType, web

from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.errors import CallError
from offhook.simulator.asterisk_calls import WebSocketExchange
from offhook.simulator.clouds.media_stream.clock import RealTime
from offhook.simulator.clouds.serving import serving
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.simulator.agent_double import AgentDouble, Said
from tests.simulator.voices import ToneReader, ToneVoice

SPEEDUP = 4.0
WORDS: dict[float, str] = {400: "Hello.", 800: "Goodbye."}
SCENARIO = """
title = "t"
steps = [
    { wait_for_agent = "finish", agent_says = "hello" },
    { dtmf = "12" },
    { say = "Bye." },
    { wait_for_agent = "finish", agent_says = "goodbye" },
    { expect_hangup = true },
]
"""


class Agent:
    """A server on which `double` talks, a frame for a frame, in mu-law; `says` is sent before anything else."""

    def __init__(self, double: AgentDouble | None, *says: str | bytes, status: int = 0) -> None:
        self.double = double
        self.says = says
        self.status = status
        self.heard: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        if self.status:
            return web.Response(status=self.status)
        socket = web.WebSocketResponse(protocols=("media",))
        await socket.prepare(request)
        for said in self.says:
            await (socket.send_str(said) if isinstance(said, str) else socket.send_bytes(said))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.take(message.data)
            elif self.double is not None:
                await socket.send_bytes(mulaw_encode(self.double.answer(mulaw_decode(message.data))))
                if self.double.hung_up:
                    await socket.send_str('{"command":"HANGUP"}')
        return socket

    def take(self, text: str) -> None:
        event = orjson.loads(text) if text.startswith("{") else text
        self.heard.append(event)
        if self.double is not None and isinstance(event, dict) and event["event"] == "DTMF_END":
            self.double.press(event["digit"])


@asynccontextmanager
async def reached(agent: Agent) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/asterisk/media", agent.serve)
    async with serving(app) as url:
        yield f"{url.replace('http', 'ws')}/asterisk/media"


async def called(agent: Agent, scenario: str, **options: Any) -> CallReport:
    equipment = Equipment(ToneVoice(), ToneReader(WORDS).text)
    async with asyncio.timeout(60), reached(agent) as url:
        exchange = WebSocketExchange(url, clock=RealTime(SPEEDUP), **options)
        (report,) = await run_scenario(parse_scenario(scenario), exchange, equipment, speedup=SPEEDUP)
    return report


async def test_a_scenario() -> None:
    double = AgentDouble([Said(400, 0.6), Said(800, 0.6)])
    agent = Agent(double)
    report = await called(agent, SCENARIO, password="secret", variables={"__OFFHOOK_FROM": "+15550100"})
    assert report.passed, report.summary
    assert [line.text for line in report.lines] == ["Hello.", "(keys 12)", "Bye.", "Goodbye."]
    assert (report.ended_by, double.keys) == ("agent", "12")
    assert report.checks[-1].what == "the agent keeps to the protocol"
    start = agent.heard[0]
    assert (start["event"], start["format"], start["optimal_frame_size"]) == ("MEDIA_START", "ulaw", 160)
    assert start["channel_variables"]["__OFFHOOK_FROM"] == "+15550100"
    assert start["channel_variables"]["__OFFHOOK_CALL"] == report.call_id
    (headers,) = agent.headers
    assert headers["Sec-WebSocket-Protocol"] == "media"
    assert headers["Authorization"] == "Basic " + b64encode(b"asterisk:secret").decode()


async def test_the_caller_hangs_up() -> None:
    agent = Agent(AgentDouble([Said(400, 0.3)], hangs_up=False))
    report = await called(agent, 'title = "t"\nsteps = [{ silence_s = 0.5 }, { hang_up = true }]')
    assert report.ended_by == "caller"
    assert report.passed, report.summary


async def test_plain_text() -> None:
    agent = Agent(None, "MARK_MEDIA a", "GET_STATUS")
    report = await called(agent, 'title = "t"\nsteps = [{ dtmf = "1" }, { silence_s = 0.5 }]', is_json=False)
    assert report.passed, report.summary
    assert agent.heard[0].startswith("MEDIA_START connection_id:offhook ")
    assert {"DTMF_END digit:1", "MEDIA_MARK_PROCESSED a"} <= set(agent.heard)
    assert any(text.startswith("STATUS queue_length:0 ") for text in agent.heard)


async def test_what_asterisk_would_drop_fails_the_scenario() -> None:
    report = await called(Agent(None, bytes(100)), 'title = "t"\nsteps = [{ silence_s = 0.5 }]')
    assert report.summary == "the agent keeps to the protocol: 100 bytes behind the last whole frame"


@pytest.mark.parametrize(("rate", "name", "size"), [("slin16", "slin16", 640), ("slin24", "slin24", 960)])
async def test_a_wideband_phone_speaks_linear(rate: str, name: str, size: int) -> None:
    agent = Agent(None)
    await called(agent, f'title = "t"\nsteps = [{{ silence_s = 0.2 }}]\nline.format = "{rate}"')
    assert (agent.heard[0]["format"], agent.heard[0]["optimal_frame_size"]) == (name, size)


async def test_a_server_that_refuses() -> None:
    with pytest.raises(CallError, match=r"503.*Is `offhook serve` running"):
        await called(Agent(None, status=503), SCENARIO)


async def test_nobody_is_there() -> None:
    with pytest.raises(CallError, match="cannot connect"):
        await WebSocketExchange("ws://127.0.0.1:9/asterisk/media").dial(8_000)
