"""Measures what a call on a speech-to-speech session costs, and how late its audio is, with a model that echoes."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from offhook.errors import ConfigError
from offhook.simulator.bench.child import ServerUnderTest, Surroundings, own_server
from offhook.simulator.bench.cloud_server import KEYS
from offhook.simulator.bench.measuring import Idle, Step, measure_callers
from offhook.simulator.bench.stream_caller import StreamCaller, StreamLine
from offhook.simulator.clouds.media_stream import Account, Carrier, CarrierCloud

__all__ = ["EchoScene", "echo_scene", "measure_realtime", "surroundings"]

NUMBERS = {"loopback": "+15550101", "realtime": "+15550100"}
_START_S = 30.0
_MULAW_SILENCE = 0xFF


@dataclass(frozen=True, slots=True)
class EchoScene:
    """A server with two agents, and the ways to call them: "realtime" is on sessions of a model that echoes, "loopback"
    returns what it hears itself and detects voices too, so that the difference is what a session costs."""

    server: ServerUnderTest
    lines: Mapping[str, StreamLine]


def surroundings(carrier: Carrier, account: Account, api_url: str, model_url: str) -> Surroundings:
    """Both agents behind one carrier; the model is at `model_url`."""
    routes = "".join(f'[[routes]]\nagent = "{agent}"\nto = "{number}"\n\n' for agent, number in NUMBERS.items())
    tables = f"""{routes}[agents.loopback]
engine = "loopback"
measure_vad = true

[agents.realtime]
engine = "realtime"
realtime_fallback = false
greeting = "Hello."
silence = {{ ask_after_s = 3600, hang_up_after_s = 3600, max_duration_s = 3600 }}

[realtime.openai]
base_url = "{model_url}"

[{carrier}]
api_url = "{api_url}"
signatures = "required"
"""
    id_name, token_name = KEYS[carrier]
    return Surroundings(tables, {"OPENAI_API_KEY": "bench", id_name: account.id, token_name: account.token})


@asynccontextmanager
async def echo_scene(carrier: Carrier, *, max_calls: int, recording: bool) -> AsyncIterator[EchoScene]:
    """Carrier, server and model, up and ready. Raises ConfigError if one of them does not start."""
    async with AsyncExitStack() as stack:
        model_url = await stack.enter_async_context(_echo())
        cloud = await stack.enter_async_context(CarrierCloud(carrier))
        around = surroundings(carrier, cloud.account, cloud.api_url, model_url)
        server = await stack.enter_async_context(
            own_server(engine="realtime", max_calls=max_calls, vad=True, recording=recording, surroundings=around)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        answer_url = f"http://127.0.0.1:{server.http_port}/{carrier}/answer"
        lines = {
            agent: StreamLine(session, carrier, cloud.account, answer_url, number) for agent, number in NUMBERS.items()
        }
        yield EchoScene(server, lines)


async def measure_realtime(scene: EchoScene, idle: Idle, calls: int, seconds: float) -> list[Step]:
    """`calls` callers of each agent whose stamped frames come back, for `seconds`. Raises CallError if nobody answers.

    The way in is from a frame's sending by the carrier to its arrival at the model, in the batch that it waits for; the
    way out from the sending of the model's audio to its arrival at the carrier, with the wait for the 20 ms beat."""
    steps: list[Step] = []
    for agent, line in scene.lines.items():
        callers = [StreamCaller(line, fill=_MULAW_SILENCE) for _ in range(calls)]
        steps.append(await measure_callers(scene.server, idle, callers, seconds, agent=agent))
    return steps


@asynccontextmanager
async def _echo() -> AsyncIterator[str]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "offhook.simulator.bench.realtime_echo", stdin=theirs.fileno(), stdout=theirs.fileno()
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        async with asyncio.timeout(_START_S):
            port = (await reader.readline()).decode().strip()
        if not port:
            raise ConfigError(f"the echoing model ended with status {await process.wait()}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        writer.close()
        await process.wait()
