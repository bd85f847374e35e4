"""The double is judged by ElevenLabs' own client."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import numpy as np
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import AsyncElevenLabs, ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types.audio_output_multi import AudioOutputMulti
from elevenlabs.types.final_output_multi import FinalOutputMulti

from offhook.audio.g711 import mulaw_decode
from offhook.audio.resample import resample
from offhook.simulator.clouds.elevenlabs import ElevenLabsDouble
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Stall
from offhook.simulator.tone_voice import ToneVoice
from tests.simulator.clouds.waiting import until

VOICE = "hpp4J3VqNfWAUOO0d1Us"
TEXT = "We open at nine."


def double(*faults: Fault | None, **options: Any) -> ElevenLabsDouble:
    return ElevenLabsDouble(ToneVoice(), faults=faults, **options)


@asynccontextmanager
async def client_of(server: ElevenLabsDouble, key: str = "key") -> AsyncIterator[AsyncElevenLabs]:
    async with server.serve() as url, sdk_client(url, key) as client:
        yield client


@asynccontextmanager
async def sdk_client(url: str, key: str) -> AsyncIterator[AsyncElevenLabs]:
    async with httpx.AsyncClient() as http:
        yield AsyncElevenLabs(base_url=url, api_key=key, httpx_client=http)


async def streamed(client: AsyncElevenLabs, text: str = TEXT, voice: str = VOICE, **options: Any) -> bytes:
    asked: dict[str, Any] = {"output_format": "pcm_24000", "model_id": "eleven_flash_v2_5"} | options
    return b"".join([piece async for piece in client.text_to_speech.stream(voice, text=text, **asked)])


async def test_a_stream_is_what_was_spoken() -> None:
    server = double()
    async with client_of(server) as client:
        assert await streamed(client) == server.spoken[0].samples.tobytes()
        narrow = await streamed(client, output_format="ulaw_8000")
        settings = VoiceSettings(speed=1.2, stability=0.4)
        fast = await streamed(client, voice_settings=settings, language_code="en")
    pcm = np.frombuffer(resample(server.spoken[1].samples.tobytes(), 24_000, 8_000), "<i2").astype(int)
    assert np.abs(np.frombuffer(mulaw_decode(narrow), "<i2") - pcm).max() < 1_000
    assert len(fast) < len(server.spoken[0].samples) * 2
    assert server.requests[2].body["language_code"] == "en"
    assert server.requests[2].query == {"output_format": "pcm_24000"}


async def test_timestamps_are_those_of_the_words() -> None:
    server = double()
    async with client_of(server) as client:
        asked = client.text_to_speech.stream_with_timestamps(
            VOICE, text=TEXT, output_format="pcm_16000", model_id="eleven_flash_v2_5"
        )
        chunks = [chunk async for chunk in asked]
    assert len(chunks) > 2
    alignments = [chunk.alignment for chunk in chunks if chunk.alignment]
    starts = [start for alignment in alignments for start in alignment.character_start_times_seconds]
    assert "".join(char for alignment in alignments for char in alignment.characters) == TEXT
    assert starts == sorted(starts)
    assert starts[TEXT.index("at")] == pytest.approx(server.spoken[0].words[2].start_ms / 1000, abs=0.002)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"voice": "nobody"}, 404, "voice_not_found"),
        ({"text": " "}, 400, "invalid_text"),
        ({"model_id": "eleven_none"}, 400, "model_not_found"),
        ({"output_format": "mp3_44100_128"}, 400, "invalid_output_format"),
    ],
)
async def test_wrong_requests_are_refused(options: dict[str, Any], status: int, code: str) -> None:
    async with client_of(double()) as client:
        with pytest.raises(ApiError) as caught:
            await streamed(client, **options)
    assert (caught.value.status_code, caught.value.body["detail"]["status"]) == (status, code)


async def test_a_wrong_key() -> None:
    async with client_of(double(api_key="right"), "wrong") as client:
        for asked in (streamed(client), client.voices.get(VOICE)):
            with pytest.raises(ApiError) as caught:
                await asked
            assert caught.value.status_code == 401


async def test_the_voice_is_there() -> None:
    async with client_of(double(api_key="right"), "right") as client:
        assert (await client.voices.get(VOICE)).voice_id == VOICE


async def test_faults_are_used_up_one_a_generation() -> None:
    server = double(Refuse(429, "Too many.", code="too_many_concurrent_requests"), Cut(1), None)
    async with client_of(server) as client:
        with pytest.raises(ApiError, match="Too many"):
            await streamed(client)
        with pytest.raises(Exception, match="peer closed connection"):
            await streamed(client)
        assert await streamed(client)


async def test_a_limit_of_generations() -> None:
    server = double(Stall(1), most_generations=1)
    async with client_of(server) as client:
        first = asyncio.create_task(streamed(client))
        await until(lambda: server.spoken)
        with pytest.raises(ApiError) as caught:
            await streamed(client)
        first.cancel()
        await until(lambda: server.abandoned == 1)
    assert caught.value.status_code == 429


@pytest.mark.filterwarnings("ignore:ConnectionClosed.code is deprecated:DeprecationWarning")
async def test_the_clients_socket_hears_what_was_spoken() -> None:
    server = double()

    def words() -> Iterator[str]:
        yield from ("We open ", "at nine, ", "and close at five. ")

    def listen(url: str) -> bytes:
        client = ElevenLabs(base_url=url, api_key="key")
        # The client insists on TLS otherwise.
        client.text_to_speech._ws_base_url = url.replace("http", "ws")
        asked = client.text_to_speech.convert_realtime(
            VOICE, text=words(), model_id="eleven_flash_v2_5", output_format="pcm_24000"
        )
        return b"".join(asked)

    async with server.serve() as url:
        heard = await asyncio.to_thread(listen, url)
    assert heard == b"".join(speech.samples.tobytes() for speech in server.spoken)
    assert " ".join(speech.text.strip() for speech in server.spoken) == "We open at nine, and close at five."


# What follows has no client in the package: the messages are judged by its typed models.

Json = dict[str, Any]


@asynccontextmanager
async def socket_to(server: ElevenLabsDouble, **query: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    params = {"model_id": "eleven_flash_v2_5", "output_format": "pcm_24000", **query}
    async with (
        server.serve() as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/v1/text-to-speech/{VOICE}/multi-stream-input", params=params) as socket,
    ):
        yield socket


async def until_final(socket: aiohttp.ClientWebSocketResponse, *names: str) -> dict[str, list[Json]]:
    seen: dict[str, list[Json]] = {name: [] for name in names}
    while not all(messages and messages[-1].get("isFinal") for messages in seen.values()):
        message = await socket.receive_json(timeout=10)
        seen[message["contextId"]].append(message)
    return seen


async def test_contexts_speak_side_by_side() -> None:
    server = double()
    async with socket_to(server) as socket:
        for name, text in (("a", "We open at nine. "), ("b", "On Sundays we are closed. ")):
            await socket.send_json({"text": " ", "context_id": name})
            await socket.send_json({"text": text, "context_id": name, "flush": True})
            await socket.send_json({"context_id": name, "close_context": True})
        seen = await until_final(socket, "a", "b")
    for name, messages in seen.items():
        outputs = [AudioOutputMulti.model_validate(message) for message in messages[:-1]]
        assert FinalOutputMulti.model_validate(messages[-1]).context_id == name
        assert all(output.context_id == name for output in outputs)
        speech = next(speech for speech in server.spoken if ("We" if name == "a" else "On") in speech.text)
        assert b"".join(base64.b64decode(output.audio) for output in outputs) == speech.samples.tobytes()
        chars = "".join("".join(output.alignment.chars or []) for output in outputs if output.alignment)
        assert chars == speech.text
        assert all(output.alignment.char_start_times_ms[0] < 200 for output in outputs if output.alignment)  # type: ignore[index]


async def test_text_waits_until_there_is_enough_of_it() -> None:
    server = double()
    async with socket_to(server) as socket:
        await socket.send_json({"text": " ", "context_id": "a", "generation_config": {"chunk_length_schedule": [50]}})
        await socket.send_json({"text": "We open at nine. ", "context_id": "a"})
        await socket.send_json({"text": "We close at five, on Sundays we do not. ", "context_id": "a"})
        message = await socket.receive_json(timeout=10)
    assert message["contextId"] == "a"
    assert server.spoken[0].text.endswith("do not. ")


async def test_auto_mode_speaks_sentence_by_sentence() -> None:
    server = double()
    async with socket_to(server, auto_mode="true") as socket:
        await socket.send_json({"text": " ", "context_id": "a"})
        await socket.send_json({"text": "We open at nine. ", "context_id": "a"})
        assert (await socket.receive_json(timeout=10))["audio"]


async def goodbye(socket: aiohttp.ClientWebSocketResponse) -> tuple[str, int]:
    """The error message and the code of a server that hangs up."""
    error = ""
    while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
        error = message.json().get("error", error)
    return error, socket.close_code or 0


async def test_a_sixth_context_ends_the_connection() -> None:
    async with socket_to(double()) as socket:
        for number in range(6):
            await socket.send_json({"text": " ", "context_id": f"c{number}"})
        assert await goodbye(socket) == ("max_active_conversations", 1008)


async def test_a_closed_context_makes_room() -> None:
    async with socket_to(double()) as socket:
        for number in range(12):
            name = f"c{number}"
            await socket.send_json({"text": " ", "context_id": name})
            await socket.send_json({"context_id": name, "close_context": True})
            assert await socket.receive_json(timeout=10) == {"isFinal": True, "contextId": name}


@pytest.mark.parametrize(
    "messages",
    [
        [{"text": "", "context_id": "a"}],
        [{"text": " ", "context_id": "a"}, {"text": "x ", "context_id": "a", "voice_settings": {"stability": 0.1}}],
    ],
)
async def test_what_breaks_the_protocol(messages: list[Json]) -> None:
    async with socket_to(double()) as socket:
        for message in messages:
            await socket.send_json(message)
        assert await goodbye(socket) == ("invalid_message", 1008)


async def test_a_keepalive_opens_no_context() -> None:
    async with socket_to(double()) as socket:
        for message in ({"text": ""}, {"text": " ", "context_id": "a"}, {"text": "", "context_id": "a"}):
            await socket.send_json(message)
        await socket.send_json({"context_id": "a", "close_context": True})
        assert await socket.receive_json(timeout=10) == {"isFinal": True, "contextId": "a"}


async def test_silence_ends_the_connection() -> None:
    async with socket_to(double(), inactivity_timeout="0.1") as socket:
        assert await goodbye(socket) == ("input_timeout_exceeded", 1008)


async def test_close_socket_is_a_goodbye() -> None:
    async with socket_to(double()) as socket:
        await socket.send_json({"close_socket": True})
        assert await goodbye(socket) == ("", 1000)


async def test_a_refused_generation_ends_the_connection() -> None:
    async with socket_to(double(Refuse(401, "No credits left.", code="quota_exceeded"))) as socket:
        await socket.send_json({"text": " ", "context_id": "a"})
        await socket.send_json({"text": "Hello. ", "context_id": "a", "flush": True})
        assert await goodbye(socket) == ("quota_exceeded", 1008)


@pytest.mark.parametrize(("options", "status"), [({"api_key": "other"}, 401), ({"voices": ()}, 404)])
async def test_sockets_are_refused(options: Json, status: int) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with socket_to(double(**options)):
            pass
    assert caught.value.status == status
