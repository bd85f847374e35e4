import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.calls.playout import Playout
from offhook.calls.speaker import Speaker
from offhook.config import TtsSettings
from offhook.errors import ProviderError
from offhook.providers.tts.elevenlabs import ElevenLabsSynthesizer
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.elevenlabs_speech import pieces
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Slow, Stall, serving
from offhook.simulator.tone_voice import ToneVoice
from tests.calls.rig import phrases_of
from tests.providers.tts.saying import TEXT, answering, audio_of, said, words_of
from tests.simulator.clouds.waiting import until

KEY = "el-very-secret-0123456789"
BOTH = pytest.mark.parametrize("transport", ["websocket", "http"])


@asynccontextmanager
async def voice_at(url: str, **options: Any) -> AsyncIterator[ElevenLabsSynthesizer]:
    timeout_s, language = options.pop("timeout_s", 5.0), options.pop("language", "")
    settings = TtsSettings(base_url=url, api_key=SecretStr(KEY), **options)
    voice = ElevenLabsSynthesizer(settings, language=language, timeout_s=timeout_s)
    try:
        yield voice
    finally:
        await voice.close()


@asynccontextmanager
async def voice_of(server: ElevenLabsDouble, **options: Any) -> AsyncIterator[ElevenLabsSynthesizer]:
    async with server.serve() as url, voice_at(url, **options) as voice:
        yield voice


def double(*faults: Fault | None, **options: Any) -> ElevenLabsDouble:
    return ElevenLabsDouble(ToneVoice(), faults=faults, **options)


def sent_by(server: ElevenLabsDouble, leg: AudioFormat = MULAW_8K, index: int = -1) -> bytes:
    return b"".join(piece.audio for piece in pieces(server.spoken[index], leg, 150))


async def test_what_is_asked_by_socket() -> None:
    server = double()
    async with voice_of(server, voice="hpp4J3VqNfWAUOO0d1Us", stability=0.4, language="en") as voice:
        await said(voice, speed=1.1)
    [socket] = server.sockets
    assert socket.path == "/v1/text-to-speech/hpp4J3VqNfWAUOO0d1Us/multi-stream-input"
    assert socket.query == {
        "model_id": "eleven_flash_v2_5",
        "language_code": "en",
        "output_format": "ulaw_8000",
        "inactivity_timeout": "180",
        "auto_mode": "true",
        "sync_alignment": "true",
    }
    assert socket.messages == [
        {"text": " ", "context_id": "c1", "voice_settings": {"stability": 0.4, "speed": 1.1}},
        {"text": f"{TEXT} ", "context_id": "c1", "flush": True},
        {"context_id": "c1", "close_context": True},
        {"close_socket": True},
    ]


async def test_what_is_asked_by_http() -> None:
    server = double()
    async with voice_of(server, transport="http", language="en", similarity_boost=0.5) as voice:
        await said(voice, speed=9.0)
    [request] = server.requests
    assert request.path == "/v1/text-to-speech/hpp4J3VqNfWAUOO0d1Us/stream/with-timestamps"
    assert request.query == {"output_format": "ulaw_8000"}
    assert request.body == {
        "text": TEXT,
        "model_id": "eleven_flash_v2_5",
        "language_code": "en",
        "voice_settings": {"similarity_boost": 0.5, "speed": 1.2},
    }
    assert not server.sockets


@BOTH
@pytest.mark.parametrize(
    ("leg", "spoken"),
    [
        (MULAW_8K, MULAW_8K),
        (ALAW_8K, ALAW_8K),
        (PCM_8K, PCM_8K),
        (PCM_16K, PCM_16K),
        (AudioFormat(Encoding.PCM16, 48_000), PCM_24K),
    ],
)
async def test_the_voice_speaks_what_the_leg_speaks(transport: str, leg: AudioFormat, spoken: AudioFormat) -> None:
    server = double()
    async with voice_of(server, transport=transport) as voice:
        chunks = await said(voice, leg=leg)
    assert {chunk.format for chunk in chunks} == {spoken}
    assert audio_of(chunks) == sent_by(server, spoken)


@BOTH
async def test_mu_law_passes_through_to_the_track_untouched(transport: str) -> None:
    server = double()
    async with voice_of(server, transport=transport) as voice:
        playout = Playout(MULAW_8K, send=lambda frame: None)
        track = playout.begin()
        await Speaker(phrases_of(voice), playout, speed=1.0).say(TEXT, track)
    assert bytes(track.audio) == b"".join(sent_by(server, index=index) for index in range(len(server.spoken)))
    assert [track.text[word.start : word.end].strip() for word in track.words] == TEXT.split()


@BOTH
@pytest.mark.parametrize("leg", [MULAW_8K, PCM_24K])
@pytest.mark.parametrize("piece_ms", [20, 150, 5_000])
async def test_words_sound_when_the_server_says(transport: str, leg: AudioFormat, piece_ms: int) -> None:
    server = double(piece_ms=piece_ms)
    async with voice_of(server, transport=transport) as voice:
        chunks = await said(voice, leg=leg)
    words = words_of(chunks)
    assert [TEXT[word.start : word.end] for word in words] == TEXT.split()
    for word, truth in zip(words, server.spoken[0].words, strict=True):
        assert word.start_ms == pytest.approx(truth.start_ms, abs=2)
        assert word.end_ms == pytest.approx(truth.end_ms, abs=2)


@BOTH
@pytest.mark.parametrize("text", ["", " \n", "...", "🙂"])
async def test_what_has_no_sound_is_not_asked_for(transport: str, text: str) -> None:
    server = double()
    async with voice_of(server, transport=transport) as voice:
        assert await said(voice, text) == []
    assert not server.sockets
    assert not server.requests


@BOTH
async def test_one_connection_serves_clause_after_clause(transport: str) -> None:
    server = double()
    async with voice_of(server, transport=transport) as voice:
        for _ in range(7):
            await said(voice)
    assert len(server.connections) == 1


async def test_five_clauses_share_a_socket_and_the_sixth_gets_another() -> None:
    server = double(*[Slow(0.05)] * 6)
    async with voice_of(server) as voice:
        heard = await asyncio.gather(*(said(voice, f"Number {number} is ready.") for number in range(6)))
    assert len(server.sockets) == 2
    opened = [sum(message.get("text") == " " for message in socket.messages) for socket in server.sockets]
    assert sorted(opened) == [1, 5]
    for number, chunks in enumerate(heard):
        index = next(i for i, speech in enumerate(server.spoken) if f"Number {number} " in speech.text)
        assert audio_of(chunks) == sent_by(server, index=index)


async def test_closing_the_iterator_closes_the_context_and_keeps_the_socket() -> None:
    server = double(Slow(0.05), None)
    async with voice_of(server) as voice:
        async with aclosing(voice.synthesize(TEXT, format=MULAW_8K)) as chunks:
            assert (await anext(chunks)).audio
        # The audio of the closed context is still on its way when the next clause is spoken.
        assert audio_of(await said(voice, "Good evening.")) == sent_by(server)
    assert len(server.sockets) == 1
    closed = [message["context_id"] for message in server.sockets[0].messages if message.get("close_context")]
    assert closed == ["c1", "c2"]


async def test_interruptions_in_a_row_do_not_use_up_the_contexts() -> None:
    server = double(*[Stall(1)] * 12)
    async with voice_of(server) as voice:
        for _ in range(12):
            async with aclosing(voice.synthesize(TEXT, format=MULAW_8K)) as chunks:
                assert (await anext(chunks)).audio
        await voice.close()
        await until(lambda: not server.generating)
    assert len(server.sockets) == 3
    assert not any(socket.error for socket in server.sockets)


@BOTH
async def test_cancelling_the_task_ends_the_work(transport: str) -> None:
    server = double(Stall(1))
    async with voice_of(server, transport=transport) as voice:
        task = asyncio.create_task(said(voice))
        await until(lambda: server.spoken)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if transport == "http":
            await until(lambda: server.abandoned == 1)
        assert audio_of(await said(voice, "Good evening.")) == sent_by(server)


@BOTH
@pytest.mark.parametrize("sent", [0, 2])
async def test_a_stalled_server_is_given_up(transport: str, sent: int) -> None:
    server = double(Stall(sent), None)
    async with voice_of(server, transport=transport, timeout_s=0.2) as voice:
        with pytest.raises(ProviderError, match=r"elevenlabs:eleven_flash_v2_5: nothing came for 0\.2 s") as caught:
            await said(voice)
        assert caught.value.retryable
        # The next clause does not wait on a socket that is in doubt.
        assert await said(voice)
    assert len(server.sockets) == (2 if transport == "websocket" else 0)


@BOTH
async def test_a_cut_stream_is_an_error_after_its_sound(transport: str) -> None:
    async with voice_of(double(Cut(2)), transport=transport) as voice:
        chunks = voice.synthesize(TEXT, format=MULAW_8K)
        assert (await anext(chunks)).audio
        with pytest.raises(ProviderError, match=r"broke off|closed the connection") as caught:
            async for _ in chunks:
                pass
    assert caught.value.retryable


@BOTH
async def test_connections_that_died_meanwhile_are_replaced(transport: str) -> None:
    server = double()
    async with voice_of(server, transport=transport) as voice:
        await said(voice)
        await server.drop_sockets()
        assert audio_of(await said(voice, "Good evening.")) == sent_by(server)


@BOTH
@pytest.mark.parametrize(
    ("refusal", "retryable"),
    [
        (Refuse(429, "Too many.", code="too_many_concurrent_requests"), True),
        (Refuse(500, "Oops.", code="internal_error"), True),
        (Refuse(401, "No credits left.", code="quota_exceeded"), False),
    ],
)
async def test_refused_generations(transport: str, refusal: Refuse, retryable: bool) -> None:
    async with voice_of(double(refusal), transport=transport) as voice:
        with pytest.raises(ProviderError, match=refusal.message) as caught:
            await said(voice)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize(("status", "retryable"), [(401, False), (403, False), (404, False), (429, True), (503, True)])
async def test_refused_sockets(status: int, retryable: bool) -> None:
    async with voice_of(double(handshakes=[Refuse(status)])) as voice:
        with pytest.raises(ProviderError) as caught:
            await said(voice)
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


@BOTH
async def test_the_key_is_named_and_stays_secret(transport: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with voice_of(double(api_key="another"), transport=transport) as voice:
        errors = []
        for asked in (said(voice), voice.check()):
            with pytest.raises(ProviderError, match=r"HTTP 401: .*; the key is ELEVENLABS_API_KEY") as caught:
                await asked
            assert not caught.value.retryable
            errors.append(repr(caught.value))
        await voice.warm_up()
    assert KEY not in "".join(errors) + repr(voice) + caplog.text


async def test_a_key_of_another_name() -> None:
    async with voice_of(double(api_key="another"), api_key_env="MY_KEY") as voice:
        with pytest.raises(ProviderError, match="the key is MY_KEY"):
            await voice.check()


async def test_check_finds_the_voice() -> None:
    async with voice_of(double()) as voice:
        await voice.check()
    async with voice_of(double(), voice="nobody") as voice:
        with pytest.raises(ProviderError, match="voice_id nobody was not found") as caught:
            await voice.check()
    assert not caught.value.retryable


async def test_a_key_that_may_only_speak_is_fine() -> None:
    detail = '{"detail":{"status":"missing_permissions","message":"voices_read is missing"}}'
    answer = web.Response(status=401, text=detail, content_type="application/json")
    async with answering(answer) as url, voice_at(url) as voice:
        await voice.check()


@BOTH
async def test_nobody_there(transport: str) -> None:
    async with double().serve() as url:
        pass
    async with voice_at(url, transport=transport) as voice:
        for asked in (said(voice), voice.check()):
            with pytest.raises(ProviderError, match="no connection") as caught:
                await asked
            assert caught.value.retryable
        await voice.warm_up()


async def test_a_warm_socket_is_used() -> None:
    server = double()
    async with voice_of(server) as voice:
        await voice.warm_up()
        assert not server.sockets
        await said(voice)
        await server.drop_sockets()
        await until(lambda: all(socket.lost for socket in voice._sockets._sockets[MULAW_8K]))
        await voice.warm_up()
        await until(lambda: len(server.sockets) == 2)
        await said(voice)
    assert len(server.sockets) == 2


async def test_can_be_used_after_closing() -> None:
    server = double()
    async with voice_of(server) as voice:
        await said(voice)
        await voice.close()
        assert await said(voice)


async def test_an_address_with_its_version() -> None:
    server = double()
    async with server.serve() as url, voice_at(f"{url}/v1/") as voice:
        assert await said(voice)


@BOTH
async def test_samples_that_are_split_are_put_together(transport: str) -> None:
    """No server is known to do it, and half a sample would be noise for the rest of the clause."""
    audio = bytes(range(200))
    cut = [audio[:33], audio[33:34], audio[34:]]

    async def lines(request: web.Request) -> web.Response:
        body = "".join(f'{{"audio_base64":"{base64.b64encode(part).decode()}"}}\n' for part in cut)
        return web.Response(text=body, content_type="application/json")

    async def socket(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            if message.json().get("close_context"):
                for part in cut:
                    await answer.send_json({"audio": base64.b64encode(part).decode(), "contextId": "c1"})
                await answer.send_json({"isFinal": True, "contextId": "c1"})
        return answer

    app = web.Application()
    app.router.add_post("/{path:.*}", lines)
    app.router.add_get("/{path:.*}", socket)
    async with serving(app) as url, voice_at(url, transport=transport) as voice:
        chunks = await said(voice, leg=PCM_8K)
    assert all(len(chunk.audio) % 2 == 0 for chunk in chunks)
    assert audio_of(chunks) == audio
    assert [TEXT[word.start : word.end] for word in words_of(chunks)] == TEXT.split()


@pytest.mark.parametrize(
    ("body", "problem", "retryable"),
    [
        ("", "no sound came", True),
        ('{"audio_base64":""}\n', "no sound came", True),
        ("{broken\n", "not JSON", True),
        ('{"detail":{"status":"voice_not_found","message":"No such voice."}}\n', "No such voice", False),
    ],
)
async def test_answers_that_are_none(body: str, problem: str, retryable: bool) -> None:
    answer = web.Response(text=body, content_type="application/json")
    async with answering(answer) as url, voice_at(url, transport="http") as voice:
        with pytest.raises(ProviderError, match=problem) as caught:
            await said(voice)
    assert caught.value.retryable is retryable


@pytest.mark.models
@BOTH
async def test_a_real_voice_comes_through_with_the_times_of_its_words(transport: str) -> None:
    from offhook.providers.tts.hibari import HibariSynthesizer

    server = ElevenLabsDouble(HibariSynthesizer())
    async with voice_of(server, transport=transport) as voice:
        chunks = await said(voice)
    assert audio_of(chunks) == sent_by(server)
    for word, truth in zip(words_of(chunks), server.spoken[0].words, strict=True):
        assert word.start_ms == pytest.approx(truth.start_ms, abs=2)
