"""The double is judged by OpenAI's own client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, Cut, Refuse, ScriptedCall

HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOLS: Any = [{"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}]


@asynccontextmanager
async def client_of(double: ChatDouble, key: str = "sk-test") -> AsyncIterator[AsyncOpenAI]:
    async with double.serve() as url, AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
        yield client


async def test_plain_completion() -> None:
    async with client_of(ChatDouble([ChatReply("We open at nine.")])) as client:
        answer = await client.chat.completions.create(model="m", messages=HELLO)
    assert answer.choices[0].message.content == "We open at nine."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.completion_tokens == 4


async def test_stream_with_usage() -> None:
    async with client_of(ChatDouble([ChatReply("We open at nine.")])) as client:
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "We open at nine."
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_no_usage_chunk_unless_asked() -> None:
    async with client_of(ChatDouble([ChatReply("Hi.")])) as client:
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        assert all([chunk.choices async for chunk in stream])


async def test_streamed_tool_calls_in_parallel() -> None:
    calls = (ScriptedCall("book", {"day": "Friday", "time": "10:30"}), ScriptedCall("hang_up"))
    async with (
        client_of(ChatDouble([ChatReply("One moment.", calls)])) as client,
        client.chat.completions.stream(model="m", messages=HELLO, tools=TOOLS) as stream,
    ):
        final = await stream.get_final_completion()
    message = final.choices[0].message
    assert final.choices[0].finish_reason == "tool_calls"
    assert message.content == "One moment."
    assert [(call.function.name, call.function.arguments) for call in message.tool_calls or []] == [
        ("book", '{"day":"Friday","time":"10:30"}'),
        ("hang_up", "{}"),
    ]


async def test_tool_calls_in_one_piece_and_their_results() -> None:
    def rule(request: ChatRequest) -> ChatReply:
        if request.messages[-1]["role"] == "tool":
            return ChatReply(f"Done: {request.last_text}")
        return ChatReply(tool_calls=(ScriptedCall("book", {"day": "Friday"}),))

    async with client_of(ChatDouble(rule)) as client:
        first = await client.chat.completions.create(model="m", messages=HELLO, tools=TOOLS)
        message = first.choices[0].message
        assert message.tool_calls
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "ok"}
        history: Any = [*HELLO, message, result]
        again = await client.chat.completions.create(model="m", messages=history, tools=TOOLS)
    assert again.choices[0].message.content == "Done: ok"


async def test_replies_in_turn_and_the_last_again() -> None:
    async with client_of(ChatDouble([ChatReply("one"), ChatReply("two")])) as client:
        said = [(await client.chat.completions.create(model="m", messages=HELLO)).choices[0].message for _ in range(3)]
    assert [message.content for message in said] == ["one", "two", "two"]


async def test_wrong_key() -> None:
    async with client_of(ChatDouble([ChatReply("no")], api_key="sk-right"), "sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize(
    ("status", "kind"), [(429, openai.RateLimitError), (500, openai.InternalServerError), (404, openai.NotFoundError)]
)
async def test_errors_in_their_shape(status: int, kind: type[openai.APIStatusError]) -> None:
    refusal = Refuse(status, "Slow down.", "requests", "rate_limit_exceeded")
    async with client_of(ChatDouble([ChatReply(fault=refusal)])) as client:
        with pytest.raises(kind, match="Slow down") as caught:
            await client.chat.completions.create(model="m", messages=HELLO)
    assert caught.value.code == "rate_limit_exceeded"


async def test_unanswered_tool_call_is_refused() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": "{}"}}
    messages: Any = [{"role": "assistant", "content": None, "tool_calls": [call]}, *HELLO]
    async with client_of(ChatDouble([ChatReply("no")])) as client:
        with pytest.raises(openai.BadRequestError, match="c1"):
            await client.chat.completions.create(model="m", messages=messages)


async def test_result_without_a_call_is_refused() -> None:
    messages: Any = [*HELLO, {"role": "tool", "tool_call_id": "c9", "content": "{}"}]
    async with client_of(ChatDouble([ChatReply("no")])) as client:
        with pytest.raises(openai.BadRequestError, match="c9"):
            await client.chat.completions.create(model="m", messages=messages)


async def test_a_cut_stream_breaks_off() -> None:
    async with client_of(ChatDouble([ChatReply("We open at nine.", fault=Cut(2))])) as client:
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        said = [(await anext(stream)).choices[0].delta.content for _ in range(3)]
        with pytest.raises(openai.APIConnectionError):
            await anext(stream)
    assert said == ["", "We", " open"]
