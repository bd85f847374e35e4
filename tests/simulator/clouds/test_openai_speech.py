"""The double is judged by OpenAI's own client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Slow, Stall
from offhook.simulator.tone_voice import ToneVoice
from tests.simulator.clouds.waiting import until

ASKED: Any = {"model": "gpt-4o-mini-tts", "voice": "marin", "input": "We open at nine.", "response_format": "pcm"}


@asynccontextmanager
async def client_of(double: SpeechDouble, key: str = "sk-test") -> AsyncIterator[AsyncOpenAI]:
    async with double.serve() as url, AsyncOpenAI(base_url=url, api_key=key, max_retries=0, timeout=5) as client:
        yield client


def double(*faults: Fault | None, **options: Any) -> SpeechDouble:
    return SpeechDouble(ToneVoice(), faults=faults, **options)


async def heard(client: AsyncOpenAI, **asked: Any) -> list[bytes]:
    async with client.audio.speech.with_streaming_response.create(**(ASKED | asked)) as response:
        return [piece async for piece in response.iter_bytes()]


async def test_the_client_hears_what_was_spoken() -> None:
    server = double(lead_ms=50)
    async with client_of(server) as client:
        audio = b"".join(await heard(client))
    quiet = bytes(2 * 1_200)
    assert audio == quiet + server.spoken[0].samples.tobytes() + quiet
    assert server.requests[0].body["input"] == "We open at nine."


async def test_speed_and_instructions_arrive() -> None:
    server = double()
    async with client_of(server) as client:
        usual = len(b"".join(await heard(client)))
        fast = len(b"".join(await heard(client, speed=2.0, instructions="Whisper.")))
    assert 0.4 < fast / usual < 0.7
    assert server.requests[1].body["instructions"] == "Whisper."


async def test_a_wrong_key() -> None:
    async with client_of(double(api_key="sk-right"), "sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await heard(client)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 4097}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"speed": 5.0}, "speed"),
        ({"model": "tts-1", "instructions": "Whisper."}, "instructions"),
        ({"response_format": "opus"}, "response_format"),
    ],
)
async def test_wrong_requests_are_refused(asked: dict[str, Any], param: str) -> None:
    async with client_of(double()) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await heard(client, **asked)
    assert caught.value.param == param


async def test_faults_are_used_up_one_a_request() -> None:
    server = double(Refuse(429, "Slow down.", "requests", "rate_limit_exceeded"), Cut(1), None)
    async with client_of(server) as client:
        with pytest.raises(openai.RateLimitError, match="Slow down"):
            await heard(client)
        with pytest.raises(Exception, match="peer closed connection"):
            await heard(client)
        assert await heard(client)


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_stall_lasts_until_the_client_goes(pieces: int) -> None:
    server = double(Stall(pieces))
    async with client_of(server) as client:
        task = asyncio.create_task(heard(client))
        await until(lambda: len(server.requests) == 1)
        done, _ = await asyncio.wait([task], timeout=0.05)
        assert not done
        task.cancel()
        await until(lambda: server.abandoned == 1)


async def test_a_slow_server_is_slow() -> None:
    server = double(Slow(0.01), piece_bytes=20_000)
    async with client_of(server) as client:
        began = asyncio.get_running_loop().time()
        await heard(client)
    assert asyncio.get_running_loop().time() - began > 0.02


async def test_chat_and_speech_live_on_one_address() -> None:
    speech, chat = double(), ChatDouble([ChatReply("Hello.")])
    server = OpenAiDouble(chat, speech)
    async with server.serve() as url, AsyncOpenAI(base_url=url, api_key="sk-test") as client:
        answer = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
        assert answer.choices[0].message.content == "Hello."
        assert await heard(client)
        assert (await client.models.list()).data == []
    assert server.models_asked == 1
