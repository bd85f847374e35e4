import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from offhook.audio.formats import MULAW_8K
from offhook.audio.g711 import mulaw_encode
from offhook.audio.tones import sine
from offhook.simulator.bench.instant import ENDPOINTING_MS, LINE, STORY, InstantProviders, ProviderUrls

SOUND = mulaw_encode(sine(400, 20, 8_000))
LISTEN = (
    "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&punctuate=true&interim_results=true"
    f"&endpointing={ENDPOINTING_MS}"
)
VOICE = "/v1/text-to-speech/hpp4J3VqNfWAUOO0d1Us/stream?output_format=ulaw_8000"


@asynccontextmanager
async def serving(providers: InstantProviders) -> AsyncIterator[tuple[aiohttp.ClientSession, ProviderUrls]]:
    async with asyncio.timeout(30), aiohttp.ClientSession() as session, providers.serve() as urls:
        yield session, urls


async def until_judged(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = orjson.loads(await socket.receive_str())
        if message.get("speech_final"):
            return message


async def say(socket: aiohttp.ClientWebSocketResponse, frames: int) -> dict[str, Any]:
    for frame in [SOUND] * frames + [MULAW_8K.silence] * (ENDPOINTING_MS // 20):
        await socket.send_bytes(frame)
    return await until_judged(socket)


def transcript(message: dict[str, Any]) -> str:
    return str(message["channel"]["alternatives"][0]["transcript"])


async def chat(session: aiohttp.ClientSession, urls: ProviderUrls, text: str) -> str:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    async with session.post(f"{urls.openai}/chat/completions", json=body) as answer:
        return str((await answer.json())["choices"][0]["message"]["content"])


async def test_each_stretch_of_sound_is_a_line_with_the_name_of_its_call() -> None:
    providers = InstantProviders()
    async with serving(providers) as (session, urls), session.ws_connect(urls.deepgram + LISTEN) as socket:
        first = await say(socket, 20)
        (hearing,) = providers.hearings
        judged = hearing.trail.judged
        hearing.line = STORY
        second = await say(socket, 20)
    assert transcript(first) == f"{LINE}, {hearing.name}."
    assert transcript(second) == f"{STORY}, {hearing.name}."
    assert judged is not None
    assert hearing.trail.judged is not None
    assert hearing.trail.judged > judged


async def test_words_that_are_asked_for_before_the_turn_is_over_are_no_judgement() -> None:
    providers = InstantProviders()
    async with serving(providers) as (session, urls), session.ws_connect(urls.deepgram + LISTEN) as socket:
        for frame in [SOUND] * 20 + [MULAW_8K.silence] * 10:
            await socket.send_bytes(frame)
        await socket.send_str('{"type":"Finalize"}')
        while not orjson.loads(await socket.receive_str()).get("from_finalize"):
            pass
        assert providers.hearings[0].trail.judged is None
        for _ in range(ENDPOINTING_MS // 20 - 10):
            await socket.send_bytes(MULAW_8K.silence)
        await until_judged(socket)
        assert providers.hearings[0].trail.judged is not None


async def test_the_model_knows_the_call_by_its_name_and_answers_what_it_asks() -> None:
    providers = InstantProviders()
    async with serving(providers) as (session, urls):
        one, other = providers.begin_hearing(), providers.begin_hearing()
        other.line = STORY
        short = await chat(session, urls, f"When, {one.name}?")
        assert one.trail.asked is not None
        assert other.trail.asked is None
        long = await chat(session, urls, f"Please, {other.name}.")
        await chat(session, urls, "Is anybody there?")
    assert one.name in short
    assert other.name in long
    assert len(long) > 3 * len(short)


async def test_the_voice_notes_the_first_text_of_a_turn() -> None:
    providers = InstantProviders()
    async with serving(providers) as (session, urls):
        hearing = providers.begin_hearing()
        for text, noted in (("Hello.", False), (f"Yes, {hearing.name}.", True)):
            async with session.post(urls.elevenlabs + VOICE, json={"text": text}) as answer:
                assert await answer.read()
            assert (hearing.trail.spoken is not None) is noted
        first = hearing.trail.spoken
        async with session.post(urls.elevenlabs + VOICE, json={"text": f"{hearing.name} again."}) as answer:
            await answer.read()
        assert hearing.trail.spoken == first
