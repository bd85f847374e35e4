"""Measures what a call on a speech-to-speech session costs, and how late its audio is, with a model that echoes."""

import asyncio
import sys
from collections.abc import AsyncIterator
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

NUMBER = "+15550100"
_START_S = 30.0
_MULAW_SILENCE = 0xFF


@dataclass(frozen=True, slots=True)
class EchoScene:
    """A server whose agent is answered by a model that echoes, and a way to call it."""

    server: ServerUnderTest
    line: StreamLine


def surroundings(carrier: Carrier, account: Account, api_url: str, model_url: str) -> Surroundings:
    """One agent behind one carrier, on a session at `model_url`."""
    tables = f"""[agents.bench]
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
        yield EchoScene(server, StreamLine(session, carrier, cloud.account, answer_url, NUMBER))


async def measure_realtime(scene: EchoScene, idle: Idle, calls: int, seconds: float) -> Step:
    """`calls` callers whose stamped frames the model returns, for `seconds`. Raises CallError if nobody answers.

    The way in is from a frame's sending by the carrier to its arrival at the model, in the batch that it waits for; the
    way out from the sending of the model's audio to its arrival at the carrier, with the wait for the 20 ms beat."""
    callers = [StreamCaller(scene.line, fill=_MULAW_SILENCE) for _ in range(calls)]
    return await measure_callers(scene.server, idle, callers, seconds, agent="realtime")


@asynccontextmanager
async def _echo() -> AsyncIterator[str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "offhook.simulator.bench.realtime_echo", stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(_START_S):
            port = (await process.stdout.readline()).decode().strip()
        if not port:
            raise ConfigError(f"the echoing model ended with status {await process.wait()}")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.stdin.close()
        await process.wait()
