import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from pydantic import SecretStr

from offhook.audio.formats import MULAW_8K, PCM_24K
from offhook.config import TtsSettings
from offhook.errors import ProviderError
from offhook.providers.tts.openai import OpenAiSynthesizer
from offhook.simulator.clouds.openai import OpenAiDouble
from offhook.simulator.clouds.openai_speech import SpeechDouble
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Stall
from offhook.simulator.tone_voice import ToneVoice
from tests.providers.tts.saying import TEXT, answering, audio_of, said, words_of
from tests.simulator.clouds.waiting import until

KEY = "sk-very-secret-0123456789"


@asynccontextmanager
async def voice_at(
    url: str, *, timeout_s: float = 5.0, key: str = KEY, **options: Any
) -> AsyncIterator[OpenAiSynthesizer]:
    voice = OpenAiSynthesizer(TtsSettings(base_url=url, api_key=SecretStr(key), **options), timeout_s=timeout_s)
    try:
        yield voice
    finally:
        await voice.close()


@asynccontextmanager
async def voice_of(server: SpeechDouble, **options: Any) -> AsyncIterator[OpenAiSynthesizer]:
    async with server.serve() as url, voice_at(url, **options) as voice:
        yield voice


def double(*faults: Fault | None, **options: Any) -> SpeechDouble:
    return SpeechDouble(ToneVoice(), faults=faults, **options)


async def test_a_server_that_speaks_at_another_rate() -> None:
    async with voice_of(double(), sample_rate=22_050) as voice:
        chunks = await said(voice)
    assert {chunk.format.rate for chunk in chunks} == {22_050}
    length_ms = sum(chunk.format.ms_in(len(chunk.audio)) for chunk in chunks)
    assert words_of(chunks)[-1].end_ms == pytest.approx(length_ms, abs=1)


async def test_what_is_asked_and_what_comes() -> None:
    server = double()
    async with voice_of(server, voice="cedar", model="gpt-4o-mini-tts", instructions="Be kind.") as voice:
        chunks = await said(voice, speed=1.25)
    assert server.requests[0].body == {
        "model": "gpt-4o-mini-tts",
        "voice": "cedar",
        "input": TEXT,
        "response_format": "pcm",
        "instructions": "Be kind.",
        "speed": 1.25,
    }
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert {chunk.format for chunk in chunks} == {PCM_24K}
    assert audio_of(chunks).startswith(server.spoken[0].samples.tobytes()[:-9600])


async def test_nothing_is_asked_that_need_not_be() -> None:
    server = double()
    async with voice_of(server) as voice:
        await said(voice)
    assert server.requests[0].body == {
        "model": "gpt-4o-mini-tts",
        "voice": "marin",
        "input": TEXT,
        "response_format": "pcm",
    }


async def test_a_model_that_takes_no_instructions_gets_none() -> None:
    server = double()
    async with voice_of(server, model="tts-1", instructions="Be kind.") as voice:
        await said(voice)
    assert "instructions" not in server.requests[0].body


@pytest.mark.parametrize("piece_bytes", [1, 7, 4_801, 1 << 20])
async def test_samples_that_are_split_are_put_together(piece_bytes: int) -> None:
    server = SpeechDouble(ToneVoice(letter_ms=3, gap_ms=5), piece_bytes=piece_bytes)
    async with voice_of(server) as voice:
        chunks = await said(voice, "We open.")
    assert all(len(chunk.audio) % 2 == 0 for chunk in chunks)
    assert audio_of(chunks) == server.spoken[0].samples.tobytes()


async def test_silence_at_both_ends_is_cut() -> None:
    async with voice_of(double(lead_ms=400)) as voice:
        samples = np.frombuffer(audio_of(await said(voice)), "<i2")
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 500)
    assert loud[0] / 24 < 30
    assert 140 < (len(samples) - loud[-1]) / 24 < 165


@pytest.mark.parametrize("text", ["", " \n", "...", "🙂"])
async def test_what_has_no_sound_is_not_asked_for(text: str) -> None:
    server = double()
    async with voice_of(server) as voice:
        assert await said(voice, text) == []
    assert not server.requests


async def test_every_word_has_a_time_near_the_truth() -> None:
    server = double()
    async with voice_of(server) as voice:
        for _ in range(8):
            await said(voice)
        words = words_of(await said(voice))
    assert [TEXT[word.start : word.end] for word in words] == TEXT.split()
    for word, truth in zip(words, server.spoken[-1].words, strict=True):
        assert word.start_ms == pytest.approx(truth.start_ms, abs=350)


async def test_words_are_told_as_the_audio_arrives() -> None:
    async with voice_of(double()) as voice:
        arrived = 0.0
        for chunk in await said(voice):
            arrived += PCM_24K.ms_in(len(chunk.audio))
            assert all(word.end_ms <= arrived + 0.01 for word in chunk.words)


async def test_connections_are_used_again() -> None:
    server = double()
    async with voice_of(server) as voice:
        for _ in range(3):
            await said(voice)
    assert len(server.connections) == 1


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_stalled_server_is_given_up(pieces: int) -> None:
    server = double(Stall(pieces))
    async with voice_of(server, timeout_s=0.1) as voice:
        with pytest.raises(ProviderError, match=r"speech:gpt-4o-mini-tts: nothing came for 0\.1 s") as caught:
            await said(voice)
        assert caught.value.retryable
        await until(lambda: server.abandoned == 1)


async def test_closing_the_iterator_ends_the_request() -> None:
    server = double(Stall(2))
    async with voice_of(server) as voice:
        async with aclosing(voice.synthesize(TEXT, format=MULAW_8K)) as chunks:
            assert (await anext(chunks)).audio
        await until(lambda: server.abandoned == 1)


async def test_cancelling_the_task_ends_the_request() -> None:
    server = double(Stall(0))
    async with voice_of(server) as voice:
        task = asyncio.create_task(said(voice))
        await until(lambda: len(server.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.abandoned == 1)


async def test_a_cut_stream_is_an_error_after_its_sound() -> None:
    async with voice_of(double(Cut(2))) as voice:
        chunks = voice.synthesize(TEXT, format=MULAW_8K)
        assert (await anext(chunks)).audio
        with pytest.raises(ProviderError, match="broke off") as caught:
            async for _ in chunks:
                pass
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("refusal", "retryable"),
    [
        (Refuse(429, "Slow down.", code="rate_limit_exceeded"), True),
        (Refuse(429, "Pay first.", code="insufficient_quota"), False),
        (Refuse(500), True),
        (Refuse(404, "No such model.", code="model_not_found"), False),
    ],
)
async def test_refusals(refusal: Refuse, retryable: bool) -> None:
    async with voice_of(double(refusal)) as voice:
        with pytest.raises(ProviderError) as caught:
            await said(voice)
    assert (caught.value.status, caught.value.retryable) == (refusal.status, retryable)
    assert str(caught.value) == f"speech:gpt-4o-mini-tts: HTTP {refusal.status}: {refusal.message} (request req_1)"


async def test_the_key_is_named_and_stays_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with voice_of(double(api_key="sk-another")) as voice:
        with pytest.raises(ProviderError, match=r"HTTP 401: .*; the key is OPENAI_API_KEY") as caught:
            await said(voice)
        with pytest.raises(ProviderError, match="the key is OPENAI_API_KEY") as checked:
            await voice.check()
        await voice.warm_up()
    assert not caught.value.retryable
    assert not checked.value.retryable
    assert KEY not in repr(caught.value) + repr(checked.value) + repr(voice) + caplog.text


async def test_nobody_there() -> None:
    async with double().serve() as url:
        pass
    async with voice_at(url) as voice:
        for asked in (said(voice), voice.check()):
            with pytest.raises(ProviderError, match="no connection") as caught:
                await asked
            assert caught.value.retryable
        await voice.warm_up()


async def test_a_warm_connection_is_used() -> None:
    speech = double()
    server = OpenAiDouble(speech)
    async with server.serve() as url, voice_at(url) as voice:
        await voice.warm_up()
        await voice.check()
        await said(voice)
    assert server.models_asked == 2
    assert len(speech.connections) == 1


@pytest.mark.parametrize(("status", "fine"), [(403, True), (404, True), (500, False)])
async def test_a_server_without_a_list_of_models(status: int, fine: bool) -> None:
    async with answering(web.Response(status=status)) as address, voice_at(address) as voice:
        if fine:
            await voice.check()
        else:
            with pytest.raises(ProviderError, match="HTTP 500"):
                await voice.check()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (web.Response(content_type="application/json", text='{"error":"no such model"}'), "no such model"),
        (web.Response(content_type="audio/pcm", body=b""), "no sound came"),
    ],
)
async def test_good_statuses_with_nothing_behind_them(answer: web.Response, problem: str) -> None:
    async with answering(answer) as address, voice_at(address) as voice:
        with pytest.raises(ProviderError, match=problem):
            await said(voice)


async def test_silence_is_nothing() -> None:
    quiet = web.Response(content_type="audio/pcm", body=bytes(48_000))
    async with answering(quiet) as address, voice_at(address) as voice:
        assert await said(voice) == []


@pytest.mark.models
async def test_times_of_a_real_voice_are_near_the_truth() -> None:
    from offhook.providers.tts.hibari import HibariSynthesizer

    server = SpeechDouble(HibariSynthesizer())
    async with voice_of(server) as voice:
        for _ in range(5):
            words = words_of(await said(voice))
    off = [abs(word.end_ms - truth.end_ms) for word, truth in zip(words, server.spoken[-1].words, strict=True)]
    assert sum(off) / len(off) < 250
