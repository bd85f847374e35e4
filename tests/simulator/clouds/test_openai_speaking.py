"""The double's spoken sessions are judged by OpenAI's own client and its models."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from offhook.audio.formats import MULAW_8K, PCM_24K
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.lines import Line
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut, Refuse, Stall

HELLO = Saying("Hello there.", 500, 1_300)
TWO = scripted_ears(HELLO, Saying("Are you open?", 3_000, 3_900))
MODEL = "gpt-realtime-2.1-mini"
VAD = {"type": "server_vad"}
LONG = "one two three four five six seven eight nine ten eleven twelve"


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def double(ears: EarFactory = TWO, brain: Any = echo, **more: Any) -> RealtimeDouble:
    return RealtimeDouble(ears, brain=brain, **more)


@asynccontextmanager
async def connected(
    cloud: RealtimeDouble, key: str = "sk-test", **headers: str
) -> AsyncIterator[AsyncRealtimeConnection]:
    async with (
        cloud.serve() as url,
        AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client,
        client.realtime.connect(model=MODEL, extra_headers=headers) as connection,
        asyncio.timeout(20),
    ):
        yield connection
    for line in cloud.lines:
        await judge(connection, line)


async def judge(connection: AsyncRealtimeConnection, line: Line) -> None:
    """Every event that was sent is one that the client's models know, with all that they demand."""
    for event in line.sent:
        parsed = connection.parse_event(orjson.dumps(event).decode())
        type(parsed).model_validate(event)
    assert len({event["event_id"] for event in line.sent}) == len(line.sent)


async def configure(connection: AsyncRealtimeConnection, turns: Any = VAD, **changes: Any) -> Any:
    """The answer to a session.update in mu-law, after the greeting."""
    pcmu = {"type": "audio/pcmu"}
    heard = {"format": pcmu, "transcription": {"model": "gpt-transcribe"}, "turn_detection": turns}
    audio = {"input": heard, "output": {"format": pcmu, "voice": "cedar"}}
    session: Any = {"type": "realtime", "audio": audio, **changes}
    greeting = await connection.recv()
    assert greeting.type == "session.created"
    await connection.session.update(session=session)
    return await connection.recv()


async def hear(connection: AsyncRealtimeConnection, ms: int) -> None:
    """So much silence in mu-law, in which scripted ears hear their script."""
    for _ in range(0, ms, 100):
        await connection.input_audio_buffer.append(audio=b64encode(b"\xff" * 800).decode())


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """All events up to one of `kind`."""
    events: list[Any] = []
    while not events or events[-1].type != kind:
        events.append(await connection.recv())
    return events


def kinds(events: list[Any]) -> list[str]:
    """The types of events, repetitions taken together, without what comes in between at any time."""
    at_any_time = ("conversation.item.input_audio_transcription", "rate_limits")
    names = [event.type for event in events if not event.type.startswith(at_any_time)]
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


def of(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == kind]


async def test_the_session_is_what_was_asked_for() -> None:
    tool = {"type": "function", "name": "end_call", "description": "Hang up.", "parameters": {"type": "object"}}
    async with connected(double()) as connection:
        updated = await configure(connection, instructions="Be brief.", tools=[tool], max_output_tokens=200)
    session = updated.session
    assert updated.type == "session.updated"
    assert (session.type, session.model, session.instructions) == ("realtime", MODEL, "Be brief.")
    assert (session.audio.input.format.type, session.audio.output.format.type) == ("audio/pcmu", "audio/pcmu")
    assert (session.audio.output.voice, session.tools[0].name, session.max_output_tokens) == ("cedar", "end_call", 200)


async def test_a_turn_is_answered_in_the_documented_order() -> None:
    async with connected(double()) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        events = await until(connection, "response.done")
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        *(["response.output_audio_transcript.delta", "response.output_audio.delta"] * 4),
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    started, stopped = events[0], events[1]
    assert (started.audio_start_ms, stopped.audio_end_ms) == (200, 1_800)
    assert started.item_id == stopped.item_id == of(events, "input_audio_buffer.committed")[0].item_id
    assert of(events, "response.output_audio_transcript.done")[0].transcript == "You said Hello there."


async def test_what_the_caller_said_is_told_word_by_word_and_whole() -> None:
    async with connected(double()) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        events = await until(connection, "response.done")
    said = "conversation.item.input_audio_transcription"
    assert [event.delta for event in of(events, f"{said}.delta")] == ["Hello", " there."]
    whole = of(events, f"{said}.completed")[0]
    assert (whole.transcript, whole.usage.seconds, whole.item_id) == ("Hello there.", 1.6, events[0].item_id)


async def test_audio_comes_in_the_sessions_format_faster_than_it_is_heard() -> None:
    async with connected(double()) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        before = asyncio.get_running_loop().time()
        events = await until(connection, "response.done")
        took_s = asyncio.get_running_loop().time() - before
    audio = b"".join(b64decode(event.delta) for event in of(events, "response.output_audio.delta"))
    assert len(audio) % MULAW_8K.frame_bytes == 0
    assert MULAW_8K.ms_in(len(audio)) / 1000 > max(0.5, took_s)


async def test_usage_counts_what_was_read_before_as_cached() -> None:
    async with connected(double()) as connection:
        await configure(connection, instructions="Be very brief.")
        await hear(connection, 2_000)
        first = (await until(connection, "response.done"))[-1].response.usage
        await hear(connection, 2_600)
        second = (await until(connection, "response.done"))[-1].response.usage
    assert (first.input_token_details.text_tokens, first.input_token_details.audio_tokens) == (3, 16)
    assert first.input_token_details.cached_tokens == 0
    assert first.output_token_details.audio_tokens > 0
    assert second.input_token_details.cached_tokens_details.audio_tokens == 16
    read = 16 + first.output_token_details.audio_tokens + 17
    assert abs(second.input_token_details.audio_tokens - read) <= 1
    assert second.total_tokens == second.input_tokens + second.output_tokens


async def test_the_limits_go_down() -> None:
    async with connected(double(answers=1)) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        first = await until(connection, "response.done")
        await hear(connection, 2_600)
        second = await until(connection, "response.done")
    told = [of(events, "rate_limits.updated")[0].rate_limits[0] for events in (first, second)]
    assert [(limit.name, limit.limit, limit.remaining) for limit in told] == [("requests", 1, 1), ("requests", 1, 0)]
    failed = second[-1].response
    assert (failed.status, failed.status_details.error.code) == ("failed", "rate_limit_exceeded")


async def test_the_caller_interrupts() -> None:
    ears = scripted_ears(HELLO, Saying("Stop it.", 2_000, 2_600))
    cloud = double(ears, lambda _: ChatReply(LONG), haste=2.0)
    async with connected(cloud) as connection:
        await configure(connection)
        await hear(connection, 1_900)
        events = await until(connection, "response.output_audio.delta")
        await hear(connection, 300)
        events += await until(connection, "response.done")
        item_id = of(events, "response.output_audio.delta")[0].item_id
        assert cloud.sessions[0].kept_text(item_id) != LONG
    done = events[-1].response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    assert done.output[0].status == "incomplete"
    assert "input_audio_buffer.speech_started" in kinds(events)[-8:]


async def test_without_interruption_the_answer_goes_on_and_no_other_begins() -> None:
    ears = scripted_ears(HELLO, Saying("Stop it.", 2_000, 2_600))
    cloud = double(ears, lambda _: ChatReply(LONG), haste=4.0)
    async with connected(cloud) as connection:
        await configure(connection, {**VAD, "interrupt_response": False})
        await hear(connection, 1_900)
        await until(connection, "response.output_audio.delta")
        await hear(connection, 1_500)
        events = await until(connection, "response.done")
    assert events[-1].response.status == "completed"
    assert not of(events, "response.created")
    assert of(events, "input_audio_buffer.committed")


async def test_without_create_response_the_client_asks() -> None:
    async with connected(double()) as connection:
        await configure(connection, {**VAD, "create_response": False})
        await hear(connection, 2_000)
        await until(connection, "input_audio_buffer.committed")
        await connection.response.create(response={"metadata": {"mine": "1"}})
        done = (await until(connection, "response.done"))[-1].response
    assert (done.status, done.metadata) == ("completed", {"mine": "1"})


@pytest.mark.parametrize(
    ("turns", "stops_at_ms"),
    [
        ({**VAD, "silence_duration_ms": 200}, 1_500),
        ({**VAD, "silence_duration_ms": 900}, 2_200),
        ({"type": "semantic_vad"}, 1_600),
        ({"type": "semantic_vad", "eagerness": "high"}, 1_600),
    ],
)
async def test_turns_end_in_the_time_of_the_audio(turns: Any, stops_at_ms: int) -> None:
    async with connected(double(scripted_ears(HELLO))) as connection:
        await configure(connection, turns)
        await hear(connection, 3_000)
        events = await until(connection, "input_audio_buffer.speech_stopped")
    assert events[-1].audio_end_ms == stops_at_ms


async def test_an_unfinished_sentence_has_its_time() -> None:
    async with connected(double(scripted_ears(Saying("My name is", 500, 1_300)))) as connection:
        await configure(connection, {"type": "semantic_vad", "eagerness": "high"})
        await hear(connection, 4_000)
        events = await until(connection, "input_audio_buffer.speech_stopped")
    assert events[-1].audio_end_ms == 3_300


async def test_a_voice_below_the_threshold_is_none() -> None:
    faint = Saying("Psst.", 500, 900, voice=0.4)
    async with connected(double(scripted_ears(faint, Saying("Hello.", 2_000, 2_400)))) as connection:
        await configure(connection, {**VAD, "threshold": 0.6})
        await hear(connection, 3_000)
        events = await until(connection, "input_audio_buffer.speech_started")
    assert events[-1].audio_start_ms == 1_700


async def test_somebody_who_says_nothing_is_asked() -> None:
    async with connected(double(scripted_ears(HELLO), lambda _: ChatReply("Still there?"))) as connection:
        await configure(connection, {**VAD, "idle_timeout_ms": 5_000})
        await hear(connection, 2_000)
        await until(connection, "response.done")
        await hear(connection, 7_000)
        events = await until(connection, "response.done")
    timeout = of(events, "input_audio_buffer.timeout_triggered")[0]
    assert timeout.audio_end_ms - timeout.audio_start_ms == 5_000
    assert events[-1].response.status == "completed"


async def test_turns_that_the_client_tells() -> None:
    async with connected(double()) as connection:
        await configure(connection, None)
        await hear(connection, 1_600)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        events = await until(connection, "response.done")
        await connection.input_audio_buffer.commit()
        empty = await connection.recv()
    assert not of(events, "input_audio_buffer.speech_started")
    assert of(events, "response.output_audio_transcript.done")[0].transcript == "You said Hello there."
    assert empty.type == "error"
    assert empty.error.code == "input_audio_buffer_commit_empty"


async def test_what_was_cleared_was_not_said() -> None:
    async with connected(double()) as connection:
        await configure(connection, None)
        await hear(connection, 1_600)
        await connection.input_audio_buffer.clear()
        await hear(connection, 2_600)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        events = await until(connection, "response.done")
    assert of(events, "response.output_audio_transcript.done")[0].transcript == "You said Are you open?"


async def test_a_tool_is_called_and_its_result_read() -> None:
    def brain(request: ChatRequest) -> ChatReply:
        if request.messages[-1]["role"] == "tool":
            return ChatReply(f"It is {request.last_text}")
        assert request.body["tools"][0]["function"]["name"] == "weather"
        return ChatReply("Let me see.", (ScriptedCall("weather", {"city": "Oslo"}, "call_1"),))

    tool: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
    async with connected(double(brain=brain)) as connection:
        await configure(connection, tools=[tool])
        await hear(connection, 2_000)
        events = await until(connection, "response.done")
        output: Any = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        answer = await until(connection, "response.done")
    assert "".join(each.delta for each in of(events, "response.function_call_arguments.delta")) == '{"city":"Oslo"}'
    call = of(events, "response.function_call_arguments.done")[0]
    assert (call.name, call.call_id, call.arguments) == ("weather", "call_1", '{"city":"Oslo"}')
    assert [item.type for item in events[-1].response.output] == ["message", "function_call"]
    assert of(answer, "response.output_audio_transcript.done")[0].transcript == "It is sunny"


async def spoken(connection: AsyncRealtimeConnection) -> str:
    """Configure, have the first turn answered, and give the answer's item."""
    await configure(connection)
    await hear(connection, 2_000)
    events = await until(connection, "response.done")
    item_id: str = of(events, "response.output_audio.delta")[0].item_id
    return item_id


async def test_what_was_not_heard_is_forgotten() -> None:
    heard: list[str] = []

    def brain(request: ChatRequest) -> ChatReply:
        heard.extend(str(message["content"]) for message in request.messages if message["role"] == "assistant")
        return ChatReply("One two three")

    cloud = double(brain=brain)
    async with connected(cloud) as connection:
        item_id = await spoken(connection)
        assert cloud.sessions[0].kept_text(item_id) == "One two three"
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=350)
        truncated = await connection.recv()
        await connection.conversation.item.retrieve(item_id=item_id)
        retrieved: Any = await connection.recv()
        assert cloud.sessions[0].kept_text(item_id) == "One two"
        await hear(connection, 2_600)
        await until(connection, "response.done")
    assert truncated.type == "conversation.item.truncated"
    assert truncated.audio_end_ms == 350
    assert retrieved.item.content[0].transcript is None
    assert heard == ["One two"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"audio_end_ms": 60_000}, "invalid_value"),
        ({"audio_end_ms": -1}, "invalid_type"),
        ({"content_index": 1}, "invalid_value"),
        ({"item_id": "item_1_1"}, "invalid_value"),
        ({"item_id": "nobody"}, "item_truncate_invalid_item_id"),
    ],
)
async def test_wrong_truncations(change: Mapping[str, Any], code: str) -> None:
    cloud = double()
    async with connected(cloud) as connection:
        item_id = await spoken(connection)
        event = {"item_id": item_id, "content_index": 0, "audio_end_ms": 100, **change}
        await connection.send({"type": "conversation.item.truncate", **event})  # type: ignore[arg-type]
        error = await connection.recv()
        assert cloud.sessions[0].kept_text(item_id) == "You said Hello there."
    assert error.type == "error"
    assert error.error.code == code


async def test_an_item_is_deleted_once() -> None:
    cloud = double()
    async with connected(cloud) as connection:
        item_id = await spoken(connection)
        answers: list[Any] = []
        for _ in range(2):
            await connection.conversation.item.delete(item_id=item_id)
            answers.append(await connection.recv())
        with pytest.raises(KeyError):
            cloud.sessions[0].kept_text(item_id)
    assert answers[0].type == "conversation.item.deleted"
    assert answers[1].error.code == "item_delete_invalid_item_id"


async def test_an_answer_is_cancelled_once() -> None:
    async with connected(double(brain=lambda _: ChatReply(LONG), haste=2.0)) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        await until(connection, "response.output_audio.delta")
        await connection.response.create()
        busy = (await until(connection, "error"))[-1].error
        await connection.response.cancel()
        done = (await until(connection, "response.done"))[-1].response
        await connection.response.cancel()
        late = (await until(connection, "error"))[-1].error
    assert busy.code == "conversation_already_has_active_response"
    assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
    assert late.code == "response_cancel_not_active"


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        ('You are Ann.\n\nSay exactly: "Good morning."', "Good morning."),
        ("You are Ann.\n\nGood evening.", "Good evening."),
    ],
)
async def test_a_line_is_said_as_it_is_told(instructions: str, said: str) -> None:
    async with connected(double()) as connection:
        await configure(connection)
        await connection.response.create(response={"instructions": instructions})
        events = await until(connection, "response.done")
    assert of(events, "response.output_audio_transcript.done")[0].transcript == said


async def test_what_was_talked_about_before_is_known() -> None:
    items: list[Any] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "My name is Ann."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello Ann."}]},
    ]
    told: list[str] = []

    def brain(request: ChatRequest) -> ChatReply:
        told.extend(str(message["content"]) for message in request.messages)
        return ChatReply("Yes.")

    async with connected(double(brain=brain)) as connection:
        await configure(connection)
        for item in items:
            await connection.conversation.item.create(item=item)
        await connection.response.create()
        events = await until(connection, "response.done")
    assert told == ["My name is Ann.", "Hello Ann."]
    added = of(events, "conversation.item.added")
    assert added[1].previous_item_id == added[0].item.id


async def test_an_answer_that_fails() -> None:
    fault = Refuse(500, "Sorry.", "server_error", "server_error")
    async with connected(double(brain=lambda _: ChatReply(fault=fault))) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        done = (await until(connection, "response.done"))[-1].response
    assert (done.status, done.status_details.error.code, done.output) == ("failed", "server_error", [])


@pytest.mark.parametrize(
    ("session", "code", "param"),
    [
        ({}, "missing_required_parameter", "session.type"),
        ({"type": "transcription"}, "invalid_value", "session.type"),
        ({"type": "realtime", "voice": "alloy"}, "unknown_parameter", "session.voice"),
        ({"type": "realtime", "temperature": 0.7}, "unknown_parameter", "session.temperature"),
        ({"type": "realtime", "model": "other"}, "invalid_value", "session.model"),
        ({"type": "realtime", "output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
        ({"type": "realtime", "max_output_tokens": 0}, "invalid_value", "session.max_output_tokens"),
        ({"type": "realtime", "audio": "pcm16"}, "invalid_type", "session.audio"),
        (
            {"type": "realtime", "audio": {"input": {"format": "pcm16"}}},
            "invalid_type",
            "session.audio.input.format",
        ),
        (
            {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcm", "rate": 8_000}}}},
            "invalid_value",
            "session.audio.output.format.rate",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "vad"}}}},
            "invalid_value",
            "session.audio.input.turn_detection.type",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {**VAD, "eagerness": "low"}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection.eagerness",
        ),
        (
            {"type": "realtime", "audio": {"input": {"turn_detection": {**VAD, "threshold": 2}}}},
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
        ({"type": "realtime", "tools": [{"type": "function"}]}, "invalid_value", "session.tools[0]"),
        (
            {"type": "realtime", "tools": [{"type": "function", "function": {}}]},
            "unknown_parameter",
            "session.tools[0].function",
        ),
    ],
)
async def test_wrong_settings(session: Any, code: str, param: str) -> None:
    async with connected(double()) as connection:
        await connection.recv()
        await connection.send({"type": "session.update", "session": session, "event_id": "mine"})
        error = await connection.recv()
    assert error.type == "error"
    assert (error.error.code, error.error.param, error.error.event_id) == (code, param, "mine")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"output": {"voice": "ash"}}, "cannot_update_voice"),
        ({"output": {"format": {"type": "audio/pcma"}}}, "invalid_value"),
        ({"input": {"format": {"type": "audio/pcma"}}}, "invalid_value"),
    ],
)
async def test_what_stays_once_there_was_audio(change: Any, code: str) -> None:
    async with connected(double()) as connection:
        await spoken(connection)
        await connection.session.update(session={"type": "realtime", "audio": change})
        error = await connection.recv()
    assert error.type == "error"
    assert error.error.code == code


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "nonsense"}, "invalid_value"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value"),
        ({"type": "response.create", "response": {"modalities": ["audio"]}}, "unknown_parameter"),
        ({"type": "conversation.item.create"}, "missing_required_parameter"),
        ({"type": "conversation.item.create", "item": {"type": "picture"}}, "invalid_value"),
        ({"type": "conversation.item.create", "item": {"type": "message", "role": "user"}}, "invalid_value"),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]},
            },
            "invalid_value",
        ),
        ({"type": "conversation.item.create", "item": {"type": "function_call"}}, "missing_required_parameter"),
        (
            {"type": "conversation.item.create", "item": {"type": "function_call", "call_id": "c" * 33}},
            "string_above_max_length",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "call_9"}},
            "invalid_tool_call_id",
        ),
        ({"type": "conversation.item.retrieve", "item_id": "x"}, "item_retrieve_invalid_item_id"),
    ],
)
async def test_wrong_events(event: Any, code: str) -> None:
    async with connected(double()) as connection:
        await connection.recv()
        await connection.send(event)
        error = await connection.recv()
    assert error.type == "error"
    assert error.error.code == code


async def test_the_beta_is_over() -> None:
    async with connected(double(), **{"OpenAI-Beta": "realtime=v1"}) as connection:
        error = await connection.recv()
        assert error.type == "error"
        assert error.error.code == "beta_api_shape_disabled"
        with pytest.raises(ConnectionClosed):
            await connection.recv()


async def test_a_session_without_a_model_is_refused() -> None:
    async with double().serve() as url, AsyncOpenAI(base_url=url, api_key="sk") as client:
        with pytest.raises(InvalidStatus) as caught:
            await client.realtime.connect(model="").enter()
    assert caught.value.response.status_code == 400


async def test_transcription_is_still_offered() -> None:
    async with (
        double().serve() as url,
        AsyncOpenAI(base_url=url, api_key="sk") as client,
        client.realtime.connect(extra_query={"intent": "transcription"}) as connection,
    ):
        greeting = await connection.recv()
    assert greeting.type == "session.created"
    assert greeting.session.type == "transcription"


async def test_a_session_that_is_too_old() -> None:
    cloud = double()
    async with connected(cloud) as connection:
        await connection.recv()
        await cloud.expire()
        error = await connection.recv()
        with pytest.raises(ConnectionClosed) as caught:
            await connection.recv()
    assert error.type == "error"
    assert error.error.code == "session_expired"
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001


async def test_dying_in_the_middle_of_an_answer() -> None:
    async with connected(double(faults=[Cut(14)])) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        with pytest.raises(ConnectionClosed):
            await until(connection, "response.done")


async def test_falling_mute_and_hearing_on() -> None:
    cloud = double(faults=[Stall(2)])
    async with connected(cloud) as connection:
        await configure(connection)
        await hear(connection, 2_000)
        await connection.close()
    assert len(cloud.lines[0].sent) == 2
    assert len(cloud.lines[0].texts) == 21


async def test_pcm_is_spoken_too() -> None:
    async with connected(double()) as connection:
        await connection.recv()
        await connection.input_audio_buffer.append(audio=b64encode(PCM_24K.silence * 100).decode())
        events = await until(connection, "response.done")
    audio = b"".join(b64decode(event.delta) for event in of(events, "response.output_audio.delta"))
    assert len(audio) % PCM_24K.frame_bytes == 0
    assert not of(events, "conversation.item.input_audio_transcription.completed")
    assert of(events, "response.output_audio_transcript.done")[0].transcript == "You said Hello there."
