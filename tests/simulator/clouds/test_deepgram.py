"""The double is judged by Deepgram's own client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results, ListenV1SpeechStarted, ListenV1UtteranceEnd
from deepgram.listen.v2.types import ListenV2Connected, ListenV2TurnInfo
from websockets.exceptions import ConnectionClosed

from offhook.audio.formats import MULAW_8K, PCM_16K
from offhook.simulator.clouds.deepgram import DeepgramDouble
from offhook.simulator.clouds.ears import Saying, ScriptedEar, scripted_ears
from offhook.simulator.clouds.serving import Cut, Refuse, Stall

TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
QUERY = {
    "model": "nova-3",
    "encoding": "mulaw",
    "sample_rate": "8000",
    "interim_results": "true",
    "punctuate": "true",
    "endpointing": "300",
    "utterance_end_ms": "1000",
    "vad_events": "true",
}
FLUX = {"model": "flux-general-en", "encoding": "linear16", "sample_rate": "16000", "eager_eot_threshold": "0.4"}


@asynccontextmanager
async def client_of(double: DeepgramDouble, key: str = "dg-test") -> AsyncIterator[AsyncDeepgramClient]:
    async with double.serve() as url:
        socket = url.replace("http", "ws")
        places = DeepgramClientEnvironment(base=url, production=socket, agent=socket, agent_rest=url)
        yield AsyncDeepgramClient(api_key=key, environment=places)


async def listened(double: DeepgramDouble, ms: int, *, finalize_at: int | None = None) -> list[Any]:
    """Everything that `ms` of audio bring, as the client's own types."""
    async with client_of(double) as client, client.listen.v1.connect(**QUERY) as socket:
        for at in range(0, ms, 100):
            await socket.send_media(bytes(MULAW_8K.bytes_in(100)))
            if at + 100 == finalize_at:
                await socket.send_finalize()
        await socket.send_close_stream()
        return [message async for message in socket]


async def turned(double: DeepgramDouble, ms: int, *, force_at: int | None = None, **query: str) -> list[Any]:
    async with client_of(double) as client, client.listen.v2.connect(**FLUX, **query) as socket:
        for at in range(0, ms, 80):
            await socket.send_media(bytes(PCM_16K.bytes_in(80)))
            if at + 80 == force_at:
                await socket.send_force_end_turn()
        await socket.send_close_stream()
        return [message async for message in socket]


def results(messages: list[Any]) -> list[ListenV1Results]:
    return [message for message in messages if isinstance(message, ListenV1Results)]


def text(message: ListenV1Results) -> str:
    return message.channel.alternatives[0].transcript


async def test_segments_follow_the_speech() -> None:
    messages = await listened(DeepgramDouble(TWO), 6_000)
    finals = [message for message in results(messages) if message.is_final]
    spoken = [(message.speech_final, text(message)) for message in finals if text(message)]
    assert spoken == [(True, "Hello there."), (True, "Are you open?")]
    ends = [round(message.start + message.duration, 3) for message in finals]
    assert [message.start for message in finals] == [0.0, *ends[:-1]]
    assert ends[-1] == 6.0
    assert ends[0] == pytest.approx(1.6)


class Mumbling(ScriptedEar):
    """Cannot tell where in a voice words end."""

    @property
    def in_word(self) -> bool:
        return self.voiced


async def test_no_word_is_cut_by_the_longest_segment() -> None:
    sayings = [Saying("How much does a visit cost?", 4_000, 5_500)]
    double = DeepgramDouble(lambda format, language: Mumbling(sayings))  # noqa: A006
    finals = [m for m in results(await listened(double, 7_000)) if m.is_final]
    assert [text(m) for m in finals if text(m)] == ["How much does a visit cost?"]


async def test_words_have_times_and_two_writings() -> None:
    messages = await listened(DeepgramDouble(TWO), 2_000)
    words = next(message for message in results(messages) if message.is_final).channel.alternatives[0].words
    assert [(word.word, word.punctuated_word) for word in words] == [("hello", "Hello"), ("there", "there.")]
    assert (words[0].start, words[1].end) == (0.5, 1.3)
    assert words[0].end == words[1].start


async def test_speech_starts_and_utterances_end() -> None:
    messages = await listened(DeepgramDouble(TWO), 6_000)
    assert [m.timestamp for m in messages if isinstance(m, ListenV1SpeechStarted)] == [0.5, 3.0]
    assert [m.last_word_end for m in messages if isinstance(m, ListenV1UtteranceEnd)] == [1.3, 3.9]


async def test_interims_come_before_the_words_are_final() -> None:
    messages = await listened(DeepgramDouble(TWO), 2_000)
    first = results(messages)[0]
    assert not first.is_final
    assert text(first) == "Hello"


async def test_the_end_is_told_with_the_length_of_the_audio() -> None:
    messages = await listened(DeepgramDouble(TWO), 2_000)
    assert isinstance(messages[-1], ListenV1Metadata)
    assert messages[-1].duration == 2.0
    assert results(messages)[0].metadata.request_id == messages[-1].request_id


async def test_finalize_gives_what_was_said_so_far() -> None:
    finals = [m for m in results(await listened(DeepgramDouble(TWO), 2_000, finalize_at=1_400)) if m.is_final]
    assert [(text(m), m.from_finalize, m.speech_final) for m in finals[:2]] == [
        ("Hello there.", True, False),
        ("", False, True),
    ]


async def test_finalize_with_nothing_to_say_is_not_answered() -> None:
    async with client_of(DeepgramDouble(TWO)) as client, client.listen.v1.connect(**QUERY) as socket:
        await socket.send_finalize()
        await socket.send_close_stream()
        assert [type(message) async for message in socket] == [ListenV1Metadata]


async def test_flux_takes_turns() -> None:
    messages = await turned(DeepgramDouble(TWO), 6_000)
    infos = [message for message in messages if isinstance(message, ListenV2TurnInfo)]
    assert isinstance(messages[0], ListenV2Connected)
    assert [message.sequence_id for message in messages] == list(range(len(messages)))
    told = [(info.event, info.turn_index, info.transcript) for info in infos if info.event != "Update"]
    assert told == [
        ("StartOfTurn", 0, "Hello"),
        ("EagerEndOfTurn", 0, "Hello there."),
        ("EndOfTurn", 0, "Hello there."),
        ("StartOfTurn", 1, "Are"),
        ("EagerEndOfTurn", 1, "Are you open?"),
        ("EndOfTurn", 1, "Are you open?"),
    ]
    assert [info.trigger for info in infos if info.event == "EndOfTurn"] == ["model", "model"]


async def test_flux_updates_four_times_a_second_also_in_silence() -> None:
    messages = await turned(DeepgramDouble(scripted_ears()), 2_000)
    ends = [message.audio_window_end for message in messages if isinstance(message, ListenV2TurnInfo)]
    assert ends == [0.26, 0.52, 0.78, 1.04, 1.3, 1.56, 1.82]


async def test_flux_goes_on_when_the_caller_does() -> None:
    ears = scripted_ears(Saying("My number is", 200, 1_000), Saying("five five five.", 1_500, 2_200))
    infos = [m for m in await turned(DeepgramDouble(ears), 4_000) if isinstance(m, ListenV2TurnInfo)]
    told = [(info.event, info.transcript) for info in infos if info.event != "Update"]
    assert told == [
        ("StartOfTurn", "My"),
        ("EagerEndOfTurn", "My number is"),
        ("TurnResumed", "My number is"),
        ("EagerEndOfTurn", "My number is five five five."),
        ("EndOfTurn", "My number is five five five."),
    ]


async def test_flux_ends_a_turn_when_told() -> None:
    infos = [m for m in await turned(DeepgramDouble(TWO), 2_400, force_at=1_360) if isinstance(m, ListenV2TurnInfo)]
    ended = [(info.transcript, info.trigger) for info in infos if info.event == "EndOfTurn"]
    assert ended == [("Hello there.", "manual")]


async def test_flux_with_a_threshold_of_one_waits_for_the_time_limit() -> None:
    messages = await turned(DeepgramDouble(TWO), 2_400, eot_threshold="1.0", eot_timeout_ms="800")
    ended = [m.trigger for m in messages if isinstance(m, ListenV2TurnInfo) and m.event == "EndOfTurn"]
    assert ended == ["timeout"]


async def test_flux_may_time_its_words() -> None:
    double = DeepgramDouble(TWO)
    double.flux_word_times = True
    infos = [m for m in await turned(double, 2_400) if isinstance(m, ListenV2TurnInfo)]
    ended = next(info for info in infos if info.event == "EndOfTurn")
    assert (ended.words[0].start, ended.words[-1].end) == (0.5, 1.3)


async def test_a_wrong_key_is_refused_by_name() -> None:
    double = DeepgramDouble(TWO, api_key="dg-right")
    async with client_of(double, "dg-wrong") as client:
        with pytest.raises(ApiError) as caught:
            await client.listen.v1.connect(**QUERY).__aenter__()
    assert caught.value.status_code == 401
    async with client_of(double, "dg-right") as client, client.listen.v1.connect(**QUERY) as socket:
        await socket.send_close_stream()


async def refused(path: str, query: dict[str, str], double: DeepgramDouble | None = None) -> tuple[int, str]:
    """Status and dg-error of a handshake."""
    async with (double or DeepgramDouble(TWO)).serve() as url, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"{url}{path}", params=query)
    headers: Mapping[str, str] = caught.value.headers or {}
    assert headers["dg-request-id"]
    return caught.value.status, headers["dg-error"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model": "nova"}, "No such model"),
        ({"encoding": "mp3"}, "encoding"),
        ({"sample_rate": "fast"}, "sample_rate"),
        ({"sample_rate": "0"}, "sample_rate"),
        ({"interim_results": "false"}, "interim_results"),
        ({"utterance_end_ms": "500"}, "1000"),
        ({"keywords": "Offhook"}, "keyterm"),
        ({"model": "nova-2", "keyterm": "Offhook"}, "nova-3"),
    ],
)
async def test_wrong_listen_queries(change: dict[str, str], problem: str) -> None:
    status, why = await refused("/v1/listen", QUERY | change)
    assert status == 400
    assert problem in why


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model": "nova-3"}, "No such model"),
        ({"eot_threshold": "0.2"}, "eot_threshold"),
        ({"eager_eot_threshold": "0.95"}, "eager_eot_threshold"),
        ({"eot_timeout_ms": "100"}, "eot_timeout_ms"),
        ({"language_hint": "en"}, "flux-general-multi"),
    ],
)
async def test_wrong_flux_queries(change: dict[str, str], problem: str) -> None:
    status, why = await refused("/v2/listen", FLUX | change)
    assert status == 400
    assert problem in why


async def test_refusing_on_command() -> None:
    double = DeepgramDouble(TWO, faults=[Refuse(429, "Too many streams")])
    assert await refused("/v1/listen", QUERY, double) == (429, "Too many streams")


async def test_silence_on_the_line_closes_it() -> None:
    async with (
        client_of(DeepgramDouble(TWO, idle_s=0.05)) as client,
        client.listen.v1.connect(**QUERY) as socket,
    ):
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1011
    assert caught.value.rcvd.reason.startswith("NET-0001")


async def test_an_empty_message_ends_the_stream() -> None:
    async with client_of(DeepgramDouble(TWO)) as client, client.listen.v1.connect(**QUERY) as socket:
        await socket.send_media(b"")
        assert [type(message) async for message in socket] == [ListenV1Metadata]


@pytest.mark.parametrize(("path", "query"), [("/v1/listen", QUERY), ("/v2/listen", FLUX)])
async def test_a_message_it_does_not_know_ends_the_stream(path: str, query: dict[str, str]) -> None:
    async with (
        DeepgramDouble(TWO).serve() as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}{path}", params=query) as socket,
    ):
        await socket.send_str('{"type":"Speak"}')
        kinds = [message.json()["type"] async for message in socket]
    assert kinds[-1] == "Error"
    assert socket.close_code == 1008


async def test_flux_knows_no_keep_alive() -> None:
    async with (
        DeepgramDouble(TWO).serve() as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/v2/listen", params=FLUX) as socket,
    ):
        await socket.send_str('{"type":"KeepAlive"}')
        assert [message.json()["type"] async for message in socket] == ["Connected", "Error"]


async def test_falling_mute() -> None:
    async with (
        client_of(DeepgramDouble(TWO, faults=[Stall(1)])) as client,
        client.listen.v1.connect(**QUERY) as socket,
    ):
        await socket.send_media(bytes(MULAW_8K.bytes_in(6_000)))
        await socket.send_close_stream()
        assert [type(message) async for message in socket] == [ListenV1SpeechStarted]


async def test_dying() -> None:
    async with (
        client_of(DeepgramDouble(TWO, faults=[Cut(2)])) as client,
        client.listen.v1.connect(**QUERY) as socket,
    ):
        await socket.send_media(bytes(MULAW_8K.bytes_in(6_000)))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(_forever(socket), 10)


async def _forever(socket: Any) -> None:
    while True:
        await socket.recv()
