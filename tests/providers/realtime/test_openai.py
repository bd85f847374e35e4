import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, ToolCall, ToolSpec
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.realtime.base import RealtimeEvents, RealtimeProvider, RealtimeSession, TurnDetection
from offhook.providers.realtime.key_limits import KeyLimits
from offhook.providers.realtime.openai import OpenAiRealtime
from offhook.providers.tts.base import SpeechChunk
from offhook.providers.tts.hibari import HibariSynthesizer
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.lines import SlowHandshake
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut, Refuse, Stall, serving
from offhook.simulator.tone_voice import ToneVoice
from tests.providers.realtime.listening import Told, speak
from tests.providers.stt.conftest import Frames
from tests.simulator.clouds.waiting import until

KEY = "sk-very-secret-0123456789"
HELLO = Saying("Hello there.", 500, 1_300)
TWO = scripted_ears(HELLO, Saying("Are you open?", 3_000, 3_900))
LONG = "one two three four five six seven eight nine ten eleven twelve"
CALL = CallFacts("call-1", "reception", "You are Ann.", datetime(2026, 11, 21, tzinfo=UTC))
WEATHER = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {}})
BROKEN = Refuse(500, "Sorry.", "server_error", "server_error")


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def double(ears: EarFactory = TWO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> RealtimeDouble:
    return RealtimeDouble(ears, brain=brain, api_key=KEY, **more)


def provider(url: str, key: str = KEY, **settings: Any) -> OpenAiRealtime:
    return OpenAiRealtime(RealtimeSettings(kind="openai", base_url=url, api_key=key, **settings), retry_s=0.01)


@asynccontextmanager
async def opened(
    url: str,
    leg: AudioFormat = MULAW_8K,
    history: tuple[Message, ...] = (),
    **settings: Any,
) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    openai, told = provider(url, **settings), Told()
    session = openai.open(CALL, leg=leg, tools=[WEATHER], history=history, events=told)
    try:
        yield session, told
    finally:
        await session.close()
        await openai.close()


@asynccontextmanager
async def talking(cloud: RealtimeDouble, *args: Any, **more: Any) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    async with cloud.serve() as url, opened(url, *args, **more) as (session, told):
        yield session, told


def sent(cloud: RealtimeDouble, kind: str) -> list[dict[str, Any]]:
    """What the client sent of a kind."""
    return [event for event in cloud.lines[-1].texts if event["type"] == kind]


def errors(cloud: RealtimeDouble) -> list[dict[str, Any]]:
    """What the server objected to."""
    return [dict(event["error"]) for line in cloud.lines for event in line.sent if event["type"] == "error"]


def the_contract(openai: OpenAiRealtime) -> RealtimeProvider:
    return openai


def its_events(told: Told) -> RealtimeEvents:
    return told


@pytest.mark.parametrize(
    ("leg", "media"),
    [
        (MULAW_8K, {"type": "audio/pcmu"}),
        (ALAW_8K, {"type": "audio/pcma"}),
        (PCM_24K, {"type": "audio/pcm", "rate": 24_000}),
        (PCM_8K, {"type": "audio/pcmu"}),
        (PCM_16K, {"type": "audio/pcm", "rate": 24_000}),
    ],
)
async def test_a_conversation_in_any_format(leg: AudioFormat, media: dict[str, Any]) -> None:
    cloud = double()
    async with talking(cloud, leg) as (session, told):
        speak(session, leg, 2_000)
        await until(lambda: told.responses)
        (item,) = told.done
        session_asked = sent(cloud, "session.update")[0]["session"]["audio"]
        assert (session_asked["input"]["format"], session_asked["output"]["format"]) == (media, media)
    assert told.events == ["ready", "started", "stopped", "audio", "item done", "response done"]
    assert told.said[-1] == (told.started[0][0], "Hello there.", True)
    assert told.text[item] == "You said Hello there."
    spoken_ms = leg.ms_in(len(told.audio[item]))
    assert spoken_ms == pytest.approx(880, abs=25)
    assert any(told.audio[item])
    assert told.responses == [("completed", "")]
    assert (told.started[0][1], told.stopped[0][1]) == (200, 1_800)
    assert (errors(cloud), told.errors) == ([], [])


@pytest.mark.models
async def test_a_real_conversation(real_ears: EarFactory, spoken: Frames, voice: HibariSynthesizer) -> None:
    cloud = double(real_ears, flow_brain(load_flow(None), load_facts(None)), voice=voice)
    async with talking(cloud, PCM_16K, stall_ms=20_000) as (session, told):
        session.say('Say exactly: "How can I help you?"')
        await until(lambda: told.responses, seconds=60)
        for frame in await spoken("What are your opening hours on Saturday?", PCM_16K):
            session.hear(frame)
        await until(lambda: len(told.responses) == 2, seconds=60)
    assert "hours on saturday" in told.said[-1][1].lower()
    greeting, answer = told.text.values()
    assert greeting == "How can I help you?"
    assert "saturday" in answer.lower()
    assert PCM_16K.ms_in(len(told.audio[told.done[1]])) > 1_000
    assert (errors(cloud), told.errors) == ([], [])


async def test_payloads_pass_as_they_are() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    deltas = [event["delta"] for event in cloud.lines[0].sent if event["type"] == "response.output_audio.delta"]
    assert told.audio[told.done[0]] == b"".join(map(b64decode, deltas))


async def test_audio_goes_up_in_pieces_of_two_frames() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        await until(lambda: told.ready)
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    assert {len(b64decode(event["audio"])) for event in sent(cloud, "input_audio_buffer.append")} == {320}


async def test_usage_is_told_without_counting_anything_twice() -> None:
    async with talking(double()) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
        speak(session, MULAW_8K, 2_600)
        await until(lambda: len(told.responses) == 2)
    words = [usage for usage in told.usage if usage.transcribed_by]
    assert [usage.transcribed_by for usage in words] == ["gpt-transcribe"] * 2
    assert all(usage.seconds > 0 for usage in words)
    first, second = [usage for usage in told.usage if not usage.transcribed_by]
    assert (first.text_in, first.audio_in, first.audio_cached) == (3, 16, 0)
    assert first.audio_out > 0
    assert (second.text_in, second.text_cached, second.audio_cached) == (0, 3, 16)
    assert second.audio_in >= first.audio_out


async def test_an_agent_that_speaks_first_and_a_line_after_it() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.say('Say exactly: "Good morning."')
        session.say('Say exactly: "We must stop now."')
        await until(lambda: len(told.responses) == 2)
    assert list(told.text.values()) == ["Good morning.", "We must stop now."]
    asked = [event["response"]["instructions"] for event in sent(cloud, "response.create")]
    assert asked[0] == 'You are Ann.\n\nSay exactly: "Good morning."'
    assert errors(cloud) == []


async def test_keys_are_answered() -> None:
    async with talking(double()) as (session, told):
        session.user_text("[keypad] 42#")
        await until(lambda: told.responses)
    assert list(told.text.values()) == ["You said [keypad] 42#"]


async def test_the_conversation_before_is_known() -> None:
    told_to_brain: list[Any] = []

    def brain(request: ChatRequest) -> ChatReply:
        told_to_brain.extend(request.messages)
        return ChatReply("Yes.")

    history = (
        Message("caller", "What is the weather?"),
        Message("agent", "Let me see.", tool_calls=(ToolCall("c" * 40, "weather", {"city": "Oslo"}),)),
        Message("tool", '{"sky":"blue"}', tool_call_id="c" * 40),
        Message("agent", "It is blue."),
        Message("caller", keypad="7"),
    )
    cloud = double(brain=brain)
    async with talking(cloud, MULAW_8K, history) as (session, told):
        session.user_text("And tomorrow?")
        await until(lambda: told.responses)
    roles = [(message["role"], message["content"]) for message in told_to_brain]
    assert roles == [
        ("system", "You are Ann."),
        ("user", "What is the weather?"),
        ("assistant", "Let me see."),
        ("assistant", None),
        ("tool", '{"sky":"blue"}'),
        ("assistant", "It is blue."),
        ("user", "[keypad] 7"),
        ("user", "And tomorrow?"),
    ]
    assert errors(cloud) == []


async def test_the_caller_interrupts_and_the_rest_is_forgotten() -> None:
    ears = scripted_ears(HELLO, Saying("Stop it.", 2_000, 2_600))
    cloud = double(ears, lambda _: ChatReply(LONG), haste=2.0)
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 1_900)
        await until(lambda: any(len(audio) >= MULAW_8K.bytes_in(200) for audio in told.audio.values()))
        speak(session, MULAW_8K, 300)
        await until(lambda: told.interrupted)
        (item,) = told.audio
        heard_before = len(told.audio[item])
        session.heard(item, 170)
        await until(lambda: told.responses)
        await until(lambda: sent(cloud, "conversation.item.truncate"))
        await until(lambda: any(e["type"] == "conversation.item.truncated" for e in cloud.lines[0].sent))
        assert len(told.audio[item]) == heard_before
        assert cloud.sessions[0].kept_text(item) == "one"
    assert told.events[:6] == ["ready", "started", "stopped", "audio", "started", "interrupted"]
    assert told.responses[0] == ("cancelled", "turn_detected")
    assert errors(cloud) == []


async def test_an_answer_that_was_whole_is_cut_too() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
        (item,) = told.done
        session.heard(item, 5_000_000)
        session.heard(item, 330.7)
        session.heard(item, 100)
        session.heard("nobody", 100)
        await until(lambda: any(e["type"] == "conversation.item.truncated" for e in cloud.lines[0].sent))
        assert cloud.sessions[0].kept_text(item) == "You said"
    assert [event["audio_end_ms"] for event in sent(cloud, "conversation.item.truncate")] == [330]
    assert errors(cloud) == []


async def test_an_item_of_which_nothing_was_heard_is_deleted() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
        session.heard(told.done[0], 0)
        await until(lambda: any(e["type"] == "conversation.item.deleted" for e in cloud.lines[0].sent))
    assert errors(cloud) == []


async def test_an_answer_is_stopped() -> None:
    cloud = double(brain=lambda _: ChatReply(LONG), haste=2.0)
    async with talking(cloud) as (session, told):
        session.user_text("Count.")
        await until(lambda: told.audio)
        session.cancel()
        (item,) = told.audio
        heard = len(told.audio[item])
        session.say('Say exactly: "Bye."')
        await until(lambda: len(told.responses) == 2)
    assert len(told.audio[item]) == heard
    assert [status for status, _ in told.responses] == ["cancelled", "completed"]
    assert list(told.text.values())[-1] == "Bye."
    assert errors(cloud) == []


async def test_what_was_asked_for_is_stopped_before_it_began() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        await until(lambda: told.ready)
        session.user_text("Count.")
        session.cancel()
        await until(lambda: told.responses)
    assert told.audio == {}
    assert told.responses[0][0] == "cancelled"


async def test_turns_that_we_tell() -> None:
    cloud = double()
    async with talking(cloud, turn_detection="none") as (session, told):
        await until(lambda: told.ready)
        speak(session, MULAW_8K, 1_620)
        session.end_turn()
        await until(lambda: told.responses)
    assert told.started == []
    assert list(told.text.values()) == ["You said Hello there."]


async def test_the_provider_tells_turns_unless_it_is_not_to() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.end_turn()
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    assert sent(cloud, "input_audio_buffer.commit") == []


def with_tools(request: ChatRequest) -> ChatReply:
    """Asks for two tools, then tells their results."""
    results = [str(message["content"]) for message in request.messages if message["role"] == "tool"]
    if results:
        return ChatReply(" and ".join(results))
    calls = (ScriptedCall("weather", {"city": "Oslo"}, "call_1"), ScriptedCall("weather", {"city": "Rome"}, "call_2"))
    return ChatReply("Let me see.", calls)


async def test_tools_are_run_and_their_results_told_once() -> None:
    cloud = double(brain=with_tools)
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
        session.tool_result("call_2", '"sun"')
        session.tool_result("call_2", '"twice"')
        session.tool_result("nobody", '"?"')
        await until(lambda: len(sent(cloud, "conversation.item.create")) == 1)
        assert sent(cloud, "response.create") == []
        session.tool_result("call_1", '"rain"')
        await until(lambda: len(told.responses) == 2)
    assert told.calls == [
        ToolCall("call_1", "weather", {"city": "Oslo"}),
        ToolCall("call_2", "weather", {"city": "Rome"}),
    ]
    assert told.events[3:6] == ["audio", "item done", "call"]
    assert list(told.text.values()) == ["Let me see.", '"rain" and "sun"']
    assert len(sent(cloud, "response.create")) == 1
    assert errors(cloud) == []


async def test_a_tool_that_ended_the_call_needs_no_answer() -> None:
    cloud = double(brain=with_tools)
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
        session.tool_result("call_1", "{}", answer=False)
        session.tool_result("call_2", "{}", answer=False)
        await until(lambda: len(sent(cloud, "conversation.item.create")) == 2)
    assert sent(cloud, "response.create") == []


async def test_changes_in_the_middle_of_a_call() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.update(
            instructions="You are Bob.",
            voice="ash",
            tools=[],
            turns=TurnDetection("semantic_vad", eagerness="high", interrupts=False),
        )
        await until(lambda: cloud.sessions and cloud.sessions[0].settings["instructions"] == "You are Bob.")
        settings = cloud.sessions[0].settings
        assert (settings.output["voice"], settings["tools"]) == ("ash", [])
        assert settings.input["turn_detection"] == {
            "type": "semantic_vad",
            "create_response": True,
            "interrupt_response": False,
            "eagerness": "high",
        }
        assert settings.input["format"] == {"type": "audio/pcmu"}
        session.say("Say hello.")
        await until(lambda: told.responses)
    assert sent(cloud, "response.create")[0]["response"]["instructions"] == "You are Bob.\n\nSay hello."
    assert (errors(cloud), told.ready) == ([], 1)


async def test_a_change_after_the_session_is_there_is_made_at_the_server() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        await until(lambda: told.ready)
        with capture_logs() as logs:
            session.update(instructions="You are Bob.", voice="ash", tools=[WEATHER, WEATHER])
            session.update(turns=TurnDetection("none"))
            await until(lambda: len([each for each in cloud.lines[0].sent if each["type"] == "session.updated"]) == 3)
            await asyncio.sleep(0)
        settings = cloud.sessions[0].settings
        assert (settings["instructions"], settings.output["voice"], len(settings["tools"])) == (
            "You are Bob.",
            "ash",
            2,
        )
        assert (settings.input["turn_detection"], settings.input["format"]) == (None, {"type": "audio/pcmu"})
    assert (errors(cloud), told.ready, [log for log in logs if log["log_level"] == "warning"]) == ([], 1, [])


async def test_a_change_that_is_refused_is_no_end() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.say("Hello.")
        await until(lambda: told.responses)
        session.update(voice="ash")
        await until(lambda: errors(cloud))
        session.user_text("Go on.")
        await until(lambda: len(told.responses) == 2)
    assert errors(cloud)[0]["code"] == "cannot_update_voice"
    assert told.errors == []


async def test_what_settings_ask_for() -> None:
    cloud = double()
    wanted: dict[str, Any] = {
        "model": "gpt-realtime-2.1",
        "voice": "cedar",
        "silence_ms": 400,
        "threshold": 0.6,
        "prefix_padding_ms": 200,
        "idle_timeout_ms": 6_000,
        "noise_reduction": "far_field",
        "transcription_model": "",
        "max_output_tokens": 300,
        "truncation": 0.8,
        "reasoning_effort": "low",
        "speed": 1.1,
        "tool_choice": "weather",
    }
    async with talking(cloud, **wanted) as (_, told):
        await until(lambda: told.ready)
    session = sent(cloud, "session.update")[0]["session"]
    assert session["audio"]["input"] == {
        "format": {"type": "audio/pcmu"},
        "transcription": None,
        "noise_reduction": {"type": "far_field"},
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.6,
            "prefix_padding_ms": 200,
            "silence_duration_ms": 400,
            "idle_timeout_ms": 6_000,
            "create_response": True,
            "interrupt_response": True,
        },
    }
    assert session["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "cedar", "speed": 1.1}
    assert session["tool_choice"] == {"type": "function", "name": "weather"}
    assert (session["max_output_tokens"], session["reasoning"]) == (300, {"effort": "low"})
    assert session["truncation"] == {"type": "retention_ratio", "retention_ratio": 0.8}
    assert session["tools"][0]["name"] == "weather"
    assert cloud.lines[0].query == [("model", "gpt-realtime-2.1")]


async def test_what_is_heard_before_the_session_is_kept() -> None:
    cloud = double(faults=[SlowHandshake(0.2)])
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    assert list(told.text.values()) == ["You said Hello there."]


async def test_what_is_heard_at_the_very_beginning_comes_behind_what_was_kept() -> None:
    class Eager(Told):
        def on_ready(self) -> None:
            super().on_ready()
            session.hear(b"\x02" * 160)

    cloud, told = double(faults=[SlowHandshake(0.1)]), Eager()
    async with cloud.serve() as url:
        openai = provider(url)
        session = openai.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        for _ in range(3):
            session.hear(b"\x01" * 160)
        await until(lambda: cloud.lines and len(sent(cloud, "input_audio_buffer.append")) == 2)
        await session.close()
        await openai.close()
    audio = b"".join(b64decode(event["audio"]) for event in sent(cloud, "input_audio_buffer.append"))
    assert audio == b"\x01" * 480 + b"\x02" * 160


async def test_only_the_latest_is_kept_and_times_are_those_of_the_call() -> None:
    cloud = double(faults=[SlowHandshake(0.2)])
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 15_000)
        await until(lambda: told.started)
    assert told.started[0][1] == 5_000 + 200


@pytest.mark.parametrize("fault", [Refuse(503), Refuse(500), Cut(0)])
async def test_a_connection_that_fails_is_tried_again(fault: Refuse | Cut) -> None:
    cloud = double(faults=[fault, fault])
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    assert (told.ready, told.errors) == (1, [])
    assert list(told.text.values()) == ["You said Hello there."]


async def test_a_connection_that_is_refused_for_a_limit_is_not_tried_again() -> None:
    cloud, told = double(faults=[Refuse(429)]), Told()
    async with cloud.serve() as url:
        openai = provider(url)
        session = openai.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        await until(lambda: told.errors)
        assert (told.errors[0].status, told.errors[0].retryable) == (429, True)
        assert 15 < openai.exhausted <= 20
        await session.close()
        await openai.close()
    assert cloud.lines == []


async def test_after_three_tries_it_failed() -> None:
    cloud = double(faults=[Refuse(503), Refuse(503), Refuse(503), None])
    async with talking(cloud) as (_, told):
        await until(lambda: told.errors)
    assert (told.errors[0].status, told.errors[0].retryable) == (503, True)
    assert (len(told.errors), told.ready) == (1, 0)


async def test_a_wrong_key_is_not_tried_again() -> None:
    cloud = double()
    async with cloud.serve() as url:
        openai, told = provider(url, "sk-wrong"), Told()
        session = openai.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        await until(lambda: told.errors)
        await session.close()
        with pytest.raises(ProviderError, match="401") as caught:
            await openai.check()
        await openai.close()
    assert (told.errors[0].status, told.errors[0].retryable) == (401, False)
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "sk-wrong" not in f"{caught.value} {told.errors[0]} {openai!r}"


async def test_a_session_that_dies_is_not_begun_again() -> None:
    cloud = double(faults=[Cut(14)])
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.errors)
        session.say("Hello?")
        speak(session, MULAW_8K, 100)
    assert (len(cloud.lines), len(told.errors)) == (1, 1)
    assert told.errors[0].retryable


@pytest.mark.parametrize("pieces", [1, 2, 14])
async def test_a_session_that_falls_silent(pieces: int) -> None:
    async with talking(double(faults=[Stall(pieces)]), stall_ms=500) as (session, told):
        session.say("Good morning, this is Ann, how can I help you?")
        await until(lambda: told.errors)
    assert "no sign of it for 0.5 s" in str(told.errors[0])
    assert told.errors[0].retryable


@asynccontextmanager
async def black_hole() -> AsyncIterator[str]:
    """A server that greets, takes what it is asked, and then neither says nor answers anything, pings included."""
    gone = asyncio.Event()

    async def realtime(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        await ws.send_json({"type": "session.created", "session": {}})
        asked = await ws.receive_json()
        await ws.send_json({"type": "session.updated", "session": asked["session"]})
        await gone.wait()
        return ws

    app = web.Application()
    app.router.add_get("/realtime", realtime)
    async with serving(app) as url:
        yield url
        gone.set()


async def test_a_connection_that_leads_nowhere_is_noticed_while_nothing_is_due() -> None:
    async with black_hole() as url, opened(url, stall_ms=600) as (_, told):
        await until(lambda: told.ready)
        await until(lambda: told.errors)
    assert "closed the connection" in str(told.errors[0])
    assert told.errors[0].retryable


async def test_a_model_that_thinks_is_waited_for() -> None:
    thought = asyncio.Event()

    class Slow(ToneVoice):
        async def synthesize(self, text: str, **more: Any) -> AsyncIterator[SpeechChunk]:
            await thought.wait()
            async for chunk in super().synthesize(text, **more):
                yield chunk

    cloud = double(voice=Slow())
    async with talking(cloud, stall_ms=500, think_ms=60_000) as (session, told):
        session.say("Good morning.")
        await until(lambda: told.ready)
        before = told.signs
        await asyncio.sleep(1.0)
        assert told.signs > before
        thought.set()
        await until(lambda: told.responses)
    assert (told.errors, told.responses) == ([], [("completed", "")])


async def test_silence_where_nothing_is_due_is_no_fault() -> None:
    async with talking(double(), stall_ms=500) as (_, told):
        await until(lambda: told.ready)
        await asyncio.sleep(0.8)
    assert told.errors == []


async def test_a_session_that_is_too_old() -> None:
    cloud = double()
    async with talking(cloud) as (_, told):
        await until(lambda: told.ready)
        await cloud.expire()
        await until(lambda: told.errors)
    assert len(told.errors) == 1
    assert told.errors[0].retryable
    assert "session_expired" in str(told.errors[0])


async def test_a_session_that_grows_old_tells_how_long_it_has() -> None:
    async with talking(double(), renew_after_s=0.05) as (_, told):
        await until(lambda: told.expiring)
        assert told.expiring == [pytest.approx(3_590, abs=1)]
        assert told.events == ["ready", "expiring"]


async def test_an_answer_that_failed_is_asked_for_once_more() -> None:
    replies = iter([ChatReply(fault=BROKEN), ChatReply("Here I am.")])
    cloud = double(brain=lambda _: next(replies))
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.responses)
    assert list(told.text.values()) == ["Here I am."]
    assert told.responses == [("completed", "")]


async def test_answers_that_fail_again_and_again() -> None:
    cloud = double(brain=lambda _: ChatReply(fault=BROKEN))
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.errors)
    assert told.responses == [("failed", "server_error: Sorry.")]
    assert told.errors[0].retryable


@pytest.mark.parametrize(
    ("code", "retryable"), [("insufficient_quota", False), ("quota_exceeded", False), ("rate_limit_exceeded", True)]
)
async def test_answers_that_are_refused(code: str, retryable: bool) -> None:
    fault = Refuse(429, f"No more for {KEY}.", "error", code)
    async with talking(double(brain=lambda _: ChatReply(fault=fault))) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.errors)
    assert told.errors[0].retryable is retryable
    assert str(told.errors[0]) == f"openai:gpt-realtime-2.1-mini: {code}: No more for ***."


async def test_a_key_that_is_used_up_is_known() -> None:
    cloud = double(answers=1)
    async with cloud.serve() as url:
        openai, told = provider(url), Told()
        assert openai.exhausted == 0
        session = openai.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        speak(session, MULAW_8K, 4_600)
        await until(lambda: told.errors)
        assert 50 < openai.exhausted <= 60
        await session.close()
        await openai.close()


async def test_tables_with_one_key_and_model_know_of_each_others_limits() -> None:
    cloud = double(answers=0)
    async with cloud.serve() as url:
        limits, told = KeyLimits(), Told()
        table = RealtimeSettings(kind="openai", base_url=url, api_key=KEY)
        first, second = OpenAiRealtime(table, limits=limits), OpenAiRealtime(table, limits=limits)
        session = first.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        session.say("Hello.")
        await until(lambda: told.errors)
        assert second.exhausted > 50
        await session.close()
        await first.close()


async def test_checking_and_warming_up() -> None:
    async with double().serve() as url:
        openai = provider(url)
        await the_contract(openai).warm_up()
        await openai.check()
        await openai.close()
    await openai.warm_up()
    with pytest.raises(ProviderError, match="no connection"):
        await openai.check()
    await openai.close()


async def test_leaving_at_any_time_is_quiet() -> None:
    cloud = double(faults=[SlowHandshake(5)])
    async with talking(cloud) as (_, told):
        await asyncio.sleep(0)
    assert its_events(told) is told
    assert told.events == []


async def test_leaving_between_two_tries_is_quiet() -> None:
    cloud = double(faults=[Refuse(503)])
    async with cloud.serve() as url:
        openai, told = OpenAiRealtime(RealtimeSettings(kind="openai", base_url=url, api_key=KEY), retry_s=60), Told()
        session = openai.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        await asyncio.sleep(0.2)
        await session.close()
        await openai.close()
    assert told.events == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/realtime"),
        ("wss://api.openai.com/v1/realtime", "https://api.openai.com/v1/realtime"),
        ("ws://127.0.0.1:9/v1/realtime/", "http://127.0.0.1:9/v1/realtime"),
    ],
)
def test_addresses_are_understood_as_they_are_written(address: str, expected: str) -> None:
    assert expected in repr(provider(address))


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


def updated(way: str = "input", **session: Any) -> dict[str, Any]:
    """What a server makes of our session."""
    return {"type": "session.updated", "session": {"audio": {way: {"format": {"type": "audio/pcmu"}}}, **session}}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (updated(model="gpt-4o"), "the model is gpt-4o and not gpt-realtime-2.1-mini"),
        (updated(audio={"input": {"format": {"type": "audio/pcma"}}}), "the input is"),
        (updated(audio={"output": {"format": {"type": "audio/pcm", "rate": 24_000}}}), "the output is"),
        ({"type": "session.updated"}, "a session without a session"),
        (
            {"type": "error", "error": {"code": "unknown_parameter", "message": "no", "event_id": "offhook_session"}},
            "unknown_parameter: no",
        ),
    ],
)
async def test_a_session_that_is_not_what_was_asked_for(answer: dict[str, Any], problem: str) -> None:
    async with server(GREETING, answer) as url, opened(url) as (_, told):
        await until(lambda: told.errors)
    assert problem in str(told.errors[0])
    assert (told.ready, told.errors[0].retryable) == (0, False)


async def test_a_server_that_tells_little_of_the_session() -> None:
    async with (
        server(GREETING, updated("output", model="gpt-realtime-2.1-mini-2026-10-01")) as url,
        opened(url) as (
            _,
            told,
        ),
    ):
        await until(lambda: told.ready)
    assert told.errors == []


@pytest.mark.parametrize(
    "noise",
    [
        "{",
        "[]",
        '{"type":"error"}',
        '{"type":"response.done"}',
        '{"type":"response.created","response":7}',
        '{"type":"response.output_audio.delta","delta":"AAAA"}',
        '{"type":"response.output_audio.delta","item_id":"a","response_id":"r","delta":"?"}',
        '{"type":"input_audio_buffer.speech_started"}',
        '{"type":"conversation.item.input_audio_transcription.delta","delta":"x"}',
    ],
)
async def test_a_server_that_breaks_the_protocol(noise: str) -> None:
    async with server(GREETING, updated(), noise) as url, opened(url) as (_, told):
        await until(lambda: told.errors)
    assert told.errors[0].retryable


async def test_a_greeting_that_is_an_error() -> None:
    error = {"type": "error", "error": {"type": "x", "code": "model_not_found", "message": "no"}}
    async with server(error) as url, opened(url) as (_, told):
        await until(lambda: told.errors)
    assert not told.errors[0].retryable


async def test_the_language_of_the_callers_words_may_change() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        await until(lambda: told.ready)
        session.update(language="es", instructions="Hable.", turns=TurnDetection(silence_ms=700))
        await until(lambda: cloud.sessions[0].settings["instructions"] == "Hable.")
        heard = cloud.sessions[0].settings.input
        assert heard["transcription"] == {"model": "gpt-transcribe", "language": "es"}
        assert heard["turn_detection"]["silence_duration_ms"] == 700
        session.update(language="")
        await until(lambda: cloud.sessions[0].settings.input["transcription"] == {"model": "gpt-transcribe"})
    assert (errors(cloud), told.errors) == ([], [])
