import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
from aiohttp import web

from offhook.config import LlmSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolCall, ToolSpec
from offhook.providers.llm.openai import ChatCompletions
from offhook.providers.usage import Usage
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, Cut, Refuse, ScriptedCall, Stall
from offhook.simulator.clouds.serving import serving
from tests.simulator.clouds.waiting import until

KEY = "sk-very-secret-0123456789"
CALL = CallFacts("id", "reception", "Be kind.", datetime(2026, 1, 1, tzinfo=UTC))
SIGN_OF_LIFE = TextDelta("")
HELLO = [Message("caller", "Hello")]
BOOK = ToolSpec("book", "Books a visit.", {"type": "object", "properties": {"day": {"type": "string"}}})


@asynccontextmanager
async def server(url: str, timeout_s: float = 5.0, key: str | None = KEY) -> AsyncIterator[ChatCompletions]:
    factory = ChatCompletions(LlmSettings(base_url=url, model="m", timeout_s=timeout_s), key)
    try:
        yield factory
    finally:
        await factory.close()


@asynccontextmanager
async def talking_to(double: ChatDouble, timeout_s: float = 5.0) -> AsyncIterator[ChatCompletions]:
    async with double.serve() as url, server(url, timeout_s) as factory:
        yield factory


async def answer(factory: ChatCompletions, messages: list[Message] = HELLO, *tools: ToolSpec) -> list[Piece]:
    return [piece async for piece in factory.open(CALL).respond(messages, tools) if piece != SIGN_OF_LIFE]


async def next_text(pieces: AsyncIterator[Piece]) -> str:
    """The next piece of text that has any."""
    while (piece := await anext(pieces)) == SIGN_OF_LIFE:
        pass
    return said([piece])


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


async def test_text_comes_in_pieces() -> None:
    double = ChatDouble([ChatReply("We open at nine.")])
    async with talking_to(double) as factory:
        pieces = await answer(factory)
    assert pieces == [TextDelta(text) for text in ("We", " open", " at", " nine.")]
    assert double.requests[0].body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "stream": True,
        "max_tokens": 200,
        "temperature": 0.4,
        "stream_options": {"include_usage": True},
    }
    assert double.requests[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("terse", [False, True])
async def test_tool_calls_and_their_results_go_round(terse: bool) -> None:
    def rule(request: ChatRequest) -> ChatReply:
        if request.messages[-1]["role"] == "tool":
            return ChatReply(f"Booked: {request.last_text}")
        calls = (ScriptedCall("book", {"day": "Friday"}, "c1"), ScriptedCall("book", {"day": "Monday"}, "c2"))
        return ChatReply("One moment.", calls, terse=terse)

    async with talking_to(ChatDouble(rule)) as factory:
        first = await answer(factory, HELLO, BOOK)
        calls = tuple(piece for piece in first if isinstance(piece, ToolCall))
        assert calls == (ToolCall("c1", "book", {"day": "Friday"}), ToolCall("c2", "book", {"day": "Monday"}))
        history = [*HELLO, Message("agent", "One moment.", tool_calls=calls), Message("tool", "yes", tool_call_id="c2")]
        assert said(await answer(factory, history, BOOK)) == "Booked: yes"


async def test_connections_are_used_again() -> None:
    double = ChatDouble([ChatReply("Hi.")])
    async with talking_to(double) as factory:
        for _ in range(3):
            await answer(factory)
    assert len(double.requests) == 3
    assert len(double.connections) == 1


async def test_no_key_no_header() -> None:
    double = ChatDouble([ChatReply("Hi.")])
    async with double.serve() as url, server(url, key=None) as factory:
        await answer(factory)
    assert "Authorization" not in double.requests[0].headers


@pytest.mark.parametrize("pieces", [0, 2])
async def test_a_stalled_server_is_given_up(pieces: int) -> None:
    double = ChatDouble([ChatReply("We open at nine.", fault=Stall(pieces))])
    async with talking_to(double, timeout_s=0.1) as factory:
        with pytest.raises(ProviderError, match=r"chat:m: nothing came for 0\.1 s") as caught:
            await answer(factory)
        assert caught.value.retryable
        await until(lambda: double.abandoned == 1)


async def test_closing_the_iterator_ends_the_request() -> None:
    double = ChatDouble([ChatReply("We open at nine.", fault=Stall(2))])
    async with talking_to(double) as factory:
        async with aclosing(factory.open(CALL).respond(HELLO, [])) as pieces:
            assert await next_text(pieces) == "We"
        await until(lambda: double.abandoned == 1)


async def test_cancelling_the_task_ends_the_request() -> None:
    double = ChatDouble([ChatReply("We open at nine.", fault=Stall(0))])
    async with talking_to(double) as factory:
        task = asyncio.create_task(answer(factory))
        await until(lambda: len(double.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: double.abandoned == 1)


async def test_a_cut_stream_is_an_error_after_its_text() -> None:
    async with talking_to(ChatDouble([ChatReply("We open at nine.", fault=Cut(2))])) as factory:
        pieces = aiter(factory.open(CALL).respond(HELLO, []))
        assert await next_text(pieces) + await next_text(pieces) == "We open"
        with pytest.raises(ProviderError, match="broke off") as caught:
            await next_text(pieces)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("refusal", "retryable"),
    [
        (Refuse(429, "Slow down.", code="rate_limit_exceeded"), True),
        (Refuse(429, "Pay first.", code="insufficient_quota"), False),
        (Refuse(500), True),
        (Refuse(503), True),
        (Refuse(404, "No such model.", code="model_not_found"), False),
        (Refuse(400, "Bad.", param="messages"), False),
    ],
)
async def test_refusals(refusal: Refuse, retryable: bool) -> None:
    async with talking_to(ChatDouble([ChatReply(fault=refusal)])) as factory:
        with pytest.raises(ProviderError) as caught:
            await answer(factory)
    assert caught.value.status == refusal.status
    assert caught.value.retryable is retryable
    assert str(caught.value) == f"chat:m: HTTP {refusal.status}: {refusal.message} (request req_1)"


async def test_the_key_stays_secret(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    double = ChatDouble([ChatReply("Hi.")], api_key="sk-another")
    async with talking_to(double) as factory:
        with pytest.raises(ProviderError, match=r"Incorrect API key provided: \*\*\*") as caught:
            await answer(factory)
        shown = repr(factory) + repr(factory.open(CALL)) + repr(caught.value) + caplog.text + str(capsys.readouterr())
    assert KEY not in shown


async def test_learns_what_a_newer_model_wants() -> None:
    def rule(request: ChatRequest) -> ChatReply:
        for name, code in (("max_tokens", "unsupported_parameter"), ("temperature", "unsupported_value")):
            if name in request.body:
                return ChatReply(fault=Refuse(400, "No.", "invalid_request_error", code, name))
        return ChatReply("Hi.")

    double = ChatDouble(rule)
    async with talking_to(double) as factory:
        assert said(await answer(factory)) == "Hi."
        assert said(await answer(factory)) == "Hi."
    assert len(double.requests) == 4
    assert double.requests[-1].body["max_completion_tokens"] == 200


async def test_further_fields_are_passed_on() -> None:
    double = ChatDouble([ChatReply("Hi.")])
    extra = {"reasoning_effort": "none", "temperature": 1.0}
    async with double.serve() as url:
        factory = ChatCompletions(LlmSettings(base_url=url, model="m", extra=extra), KEY)
        await answer(factory)
        await factory.close()
    assert double.requests[0].body["reasoning_effort"] == "none"
    assert double.requests[0].body["temperature"] == 1.0


async def test_nobody_there() -> None:
    async with ChatDouble([ChatReply("Hi.")]).serve() as url:
        pass
    async with server(url) as factory:
        with pytest.raises(ProviderError, match="no connection") as caught:
            await answer(factory)
    assert caught.value.retryable


async def test_an_address_that_is_none() -> None:
    async with server("http://[") as factory:
        with pytest.raises(ProviderError, match=r"cannot ask http://\[/chat/completions") as caught:
            await answer(factory)
    assert not caught.value.retryable


async def test_can_be_used_after_closing() -> None:
    async with talking_to(ChatDouble([ChatReply("Hi.")])) as factory:
        await answer(factory)
        await factory.close()
        assert said(await answer(factory)) == "Hi."


async def raw(*writes: bytes, content_type: str = "text/event-stream", drop: int = 0) -> list[Piece]:
    """The answer to bytes that no proper server sends; the first `drop` requests are not answered at all."""
    seen: list[int] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        seen.append(1)
        if len(seen) <= drop and request.transport:
            request.transport.abort()
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for write in writes:
            await response.write(write)
        return response

    app = web.Application()
    app.router.add_post("/chat/completions", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with server(f"http://127.0.0.1:{runner.addresses[0][1]}/") as factory:
            return await answer(factory)
    finally:
        await runner.cleanup()


TEXT = b'data: {"choices":[{"delta":{"content":"Hi."}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


async def test_a_connection_that_dies_unanswered_is_tried_once_more() -> None:
    assert said(await raw(TEXT, STOP, drop=1)) == "Hi."
    with pytest.raises(ProviderError, match="no connection"):
        await raw(TEXT, STOP, drop=2)


@pytest.mark.parametrize(
    "noise", [b": ping\n\n", b"data: {broken\n\n", b"data: 7\n\n", b"event: x\nid: 1\n\n", b"\n\n\n"]
)
async def test_noise_in_the_stream_is_passed_over(noise: bytes) -> None:
    assert said(await raw(noise, TEXT, noise, STOP, noise)) == "Hi."


async def test_a_stream_need_not_say_done() -> None:
    assert said(await raw(TEXT, STOP)) == "Hi."


async def test_a_stream_that_says_done_need_give_no_other_reason() -> None:
    assert said(await raw(TEXT, b"data: [DONE]\n\n")) == "Hi."


async def test_a_stream_that_ends_too_soon() -> None:
    with pytest.raises(ProviderError, match="ended before"):
        await raw(TEXT)


async def test_an_error_within_the_stream() -> None:
    with pytest.raises(ProviderError, match="overloaded"):
        await raw(TEXT, b'data: {"error":{"message":"overloaded"}}\n\n')


async def test_a_server_that_does_not_stream() -> None:
    whole = b'{"choices":[{"message":{"content":"Hi."},"finish_reason":"stop"}]}'
    assert said(await raw(whole, content_type="application/json")) == "Hi."


async def test_an_error_with_a_good_status() -> None:
    with pytest.raises(ProviderError, match="no such model"):
        await raw(b'{"error":"no such model"}', content_type="application/json")


async def test_an_endless_event() -> None:
    with pytest.raises(ProviderError, match="1 MiB"):
        await raw(b"data: " + b"x" * (1 << 20), b"xxx")


async def test_thoughts_are_not_said() -> None:
    thought = b'data: {"choices":[{"delta":{"content":"<think>Hm.</think>"}}]}\n\n'
    assert said(await raw(thought, TEXT, STOP)) == "Hi."


async def test_a_tool_call_that_is_being_written_shows_signs_of_life() -> None:
    double = ChatDouble([ChatReply(tool_calls=(ScriptedCall("book", {"day": "monday"}),))])
    async with talking_to(double) as factory:
        pieces = [piece async for piece in factory.open(CALL).respond(HELLO, [BOOK])]
    assert len(pieces) > 2
    assert pieces[:-1] == [SIGN_OF_LIFE] * (len(pieces) - 1)
    assert isinstance(pieces[-1], ToolCall)


@pytest.mark.parametrize(
    ("status", "problem"),
    [(200, ""), (404, ""), (403, ""), (401, "HTTP 401"), (503, "HTTP 503")],
)
async def test_checking_asks_for_the_models(status: int, problem: str) -> None:
    asked: list[str] = []

    async def models(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        return web.json_response({}, status=status)

    app = web.Application()
    app.router.add_get("/models", models)
    async with serving(app) as url, server(url) as factory:
        await factory.warm_up()
        if problem:
            with pytest.raises(ProviderError, match=problem) as caught:
                await factory.check()
            assert caught.value.retryable == (status == 503)
        else:
            await factory.check()
    assert asked == [f"Bearer {KEY}"] * 2


async def test_an_unfinished_answer_is_to_be_gone_on_with() -> None:
    double = ChatDouble([ChatReply("eight.")])
    async with talking_to(double) as factory:
        await answer(factory, [*HELLO, Message("agent", "We open at", unfinished=True)])
    begun, note = double.requests[0].messages[-2:]
    assert begun == {"role": "assistant", "content": "We open at"}
    assert note["role"] == "user"
    assert "broke off" in note["content"]


async def metered(double: ChatDouble, *, only: int = 0) -> list[Usage]:
    """What is told of an answer; of the first pieces of it if there are to be `only` so many."""
    used: list[Usage] = []
    async with talking_to(double) as factory, aclosing(factory.open(CALL, used.append).respond(HELLO, [])) as pieces:
        if only:
            for _ in range(only):
                await anext(pieces)
        else:
            with suppress(ProviderError):
                _ = [piece async for piece in pieces]
    return used


async def test_what_the_server_counts_is_told() -> None:
    # The double counts words: Be kind. Hello; We open at nine.
    assert await metered(ChatDouble([ChatReply("We open at nine.")])) == [Usage(text_in=3, text_out=4)]


async def test_an_answer_that_is_cut_short_is_told_as_an_estimate() -> None:
    [usage] = await metered(ChatDouble([ChatReply("We open at nine.")]), only=3)
    assert usage.estimated
    assert (usage.text_in, usage.text_out) == (19, 2)


async def test_a_server_that_dies_in_the_middle_has_worked_and_one_that_refuses_has_not() -> None:
    [usage] = await metered(ChatDouble([ChatReply("We open at nine.", fault=Cut(2))]))
    assert usage.estimated
    assert await metered(ChatDouble([ChatReply(fault=Refuse(503))])) == []


async def test_a_server_that_takes_no_stream_options_is_not_asked_for_its_count_again() -> None:
    refused = Refuse(400, "no", code="unsupported_parameter", param="stream_options")
    double = ChatDouble([ChatReply(fault=refused), ChatReply("Yes.")])
    async with talking_to(double) as factory:
        assert said(await answer(factory)) == "Yes."
    assert ["stream_options" in request.body for request in double.requests] == [True, False]


async def test_instructions_may_change_between_two_answers() -> None:
    double = ChatDouble([ChatReply("One."), ChatReply("Two.")])
    async with double.serve() as url:
        factory = ChatCompletions(LlmSettings(kind="openai", base_url=url))
        responder = factory.open(CallFacts("call-1", "a", "Be kind.", datetime(2026, 3, 2, tzinfo=UTC)))
        for _ in range(2):
            async for _piece in responder.respond([Message("caller", "Hello?")], ()):
                pass
            responder.instruct("Be brief.")
        await factory.close()
    assert [request.body["messages"][0]["content"] for request in double.requests] == ["Be kind.", "Be brief."]
