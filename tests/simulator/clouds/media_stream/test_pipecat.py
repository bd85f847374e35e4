"""An independent server against the Vobiz double: Pipecat's serializer for Vobiz, which nobody here wrote."""

import asyncio
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from pipecat.frames.frames import (
    EndFrame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.serializers.vobiz import VobizFrameSerializer, parse_vobiz_start

from offhook.simulator.clouds.media_stream import CarrierCloud, RealTime, StreamEnd
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, Line, answer, serving

FRAMES = 25
TONE = (8_000 * np.sin(np.arange(160) * 2 * np.pi / 16)).astype("<i2").tobytes()


class Starlette:
    """The name that Pipecat's reader of the start has for receiving text."""

    def __init__(self, socket: web.WebSocketResponse):
        self.receive_text = socket.receive_str


async def test_pipecat_understands_the_double_and_is_understood() -> None:
    heard: list[bytes] = []
    keys: list[str] = []
    cleared = asyncio.Event()

    async def talk(line: Line) -> None:
        start = await parse_vobiz_start(Starlette(line.socket))
        assert (start["encoding"], start["sample_rate"], start["call_id"]) == ("audio/x-mulaw", 8_000, call.id)
        params = VobizFrameSerializer.InputParams(hangup_method="ws_stop", sample_rate=8_000)
        serializer = VobizFrameSerializer(start["stream_id"], call_id=start["call_id"], params=params)
        await serializer.setup(StartFrame())

        async def send(frame: Any) -> None:
            text = await serializer.serialize(frame)
            assert isinstance(text, str)
            await line.socket.send_str(text)

        for _ in range(FRAMES):
            await send(OutputAudioRawFrame(audio=TONE, sample_rate=8_000, num_channels=1))
        while len(heard) < FRAMES or not keys:
            frame = await serializer.deserialize(await line.socket.receive_str())
            if isinstance(frame, InputAudioRawFrame):
                heard.append(frame.audio)
            elif isinstance(frame, InputDTMFFrame):
                keys.append(str(frame.button.value))
        await send(OutputAudioRawFrame(audio=TONE * 100, sample_rate=8_000, num_channels=1))
        await send(InterruptionFrame())
        cleared.set()
        await send(EndFrame())
        await line.to_the_end()

    agent = Agent(talk, {"/answer": answer("vobiz")})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(4)) as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        stream = await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        call.phone.say(TONE * 10)
        call.phone.press("7")
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert call.violations == []
    assert keys == ["7"]
    assert np.abs(np.frombuffer(b"".join(heard), "<i2")).max() == pytest.approx(8_000, rel=0.1)
    assert stream.end is StreamEnd.STOPPED
    assert [each.ms for each in stream.queued[:FRAMES]] == [20] * FRAMES
    assert len(stream.clears) == 1
    assert stream.clears[0].dropped_ms > 1_000
