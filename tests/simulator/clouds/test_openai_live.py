"""The double is judged by OpenAI's own client, and event by event by its types."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from openai import AsyncOpenAI
from openai.resources.live.live import AsyncLiveConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from offhook.audio.levels import peak
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_live import LiveDouble
from offhook.simulator.clouds.serving import Cut, Refuse, Stall
from tests.simulator.clouds.live_types import server_events

HELLO = scripted_ears(Saying("Hello there.", 500, 1_300))
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
PIECE = b64encode(bytes(3_200)).decode()
BOOK = {"type": "function", "name": "book", "description": "Books.", "parameters": {"type": "object"}, "strict": False}


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply(tool_calls=(ScriptedCall("book", {"day": "Monday"}), ScriptedCall("book", {"day": "Friday"})))


def double(ears: EarFactory = HELLO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> LiveDouble:
    return LiveDouble(ears, brain=brain, **more)


@asynccontextmanager
async def connected(cloud: LiveDouble, key: str = "sk-test") -> AsyncIterator[AsyncLiveConnection]:
    async with (
        cloud.serve() as url,
        AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client,
        client.live.connect() as connection,
    ):
        yield connection
    for line in cloud.lines:
        server_events(line.sent)


def session(**more: Any) -> Any:
    responses = {"model": "gpt-5.6-luna", "tools": [BOOK]}
    audio = {"format": {"type": "audio/pcm", "rate": 16_000}, "output": {"voice": "marin"}}
    delegation = {"type": "responses", "responses": responses}
    return {"model": "gpt-live-1.1", "audio": audio, "delegation": delegation, **more}


async def started(connection: AsyncLiveConnection, **more: Any) -> Any:
    await connection.session.start(session=session(**more), event_id="mine")
    return await received(connection)


async def received(connection: AsyncLiveConnection) -> Any:
    """The next event, whichever it is."""
    return await connection.recv()


async def until(connection: AsyncLiveConnection, kind: str) -> list[Any]:
    """All events up to one of `kind`, while the clock runs: a piece of silence for each of sound."""
    events: list[Any] = []
    await connection.session.input_audio.append(audio=PIECE)
    async with asyncio.timeout(20):
        while not events or events[-1].type != kind:
            events.append(await received(connection))
            if events[-1].type == "session.output_audio.delta":
                await connection.session.input_audio.append(audio=PIECE)
    return events


async def sound(connection: AsyncLiveConnection, *, quiet: bool) -> int:
    """How many pieces come until one that is silent, or is not."""
    for number in range(200):
        [*_, piece] = await until(connection, "session.output_audio.delta")
        if (peak(b64decode(piece.delta)) < 64) is quiet:
            return number
    raise AssertionError("always the same")


def calls(events: list[Any]) -> list[Any]:
    nested = [event.event for event in events if event.type == "response.event"]
    done = [each["item"] for each in nested if each["type"] == "response.output_item.done"]
    return [item for item in done if item["type"] == "function_call"]


async def test_a_session_is_what_was_asked_for_and_expires() -> None:
    async with connected(double(lifetime_s=100)) as connection:
        event = await started(connection, instructions="You are Ann.")
    assert (event.type, event.client_event_id) == ("session.started", "mine")
    assert (event.session.status, event.session.instructions) == ("active", "You are Ann.")
    assert event.session.expires_at > 0
    assert event.session.audio.format.rate == 16_000


async def test_it_gives_a_piece_of_sound_for_each_it_hears_and_none_without() -> None:
    cloud = double(scripted_ears())
    async with connected(cloud) as connection:
        await started(connection)
        for _ in range(3):
            await connection.session.input_audio.append(audio=PIECE)
        heard = [await received(connection) for _ in range(3)]
        assert {event.type for event in heard} == {"session.output_audio.delta"}
        assert {b64decode(event.delta) for event in heard} == {bytes(3_200)}
        await connection.session.input_audio.mute()
        assert (await received(connection)).type == "session.input_audio.muted"


async def test_a_caller_is_understood_and_answered() -> None:
    async with connected(double()) as connection:
        await started(connection)
        events = await until(connection, "session.output_transcript.delta")
    heard = [event for event in events if event.type == "session.input_transcript.delta"]
    assert "".join(event.delta for event in heard) == " Hello there."
    assert (heard[0].start_ms, heard[-1].end_ms) == (500, 1_300)
    assert events[-1].delta == "You"


async def test_commentary_is_said_to_the_letter() -> None:
    async with connected(double(scripted_ears())) as connection:
        await started(connection)
        await connection.session.commentary.append(content='Say: "Good evening."', delegation_id=None, event_id="c1")
        events = await until(connection, "session.output_transcript.delta")
    [appended] = [event for event in events if event.type == "session.commentary.appended"]
    assert appended.client_event_id == "c1"
    assert events[-1].delta == "Good"


async def test_a_long_voice_makes_it_fall_silent_and_a_short_one_does_not() -> None:
    ears = scripted_ears(Saying("Mhm.", 1_000, 1_200), Saying("Stop it please.", 2_500, 3_400))
    cloud = double(ears, brain=lambda request: ChatReply("Well."))
    async with connected(cloud) as connection:
        await started(connection)
        await connection.session.commentary.append(content=f'Say "{LONG}"', delegation_id=None)
        pieces = 1 + await sound(connection, quiet=False)
        pieces += 1 + await sound(connection, quiet=True)
        assert 2_800 <= pieces * 100 <= 3_000
        await sound(connection, quiet=False)
    said = [message["content"] for message in cloud.talks[0].talk.messages if message["role"] == "assistant"]
    assert LONG.startswith(said[0])
    assert said[0] != LONG


async def test_functions_are_called_by_the_backend_and_their_results_are_spoken() -> None:
    async with connected(double(brain=booking)) as connection:
        await started(connection)
        events = await until(connection, "response.event")
        while not calls(events) or events[-1].event["type"] != "response.completed":
            events += await until(connection, "response.event")
        [created] = [event for event in events if event.type == "session.delegation.created"]
        assert created.delegation.target == "responses"
        first, second = calls(events)
        assert (first["name"], first["arguments"]) == ("book", '{"day":"Monday"}')
        output: Any = {"type": "function_call_output", "call_id": first["call_id"], "output": '{"ok":1}'}
        await connection.response.item.create(item=output)
        await connection.response.create(event_id="early")
        [*_, error] = await until(connection, "error")
        assert (error.error.code, error.error.client_event_id) == ("function_call_outputs_required", "early")
        await connection.response.item.create(item=output | {"call_id": second["call_id"]})
        await connection.response.create()
        [*_, said] = await until(connection, "session.output_transcript.delta")
    assert said.delta == "Done:"


async def test_a_text_of_the_caller_is_answered_when_that_is_asked_for() -> None:
    async with connected(double(scripted_ears())) as connection:
        await started(connection)
        item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
        await connection.response.item.create(item=item)
        await connection.response.create()
        [*_, said] = await until(connection, "session.output_transcript.delta")
    assert said.delta == "You"


async def test_the_bill_is_that_of_the_whole_session() -> None:
    async with connected(double(scripted_ears())) as connection:
        await started(connection)
        bills = [(await until(connection, "session.usage.updated"))[-1] for _ in range(2)]
        await connection.session.close()
        closed = await received(connection)
        while closed.type != "session.closed":
            closed = await received(connection)
    assert [bill.usage.seconds for bill in bills] == [10.0, 20.0]
    assert closed.reason == "close_requested"
    assert closed.usage.seconds >= 20.0


async def test_a_session_that_is_too_old_is_closed() -> None:
    async with connected(double(scripted_ears(), lifetime_s=0.2)) as connection:
        await started(connection)
        closed = await received(connection)
        with pytest.raises(ConnectionClosed):
            await received(connection)
    assert (closed.type, closed.reason) == ("session.closed", "expired")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"speed": 2}, "unknown_parameter"),
        ({"model": "gpt-realtime-2"}, "model_not_found"),
        ({"audio": {"format": {"type": "audio/pcm", "rate": 8_000}}}, "invalid_value"),
        ({"audio": {"output": {"voice": "nova"}}}, "forbidden"),
        ({"input": [{"role": "user", "content": [{"text": "a"}] * 2}]}, "invalid_value"),
        ({"input": [{"role": "user", "content": [{"text": "a"}]}] * 129}, "invalid_value"),
        ({"delegation": {"type": "responses", "responses": {}}}, "missing_required_parameter"),
        ({"delegation": {"type": "responses", "responses": {"model": "m", "tools": [{}]}}}, "invalid_value"),
    ],
)
async def test_a_session_object_that_is_wrong_ends_the_session(wrong: dict[str, Any], code: str) -> None:
    async with connected(double()) as connection:
        event = await started(connection, **wrong)
        assert (event.type, event.error.code, event.error.client_event_id) == ("error", code, "mine")
        with pytest.raises(ConnectionClosed):
            await received(connection)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "input_audio_buffer.commit"}, "invalid_value"),
        ({"type": "session.start", "session": {}}, "invalid_value"),
        ({"type": "session.input_audio.append", "audio": "*"}, "invalid_value"),
        ({"type": "session.commentary.append", "content": "a"}, "missing_required_parameter"),
        ({"type": "session.commentary.append", "content": "a" * 2_001, "delegation_id": None}, "invalid_value"),
        ({"type": "session.commentary.append", "content": "a", "delegation_id": "dlg_1"}, "invalid_value"),
        ({"type": "session.update", "session": {"instructions": "Be brief."}}, "immutable_parameter"),
        ({"type": "session.update", "session": {"delegation": {"type": "client"}}}, "invalid_value"),
        ({"type": "response.item.create"}, "missing_required_parameter"),
        ({"type": "response.item.create", "item": {"type": "reasoning"}}, "invalid_value"),
        ({"type": "response.item.create", "item": {"type": "function_call_output", "call_id": "x"}}, "invalid_value"),
        (
            {"type": "response.item.create", "item": {"type": "message", "content": [{"text": "a" * 33_000}]}},
            "response_input_buffer_full",
        ),
    ],
)
async def test_an_event_that_is_wrong_is_refused_and_the_session_goes_on(event: Any, code: str) -> None:
    async with connected(double(scripted_ears())) as connection:
        await started(connection)
        await connection.send(event | {"event_id": "e1"})
        refused = await received(connection)
        assert refused.type == "error"
        assert (refused.error.code, refused.error.client_event_id) == (code, "e1")
        assert (await until(connection, "session.output_audio.delta"))[-1].delta


async def test_the_backend_gets_other_tools() -> None:
    cloud = double(scripted_ears())
    async with connected(cloud) as connection:
        await started(connection)
        update: Any = {"delegation": {"type": "responses", "responses": {"tools": []}}}
        await connection.session.update(session=update, event_id="u1")
        event = await received(connection)
    assert (event.type, event.client_event_id) == ("session.updated", "u1")


async def test_a_backend_may_fail() -> None:
    def brain(request: ChatRequest) -> ChatReply:
        return ChatReply(fault=Refuse(429, "Too many.", code="rate_limit_exceeded"))

    async with connected(double(brain=brain)) as connection:
        await started(connection)
        events = await until(connection, "response.event")
        events += await until(connection, "response.event")
    assert events[-1].event["type"] == "response.failed"
    assert events[-1].event["response"]["error"]["code"] == "rate_limit_exceeded"


async def test_a_key_without_money_begins_nothing_and_goes_on_with_nothing() -> None:
    cloud = double(answers=1)
    async with connected(cloud) as connection:
        await started(connection)
        await connection.session.commentary.append(content="Hello.", delegation_id=None)
        [*_, error] = await until(connection, "error")
    assert error.error.code == "credit_balance_exhausted"
    async with connected(cloud) as connection:
        assert (await started(connection)).type == "error"


async def test_a_wrong_key_is_refused() -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(double(api_key="sk-right"), key="sk-wrong"):
            pass
    assert refused.value.response.status_code == 401


async def test_connections_break_and_fall_silent() -> None:
    async with connected(double(scripted_ears(), faults=[Cut(2)])) as connection:
        await started(connection)
        with pytest.raises(ConnectionClosed):
            await until(connection, "session.closed")
    async with connected(double(scripted_ears(), faults=[Stall(1)])) as connection:
        await started(connection)
        await connection.session.input_audio.append(audio=PIECE)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.2)
