"""Sessions at the double; what they send is judged by OpenAI's own types."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, ToolCall, ToolSpec
from offhook.providers.realtime.base import RealtimeProvider, RealtimeSession, TurnDetection, Usage
from offhook.providers.realtime.openai_live import OpenAiLive
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_live import LiveDouble
from offhook.simulator.clouds.serving import Cut, Refuse
from tests.providers.realtime.listening import Told, speak
from tests.simulator.clouds.live_types import client_events
from tests.simulator.clouds.waiting import until

KEY = "sk-very-secret-0123456789"
HELLO = scripted_ears(Saying("Hello there.", 500, 1_300))
NOBODY = scripted_ears()
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
CALL = CallFacts("call-1", "reception", "You are Ann.", datetime(2026, 11, 21, tzinfo=UTC))
BOOK = ToolSpec("book", "Books a day.", {"type": "object", "properties": {"day": {"type": "string"}}})


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply("One moment.", (ScriptedCall("book", {"day": "Monday"}), ScriptedCall("book", {"day": "Friday"})))


def memory(request: ChatRequest) -> ChatReply:
    return ChatReply(" ".join(str(message["content"]) for message in request.messages[1:]))


def double(ears: EarFactory = HELLO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> LiveDouble:
    return LiveDouble(ears, brain=brain, api_key=KEY, **more)


def provider(url: str, key: str = KEY, **settings: Any) -> OpenAiLive:
    return OpenAiLive(RealtimeSettings(kind="openai-live", base_url=url, api_key=key, **settings))


async def run_clock(session: RealtimeSession, leg: AudioFormat) -> None:
    """Silence, much faster than it is heard, but not so fast that nobody gets to think meanwhile."""
    while True:
        speak(session, leg, 40)
        await asyncio.sleep(0.004)


@asynccontextmanager
async def talking(
    cloud: LiveDouble,
    leg: AudioFormat = MULAW_8K,
    history: tuple[Message, ...] = (),
    tools: tuple[ToolSpec, ...] = (BOOK,),
    **settings: Any,
) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    async with cloud.serve() as url:
        live, told = provider(url, **settings), Told()
        session = live.open(CALL, leg=leg, tools=tools, history=history, events=told)
        clock = asyncio.create_task(run_clock(session, leg))
        try:
            yield session, told
        finally:
            clock.cancel()
            with suppress(asyncio.CancelledError):
                await clock
            await session.close()
            await live.close()
    client_events(message for line in cloud.lines for message in line.texts)


def sent(cloud: LiveDouble, kind: str) -> list[dict[str, Any]]:
    return [message for line in cloud.lines for message in line.texts if message["type"] == kind]


def the_contract(live: OpenAiLive) -> RealtimeProvider:
    return live


async def test_a_caller_is_understood_and_answered() -> None:
    cloud = double()
    async with talking(cloud) as (_, told):
        await until(lambda: told.responses)
    assert told.events == ["ready", "started", "stopped", "audio", "item done", "response done"]
    [(item, at_ms)] = told.started
    assert at_ms == 500
    assert told.stopped == [(item, 1_300)]
    assert told.said[-1] == (item, "Hello there.", True)
    [answer] = told.done
    assert told.text[answer] == "You said Hello there."
    assert MULAW_8K.ms_in(len(told.audio[answer])) > 500
    assert told.responses == [("completed", "")]


@pytest.mark.parametrize(
    ("leg", "format_"),
    [
        (MULAW_8K, {"type": "audio/pcmu", "rate": 8_000}),
        (ALAW_8K, {"type": "audio/pcma", "rate": 8_000}),
        (PCM_16K, {"type": "audio/pcm", "rate": 16_000}),
        (PCM_24K, {"type": "audio/pcm", "rate": 24_000}),
        (PCM_8K, {"type": "audio/pcm", "rate": 16_000}),
    ],
)
async def test_audio_passes_in_the_format_of_the_leg_where_there_is_one(
    leg: AudioFormat, format_: dict[str, Any]
) -> None:
    cloud = double(NOBODY)
    async with talking(cloud, leg) as (session, told):
        session.say('Say: "Good evening."')
        await until(lambda: told.responses)
    [start] = sent(cloud, "session.start")
    assert start["session"]["audio"]["format"] == format_
    [audio] = told.audio.values()
    assert 300 < leg.ms_in(len(audio)) < 5_000


async def test_the_session_is_asked_for_with_the_backend_and_what_was_said_before() -> None:
    cloud = double(NOBODY)
    history = (
        Message("agent", "Hello."),
        Message("caller", "Book Monday.", keypad="12"),
        Message("agent", "", tool_calls=(ToolCall("c1", "book", {"day": "Monday"}),)),
        Message("tool", '{"ok":1}', tool_call_id="c1"),
    )
    settings: dict[str, Any] = {
        "voice": "cedar",
        "reasoning_effort": "low",
        "max_output_tokens": 300,
        "tool_choice": "book",
    }
    async with talking(cloud, history=history, **settings) as (_, told):
        await until(lambda: told.ready)
    [start] = sent(cloud, "session.start")
    asked = start["session"]
    assert asked["model"] == "gpt-live-1.1"
    assert asked["audio"]["output"] == {"voice": "cedar"}
    assert asked["instructions"].startswith("You are Ann.\n\n")
    assert asked["instructions"].endswith("- Books a day.")
    backend = asked["delegation"]["responses"]
    assert backend["model"] == "gpt-5.6-luna"
    assert backend["instructions"].endswith("You are Ann.")
    assert backend["reasoning"] == {"effort": "low"}
    assert backend["max_output_tokens"] == 300
    assert backend["tool_choice"] == {"type": "function", "name": "book"}
    assert [tool["name"] for tool in backend["tools"]] == ["book"]
    told_before = [(item["role"], item["content"][0]["text"]) for item in asked["input"]]
    assert told_before == [
        ("assistant", "Hello."),
        ("user", "Book Monday.\n[keypad] 12"),
        ("developer", 'The tool book was run with {"day":"Monday"} and gave {"ok":1}'),
    ]


async def test_what_is_asked_for_before_the_session_is_there_is_said_then() -> None:
    cloud = double(NOBODY)
    async with talking(cloud) as (session, told):
        session.say('Say: "Good evening."')
        assert not told.ready
        await until(lambda: told.responses)
    [item] = told.done
    assert told.text[item] == "Good evening."


async def test_tools_run_and_the_backend_goes_on_once_all_have_their_results() -> None:
    cloud = double(brain=booking)
    async with talking(cloud) as (session, told):
        await until(lambda: len(told.calls) == 2 and told.responses)
        first, second = told.calls
        assert (first.name, first.arguments) == ("book", {"day": "Monday"})
        session.tool_result(second.id, '{"ok":2}')
        session.tool_result("nobody's", "{}")
        await until(lambda: told.done)
        assert not sent(cloud, "response.create")
        before = len(told.responses)
        session.tool_result(first.id, '{"ok":1}')
        await until(lambda: len(told.responses) > before)
    assert len(sent(cloud, "response.create")) == 1
    assert not [message for line in cloud.lines for message in line.sent if message["type"] == "error"]
    texts = [told.text[item] for item in told.done]
    assert texts[0] == "One moment."
    assert texts[-1].startswith("Done:")
    assert any(usage.text_in for usage in told.usage)


async def test_a_result_that_wants_no_answer_gets_none() -> None:
    cloud = double(brain=booking)
    async with talking(cloud) as (session, told):
        await until(lambda: len(told.calls) == 2 and told.responses)
        for call in told.calls:
            session.tool_result(call.id, "{}", answer=False)
        await until(lambda: len(sent(cloud, "response.item.create")) == 2)
    assert not sent(cloud, "response.create")


async def test_keys_are_answered_by_the_backend() -> None:
    cloud = double(NOBODY)
    async with talking(cloud) as (session, told):
        session.user_text("[keypad] 12")
        await until(lambda: told.responses)
    assert told.text[told.done[0]] == "You said [keypad] 12"


async def test_a_long_voice_interrupts_the_model_and_what_it_said_stands() -> None:
    ears = scripted_ears(Saying("Stop it please.", 2_500, 3_400))
    async with talking(double(ears)) as (session, told):
        session.say(f'Say: "{LONG}"')
        await until(lambda: len(told.responses) == 2)
    cut, answer = told.done
    assert LONG.startswith(told.text[cut])
    assert told.text[cut] != LONG
    assert told.text[answer] == "You said Stop it please."
    assert told.started[0][1] == 2_500
    assert told.interrupted == 0


async def test_a_short_voice_is_told_in_words_and_does_not_interrupt() -> None:
    ears = scripted_ears(Saying("Mhm.", 1_500, 1_700))
    async with talking(double(ears)) as (session, told):
        session.say(f'Say: "{LONG}"')
        await until(lambda: told.responses)
    assert told.text[told.done[0]] == LONG
    assert told.said[-1][1:] == ("Mhm.", True)
    assert not told.started


async def test_nothing_more_is_told_of_what_was_cancelled() -> None:
    cloud = double(NOBODY)
    async with talking(cloud) as (session, told):
        session.say('Say: "one two three four"')
        await until(lambda: told.audio)
        session.cancel()
        heard = dict(told.audio)
        talk = cloud.talks[0]
        await until(lambda: talk.talk.messages[-1]["role"] == "assistant")
        over_ms = talk.now_ms
        await until(lambda: talk.now_ms > over_ms + 300)
        session.say('Say: "Good evening."')
        await until(lambda: told.responses)
    [item] = told.done
    assert told.text[item] == "Good evening."
    assert {name: told.audio[name] for name in heard} == heard


async def test_what_cannot_be_changed_stays_and_the_rest_is_told() -> None:
    cloud = double(NOBODY)
    async with talking(cloud) as (session, told):
        await until(lambda: told.ready)
        with capture_logs() as logs:
            session.update(instructions="You are Ann.\n\nBe brief.", voice="cedar", tools=[])
            session.update(instructions="You are Bob.")
        await until(lambda: len(sent(cloud, "session.update")) == 2)
    first, second = (event["session"]["delegation"]["responses"] for event in sent(cloud, "session.update"))
    assert first["tools"] == []
    assert first["instructions"].endswith("Be brief.")
    assert second["instructions"].endswith("You are Bob.")
    [note] = sent(cloud, "session.instructions.append")
    assert note["content"] == "Be brief."
    assert [log["event"] for log in logs if log["log_level"] == "info"] == [
        "the voice stays as it is",
        "the voice keeps its instructions until the next session",
    ]
    assert not [message for line in cloud.lines for message in line.sent if message["type"] == "error"]


async def test_what_is_changed_at_once_is_in_time_for_the_start() -> None:
    cloud = double(NOBODY)
    async with cloud.serve() as url:
        live, told = provider(url), Told()
        session = live.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        session.update(instructions="You are Bob.", voice="cedar", tools=[BOOK])
        await until(lambda: told.ready)
        await session.close()
        await live.close()
    [start] = sent(cloud, "session.start")
    assert start["session"]["instructions"].startswith("You are Bob.")
    assert start["session"]["audio"]["output"] == {"voice": "cedar"}
    assert start["session"]["delegation"]["responses"]["tools"]


async def test_a_model_that_must_not_be_interrupted_hears_no_caller_while_it_speaks() -> None:
    cloud = double(NOBODY)
    async with cloud.serve() as url:
        live, told = provider(url), Told()
        session = live.open(CALL, leg=PCM_16K, tools=[], history=(), events=told)
        session.update(turns=TurnDetection(interrupts=False))
        session.say('Say: "one two three four"')
        voice = b"\x55\x55" * PCM_16K.frame_samples
        async with asyncio.timeout(10):
            while not told.done:
                session.hear(voice)
                await asyncio.sleep(0.002)
        await session.close()
        await live.close()
    heard = [event["audio"] for event in sent(cloud, "session.input_audio.append")]
    assert len(set(heard)) >= 2
    assert any(set(audio) <= {"A", "="} for audio in heard)
    assert any("A" not in audio for audio in heard)


async def test_the_bill_comes_as_what_was_used_since_the_last_time() -> None:
    cloud = double(NOBODY)
    async with talking(cloud) as (_, told):
        await until(lambda: len(told.usage) >= 2, seconds=30)
    assert told.usage[:2] == [Usage(seconds=10.0), Usage(seconds=10.0)]
    assert sum(usage.seconds for usage in told.usage) == pytest.approx(cloud.talks[0].now_ms / 1000)
    assert not told.errors


async def test_a_session_says_when_it_will_expire_and_that_it_did() -> None:
    async with talking(double(NOBODY, lifetime_s=2.0)) as (_, told):
        await until(lambda: told.errors)
    [within_s] = told.expiring
    assert 0 < within_s <= 2
    [error] = told.errors
    assert error.retryable
    assert "too old" in str(error)


async def test_a_session_may_be_renewed_earlier() -> None:
    async with talking(double(NOBODY), renew_after_s=0.01) as (_, told):
        await until(lambda: told.expiring)
    assert told.expiring[0] > 7_000


async def test_a_connection_that_breaks_is_the_end() -> None:
    async with talking(double(NOBODY, faults=[Cut(8)])) as (_, told):
        await until(lambda: told.errors)
    [error] = told.errors
    assert error.retryable
    assert error.provider == "openai-live:gpt-live-1.1"


@pytest.mark.parametrize(
    ("fault", "retryable", "exhausted"),
    [(Refuse(429, "Too many."), True, True), (Refuse(503), True, False), (Refuse(403), False, False)],
)
async def test_a_session_that_is_refused(fault: Refuse, retryable: bool, exhausted: bool) -> None:
    async with double(NOBODY, faults=[fault]).serve() as url:
        live, told = provider(url), Told()
        live.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        await until(lambda: told.errors)
        assert told.errors[0].status == fault.status
        assert told.errors[0].retryable is retryable
        assert (live.exhausted > 0) is exhausted
        await live.close()


async def test_a_key_without_money_is_left_alone() -> None:
    async with double(NOBODY, answers=0).serve() as url:
        live, told = provider(url), Told()
        live.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        await until(lambda: told.errors)
        assert not told.errors[0].retryable
        assert "credit" in str(told.errors[0])
        assert live.exhausted > 60
        await live.close()


async def test_a_session_that_is_not_taken_as_it_is_asked_for_is_not_tried_again() -> None:
    async with talking(double(NOBODY), voice="nobody") as (_, told):
        await until(lambda: told.errors)
    assert not told.errors[0].retryable
    assert "nobody" in str(told.errors[0])


async def test_a_wrong_key_is_named_and_not_told() -> None:
    async with double().serve() as url:
        live = provider(url, key="sk-wrong-0123456789")
        with pytest.raises(ProviderError, match="OPENAI_API_KEY") as refused:
            await live.check()
        assert not refused.value.retryable
        assert "sk-wrong" not in f"{refused.value} {live!r}"
        await live.close()


async def test_the_right_key_passes_and_warms_up() -> None:
    async with double().serve() as url:
        live = provider(url.replace("http", "ws", 1))
        await live.check()
        await live.warm_up()
        assert live.exhausted == 0
        await live.close()
    await live.warm_up()
    await live.close()


async def test_leaving_before_the_session_is_there_is_quiet() -> None:
    async with double().serve() as url:
        live, told = provider(url), Told()
        session = live.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        await session.close()
        await session.close()
        await live.close()
    assert not told.events


async def test_of_what_is_heard_before_the_session_the_latest_is_kept() -> None:
    cloud = double(NOBODY)
    async with cloud.serve() as url:
        live, told = provider(url), Told()
        session = live.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        speak(session, MULAW_8K, 12_000)
        await until(lambda: told.ready)
        await until(lambda: cloud.talks[0].now_ms == 10_000)
        await session.close()
        await live.close()


async def test_the_next_session_knows_what_was_said() -> None:
    async with talking(double(brain=memory), history=(Message("caller", "My name is Ann."),)) as (_, told):
        await until(lambda: told.responses)
    assert told.text[told.done[0]] == "My name is Ann. Hello there."
