import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from offhook.audio.formats import ALAW_8K, FRAME_MS, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import SttSettings
from offhook.errors import ProviderError
from offhook.providers.stt.base import SpeechStream, Transcript
from offhook.providers.stt.openai_realtime import OpenAiRecognizer
from offhook.providers.usage import Usage
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.lines import SlowHandshake
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut, Refuse, Stall, serving
from tests.providers.stt.conftest import Frames
from tests.providers.stt.listening import Told, speak
from tests.simulator.clouds.waiting import until

KEY = "sk-very-secret-0123456789"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
HESITANT = scripted_ears(Saying("My number is", 500, 1_300), Saying("five five.", 1_900, 2_500))


def recognizer(url: str, key: str = KEY, **settings: Any) -> OpenAiRecognizer:
    return OpenAiRecognizer(SttSettings(kind="openai", base_url=url, api_key=key, **settings))


@asynccontextmanager
async def opened(url: str, format: AudioFormat, **settings: Any) -> AsyncIterator[tuple[SpeechStream, Told]]:  # noqa: A002
    factory, told = recognizer(url, **settings), Told()
    stream = factory.open(format, language="en", events=told)
    try:
        yield stream, told
    finally:
        await stream.close()
        await factory.close()


@asynccontextmanager
async def listening(
    double: RealtimeDouble,
    format: AudioFormat = MULAW_8K,  # noqa: A002
    **settings: Any,
) -> AsyncIterator[tuple[SpeechStream, Told]]:
    async with double.serve() as url, opened(url, format, **settings) as opening:
        yield opening


def events(double: RealtimeDouble, kind: str) -> list[dict[str, Any]]:
    return [event for event in double.lines[0].texts if event["type"] == kind]


@pytest.mark.parametrize(
    ("format", "media"),
    [
        (MULAW_8K, {"type": "audio/pcmu"}),
        (ALAW_8K, {"type": "audio/pcma"}),
        (PCM_24K, {"type": "audio/pcm", "rate": 24_000}),
        (PCM_8K, {"type": "audio/pcmu"}),
        (PCM_16K, {"type": "audio/pcm", "rate": 24_000}),
    ],
)
async def test_any_format_is_heard(format: AudioFormat, media: dict[str, Any]) -> None:  # noqa: A002
    double = RealtimeDouble(TWO, api_key=KEY)
    async with listening(double, format) as (stream, told):
        speak(stream, format, 1_500)
        assert await stream.transcribe(500, 1_300) == Transcript("Hello there.", 1.0)
        assert events(double, "session.update")[0]["session"]["audio"]["input"]["format"] == media
    assert told.words[-1] == "Hello there."
    assert (told.turns, told.errors) == ([], [])


@pytest.mark.models
async def test_a_real_sentence(real_ears: EarFactory, spoken: Frames) -> None:
    frames = await spoken("What are your opening hours on Saturday?", PCM_16K)
    async with listening(RealtimeDouble(real_ears), PCM_16K, stall_ms=10_000) as (stream, _):
        for frame in frames:
            stream.hear(frame)
        said = await stream.transcribe(500, len(frames) * FRAME_MS - 1_500)
    assert said.text.lower().rstrip("?.") == "what are your opening hours on saturday"


async def test_words_are_told_before_they_are_asked_for() -> None:
    async with listening(RealtimeDouble(TWO)) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        await until(lambda: len(told.words) == 2)
    assert told.words == ["Hello", "Hello there."]


async def test_a_caller_who_goes_on_is_heard_whole() -> None:
    async with listening(RealtimeDouble(HESITANT)) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        assert (await stream.transcribe(500, 1_300)).text == "My number is"
        speak(stream, MULAW_8K, 1_200)
        assert (await stream.transcribe(500, 2_500)).text == "My number is five five."
    assert told.words[-1] == "My number is five five."


async def test_the_next_utterance_has_its_own_words() -> None:
    async with listening(RealtimeDouble(TWO), model="gpt-transcribe") as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."
        speak(stream, MULAW_8K, 2_600)
        assert (await stream.transcribe(3_000, 3_900)).text == "Are you open?"
    assert told.words == ["Hello there.", "Are you open?"]


async def test_what_is_committed_is_not_committed_again() -> None:
    double = RealtimeDouble(TWO)
    async with listening(double) as (stream, _):
        speak(stream, MULAW_8K, 1_500)
        said = [await stream.transcribe(500, end_ms) for end_ms in (1_300, 1_300, 1_500)]
        speak(stream, MULAW_8K, 80)
        said.append(await stream.transcribe(500, 1_580))
        assert len(events(double, "input_audio_buffer.commit")) == 1
    assert [transcript.text for transcript in said] == ["Hello there."] * 4


async def test_what_was_said_before_the_connection_was_up_counts() -> None:
    double = RealtimeDouble(TWO, faults=[SlowHandshake(0.05)])
    async with listening(double) as (stream, _):
        speak(stream, MULAW_8K, 1_500)
        assert not double.lines
        assert (await stream.transcribe(500, 1_300)).text == "Hello there."


async def test_a_mute_provider_is_given_up() -> None:
    async with listening(RealtimeDouble(TWO, faults=[Stall()]), stall_ms=200) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        with pytest.raises(ProviderError, match=r"no words within 0\.2 s") as caught:
            await stream.transcribe(500, 1_300)
        assert caught.value.retryable
        await until(lambda: told.errors)


async def test_a_connection_that_dies_is_told_once() -> None:
    async with listening(RealtimeDouble(TWO, faults=[Cut(2)])) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        await until(lambda: told.errors)
        with pytest.raises(ProviderError):
            await stream.transcribe(500, 1_300)
        speak(stream, MULAW_8K, 100)
    assert [(error.status, error.retryable) for error in told.errors] == [(1006, True)]


async def test_a_refused_handshake_is_told() -> None:
    async with listening(RealtimeDouble(TWO, faults=[Refuse(429)])) as (_, told):
        await until(lambda: told.errors)
    assert (told.errors[0].status, told.errors[0].retryable) == (429, True)
    assert "(request req_1)" in str(told.errors[0])


async def test_a_closed_stream_transcribes_no_more() -> None:
    async with listening(RealtimeDouble(TWO, faults=[Stall()])) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        task = asyncio.create_task(stream.transcribe(500, 1_300))
        await asyncio.sleep(0)
        await stream.close()
        with pytest.raises(ProviderError, match="closed"):
            await task
    assert told.errors == []


async def test_a_wrong_key_is_refused_and_stays_secret() -> None:
    async with RealtimeDouble(TWO, api_key="sk-right").serve() as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match="HTTP 401") as caught:
            await factory.check()
        await factory.close()
    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert KEY not in repr(factory) + repr(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)


async def test_a_good_key_passes() -> None:
    async with RealtimeDouble(TWO, api_key=KEY).serve() as url:
        factory = recognizer(url)
        await factory.check()
        await factory.close()


async def test_a_server_that_leaves_at_once_is_no_good() -> None:
    async with RealtimeDouble(TWO, faults=[Cut(0)]).serve() as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match="closed the connection") as caught:
            await factory.check()
        await factory.close()
    assert caught.value.retryable


def test_the_usual_model_and_address() -> None:
    factory = OpenAiRecognizer(SttSettings(kind="openai"))
    assert factory.name == "openai:gpt-live-transcribe"
    assert "https://api.openai.com/v1/realtime" in repr(factory)


@asynccontextmanager
async def server(*answers: object, to: str = "session.update") -> AsyncIterator[str]:
    """A server that greets with the first answer, and says the rest when it hears an event of type `to`."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(orjson.dumps(answers[0]).decode())
        async for message in socket:
            if message.json()["type"] == to:
                for answer in answers[1:]:
                    await socket.send_str(answer if isinstance(answer, str) else orjson.dumps(answer).decode())
        return socket

    app = web.Application()
    app.router.add_get("/realtime", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


GREETING = {"type": "session.created", "session": {}}
COMMIT = "input_audio_buffer.commit"


def error(code: str, **more: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "x", "code": code, "message": f"about {KEY}", **more}}


@pytest.mark.parametrize(
    ("told_error", "retryable"),
    [
        (error("unknown_parameter", event_id="offhook_session"), False),
        (error("insufficient_quota"), False),
        (error("session_expired"), True),
    ],
)
async def test_errors_that_end_the_session(told_error: dict[str, Any], retryable: bool) -> None:
    async with server(GREETING, told_error) as url, opened(url, MULAW_8K) as (_, told):
        await until(lambda: told.errors)
    assert told.errors[0].retryable is retryable
    assert str(told.errors[0]) == f"openai:gpt-live-transcribe: {told_error['error']['code']}: about ***"


async def test_an_empty_commit_is_no_failure() -> None:
    empty = error("input_audio_buffer_commit_empty")
    async with server(GREETING, empty, to=COMMIT) as url, opened(url, MULAW_8K) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        assert await stream.transcribe(500, 1_300) == Transcript("", 0.0)
    assert told.errors == []


async def test_an_objection_is_passed_over() -> None:
    objection = error("rate_limit_exceeded")
    done = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "a", "transcript": "Hi."}
    async with server(GREETING, objection, done, to=COMMIT) as url, opened(url, MULAW_8K) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        assert (await stream.transcribe(500, 1_300)).text == "Hi."
    assert told.errors == []


async def test_a_transcription_that_failed() -> None:
    failed = {"type": "conversation.item.input_audio_transcription.failed", "item_id": "a", "error": {"message": "hm"}}
    async with server(GREETING, failed, to=COMMIT) as url, opened(url, MULAW_8K) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        with pytest.raises(ProviderError, match="hm") as caught:
            await stream.transcribe(500, 1_300)
    assert caught.value.retryable
    assert told.errors == []


@pytest.mark.parametrize("noise", ["{", "[]", '{"type":"error"}', '{"type":"input_audio_buffer.committed"}'])
async def test_a_server_that_breaks_the_protocol(noise: str) -> None:
    async with server(GREETING, noise) as url, opened(url, MULAW_8K) as (_, told):
        await until(lambda: told.errors)
    assert told.errors[0].retryable


async def test_a_greeting_that_is_an_error() -> None:
    async with server(error("invalid_api_key")) as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match=r"invalid_api_key: about \*\*\*") as caught:
            await factory.check()
        await factory.close()
    assert (caught.value.status, caught.value.retryable) == (401, False)


async def test_a_key_that_is_refused_by_the_close_frame_alone() -> None:
    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.close(code=3000, message=b"invalid_request_error.invalid_api_key")
        return socket

    app = web.Application()
    app.router.add_get("/realtime", handle)
    async with serving(app) as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match="invalid_api_key") as caught:
            await factory.check()
        await factory.close()
    assert (caught.value.status, caught.value.retryable) == (401, False)


async def test_a_greeting_that_is_none() -> None:
    async with server(7) as url:
        factory = recognizer(url)
        with pytest.raises(ProviderError, match="without a type"):
            await factory.check()
        await factory.close()


async def test_what_the_server_tells_of_its_use_is_told_and_the_rest_is_estimated() -> None:
    double = RealtimeDouble(TWO)
    async with listening(double) as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        await stream.transcribe(500, 1_300)
        assert [(usage.seconds, usage.estimated) for usage in told.usage] == [(1.5, False)]
        speak(stream, MULAW_8K, 1_000)
    assert told.usage[1:] == [Usage(seconds=1.0, estimated=True)]
    sent = [event for event in double.lines[0].sent if str(event["type"]).endswith("transcription.completed")]
    assert [event["usage"]["seconds"] for event in sent] == [1.5]


async def test_what_a_model_that_hears_commits_was_not_given_is_not_counted() -> None:
    async with listening(RealtimeDouble(TWO), model="gpt-transcribe") as (stream, told):
        speak(stream, MULAW_8K, 1_500)
        await stream.transcribe(500, 1_300)
        speak(stream, MULAW_8K, 1_000)
    assert told.seconds == 1.5
