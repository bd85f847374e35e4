"""The double is judged by OpenAI's own client."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from offhook.simulator.clouds.ears import Saying, scripted_ears
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut, Refuse, Stall

TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
LIVE = "gpt-live-transcribe"


@asynccontextmanager
async def connected(
    double: RealtimeDouble, key: str = "sk-test", **headers: str
) -> AsyncIterator[AsyncRealtimeConnection]:
    query = {"intent": "transcription"}
    async with (
        double.serve() as url,
        AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client,
        client.realtime.connect(extra_query=query, extra_headers=headers) as connection,
    ):
        yield connection


async def configure(connection: AsyncRealtimeConnection, **changes: Any) -> Any:
    """The answer to a session.update, after the greeting."""
    heard = {"format": {"type": "audio/pcmu"}, "transcription": {"model": LIVE}, "turn_detection": None, **changes}
    session: Any = {"type": "transcription", "audio": {"input": heard}}
    greeting = await connection.recv()
    assert greeting.type == "session.created"
    assert greeting.session.type == "transcription"
    await connection.session.update(session=session)
    return await connection.recv()


async def say(connection: AsyncRealtimeConnection, ms: int) -> None:
    """So much silence in mu-law."""
    for _ in range(0, ms, 100):
        await connection.input_audio_buffer.append(audio=b64encode(b"\xff" * 800).decode())


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """All events up to one of `kind`."""
    events: list[Any] = []
    while not events or events[-1].type != kind:
        events.append(await connection.recv())
    return events


async def test_the_session_is_what_was_asked_for() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        updated = await configure(connection, transcription={"model": LIVE, "language": "en", "keywords": ["Offhook"]})
    assert updated.type == "session.updated"
    heard = updated.session.audio.input
    assert heard.format.type == "audio/pcmu"
    assert heard.transcription.model == LIVE
    assert heard.transcription.keywords == ["Offhook"]
    assert heard.turn_detection is None


async def test_live_words_come_before_the_commit_and_the_whole_after() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await configure(connection)
        await say(connection, 1_600)
        deltas = [await connection.recv() for _ in range(2)]
        assert [(event.type, getattr(event, "delta", "")) for event in deltas] == [
            ("conversation.item.input_audio_transcription.delta", " Hello"),
            ("conversation.item.input_audio_transcription.delta", " there."),
        ]
        await connection.input_audio_buffer.commit()
        events = await until(connection, "conversation.item.input_audio_transcription.completed")
    kinds = [event.type for event in events]
    assert kinds[:3] == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert events[-1].transcript == "Hello there."
    assert events[-1].usage.seconds == 1.6
    assert events[0].item_id == events[-1].item_id == deltas[0].item_id  # type: ignore[union-attr]
    assert events[1].item.role == "user"


async def test_the_next_item_has_its_own_words() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await configure(connection, transcription={"model": "gpt-transcribe"})
        found = []
        for ms in (1_600, 2_600):
            await say(connection, ms)
            await connection.input_audio_buffer.commit()
            found.append(await until(connection, "conversation.item.input_audio_transcription.completed"))
    assert [events[-1].transcript for events in found] == ["Hello there.", "Are you open?"]
    assert found[1][0].previous_item_id == found[0][0].item_id


async def test_without_a_model_nothing_is_transcribed() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await connection.recv()
        await say(connection, 1_600)
        await connection.input_audio_buffer.commit()
        await connection.input_audio_buffer.clear()
        kinds = [event.type for event in await until(connection, "input_audio_buffer.cleared")]
    assert not any("transcription" in kind for kind in kinds)


async def test_what_is_cleared_is_not_transcribed() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await configure(connection, transcription={"model": "gpt-transcribe"})
        await say(connection, 1_600)
        await connection.input_audio_buffer.clear()
        await say(connection, 400)
        await connection.input_audio_buffer.commit()
        events = await until(connection, "conversation.item.input_audio_transcription.completed")
    assert events[-1].transcript == ""


async def test_too_little_to_commit() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await configure(connection)
        await connection.input_audio_buffer.append(audio=b64encode(b"\xff" * 640).decode())
        await connection.send({"type": "input_audio_buffer.commit", "event_id": "mine"})
        error = await connection.recv()
    assert error.type == "error"
    assert (error.error.code, error.error.event_id) == ("input_audio_buffer_commit_empty", "mine")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"format": "g711_ulaw"}, "invalid_type", "session.audio.input.format"),
        ({"format": {"type": "audio/pcm", "rate": 16_000}}, "invalid_value", "session.audio.input.format.rate"),
        ({"turn_detection": {"type": "server_vad"}}, "invalid_value", "session.audio.input.turn_detection"),
        ({"transcription": {}}, "missing_required_parameter", "session.audio.input.transcription.model"),
        ({"transcription": "whisper-1"}, "invalid_type", "session.audio.input.transcription"),
        (
            {"transcription": {"model": "gpt-realtime-whisper", "keywords": ["a"]}},
            "invalid_value",
            "session.audio.input.transcription.keywords",
        ),
        ({"voice": "alloy"}, "unknown_parameter", "session.audio.input.voice"),
    ],
)
async def test_wrong_settings(changes: dict[str, Any], code: str, param: str) -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        error = await configure(connection, **changes)
    assert error.type == "error"
    assert (error.error.code, error.error.param) == (code, param)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "session.update", "session": {}}, "missing_required_parameter"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_value"),
        ({"type": "session.update", "session": {"type": "transcription", "voice": "alloy"}}, "unknown_parameter"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value"),
        ({"type": "response.create"}, "invalid_value"),
    ],
)
async def test_wrong_events(event: Any, code: str) -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await connection.recv()
        await connection.send(event)
        error = await connection.recv()
    assert error.type == "error"
    assert error.error.code == code


async def test_the_format_stays_once_audio_was_sent() -> None:
    async with connected(RealtimeDouble(TWO)) as connection:
        await configure(connection)
        await say(connection, 100)
        session: Any = {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcma"}}}}
        await connection.session.update(session=session)
        error = await connection.recv()
    assert error.type == "error"
    assert error.error.param == "session.audio.input.format"


async def test_the_beta_is_over() -> None:
    double = RealtimeDouble(TWO)
    async with connected(double, **{"OpenAI-Beta": "realtime=v1"}) as connection:
        error = await connection.recv()
        assert error.type == "error"
        assert error.error.code == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosed):
            await connection.recv()


async def test_a_wrong_key() -> None:
    double = RealtimeDouble(TWO, api_key="sk-right")
    with pytest.raises(InvalidStatus) as caught:
        await connected(double, "sk-wrong").__aenter__()
    assert caught.value.response.status_code == 401
    assert caught.value.response.headers["x-request-id"]
    async with connected(double, "sk-right") as connection:
        assert (await connection.recv()).type == "session.created"


async def test_only_transcription_is_offered() -> None:
    async with RealtimeDouble(TWO).serve() as url, AsyncOpenAI(base_url=url, api_key="sk") as client:
        with pytest.raises(InvalidStatus) as caught:
            await client.realtime.connect(model="gpt-realtime-2.1").enter()
    assert caught.value.response.status_code == 400


async def test_refusing_on_command() -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connected(RealtimeDouble(TWO, faults=[Refuse(503)])).__aenter__()
    assert caught.value.response.status_code == 503


async def test_falling_mute_and_hearing_on() -> None:
    double = RealtimeDouble(TWO, faults=[Stall(1)])
    async with connected(double) as connection:
        await connection.recv()
        await connection.input_audio_buffer.clear()
        await connection.close()
    assert [event["type"] for event in double.lines[0].texts] == ["input_audio_buffer.clear"]
    assert len(double.lines[0].sent) == 1


async def test_dying() -> None:
    async with connected(RealtimeDouble(TWO, faults=[Cut(1)])) as connection:
        await connection.recv()
        await connection.input_audio_buffer.clear()
        with pytest.raises(ConnectionClosed):
            await connection.recv()
