import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from google.genai import types

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, ToolCall, ToolSpec
from offhook.providers.realtime.base import RealtimeProvider, RealtimeSession, TurnDetection
from offhook.providers.realtime.gemini import GeminiLive
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.serving import Cut, Refuse
from tests.providers.realtime.listening import Told, speak
from tests.simulator.clouds.waiting import until

KEY = "AIza-very-secret-0123456789"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
LONG = "one two three four five six seven eight nine ten eleven twelve"
CALL = CallFacts("call-1", "reception", "You are Ann.", datetime(2026, 11, 21, tzinfo=UTC))
BOOK = ToolSpec(
    "book", "Books.", {"type": "object", "properties": {"day": {"type": "string"}}, "additionalProperties": False}
)
OLD = "gemini-3.1-flash-live-preview"


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def memory(request: ChatRequest) -> ChatReply:
    return ChatReply(" ".join(str(message["content"]) for message in request.messages[1:]))


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply("One moment.", (ScriptedCall("book", {"day": "Monday"}),))


def double(ears: EarFactory = TWO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> GeminiDouble:
    return GeminiDouble(ears, brain=brain, api_key=KEY, **more)


def provider(url: str, key: str = KEY, **settings: Any) -> GeminiLive:
    return GeminiLive(RealtimeSettings(kind="gemini", base_url=url, api_key=key, **settings))


@asynccontextmanager
async def opened(
    url: str, leg: AudioFormat = MULAW_8K, history: tuple[Message, ...] = (), **settings: Any
) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    gemini, told = provider(url, **settings), Told()
    session = gemini.open(CALL, leg=leg, tools=[BOOK], history=history, events=told)
    try:
        yield session, told
    finally:
        await session.close()
        await gemini.close()


@asynccontextmanager
async def talking(cloud: GeminiDouble, *args: Any, **more: Any) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    async with cloud.serve() as url, opened(url, *args, **more) as (session, told):
        yield session, told


def judged(cloud: GeminiDouble) -> list[types.LiveClientMessage]:
    """What the client sent, as Google's own types understand it, which know no other names."""
    messages = [message for line in cloud.lines for message in line.texts]
    # The types have this one apart from the setup of the client that they belong to.
    for message in messages:
        if "setup" in message:
            realtime = message["setup"].pop("realtimeInputConfig")
            types.RealtimeInputConfig.model_validate(realtime)
    return [types.LiveClientMessage.model_validate(message) for message in messages]


def setups(cloud: GeminiDouble) -> list[dict[str, Any]]:
    return [line.texts[0]["setup"] for line in cloud.lines]


def the_contract(gemini: GeminiLive) -> RealtimeProvider:
    return gemini


@pytest.mark.parametrize("leg", [MULAW_8K, PCM_8K, PCM_16K, PCM_24K])
async def test_a_conversation_in_any_format(leg: AudioFormat) -> None:
    cloud = double()
    async with talking(cloud, leg) as (session, told):
        speak(session, leg, 2_000)
        await until(lambda: told.responses)
    [item] = told.done
    assert told.events == ["ready", "audio", "item done", "response done"]
    assert told.said[-1] == ("caller_1", "Hello there.", True)
    assert told.text[item] == "You said Hello there."
    assert leg.ms_in(len(told.audio[item])) == pytest.approx(880, abs=25)
    assert any(told.audio[item])
    assert (told.responses, told.errors) == ([("completed", "")], [])
    assert told.usage[0].audio_out > 0
    sounds = [message["realtimeInput"]["audio"] for message in cloud.lines[0].texts if "realtimeInput" in message]
    assert {sound["mimeType"] for sound in sounds} == {"audio/pcm;rate=16000"}
    assert max(len(sound["data"]) for sound in sounds) <= 4 / 3 * 2 * PCM_16K.frame_bytes + 4


async def test_the_session_is_asked_for_as_the_table_wants_it() -> None:
    cloud = double()
    settings = {"voice": "Puck", "language": "de", "threshold": 0.3, "silence_ms": 700, "max_output_tokens": 99}
    async with talking(cloud, **settings) as (_, told):
        await until(lambda: told.ready)
    [line] = cloud.lines
    assert (line.headers["x-goog-api-key"], line.query) == (KEY, [])
    [setup] = setups(cloud)
    assert setup["model"] == "models/gemini-3.8-live"
    assert setup["generationConfig"]["responseModalities"] == ["AUDIO"]
    assert setup["realtimeInputConfig"] == {
        "automaticActivityDetection": {"startOfSpeechSensitivity": "START_SENSITIVITY_HIGH", "silenceDurationMs": 700},
        "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
    }
    [judgement] = judged(cloud)
    wanted = judgement.setup
    assert wanted is not None
    assert wanted.generation_config is not None
    assert wanted.generation_config.max_output_tokens == 99
    assert wanted.input_audio_transcription is not None
    assert wanted.input_audio_transcription.language_codes == ["de-DE"]
    assert wanted.context_window_compression is not None


async def test_lines_are_said_one_after_another() -> None:
    async with talking(double()) as (session, told):
        session.say('Say exactly: "Good morning."')
        session.say('Say exactly: "How are you?"')
        await until(lambda: len(told.responses) == 2)
    assert list(told.text.values()) == ["Good morning.", "How are you?"]
    assert told.interrupted == 0


@pytest.mark.parametrize("model", ["gemini-3.8-live", OLD])
async def test_a_tool_is_run_and_its_result_is_told(model: str) -> None:
    cloud = double(brain=booking)
    async with talking(cloud, model=model) as (session, told):
        session.user_text("Monday, please.")
        await until(lambda: told.responses)
        [call] = told.calls
        assert call == ToolCall("function-call-1", "book", {"day": "Monday"})
        session.tool_result(call.id, '{"ok":true}')
        await until(lambda: len(told.responses) == 2)
        session.tool_result(call.id, '{"ok":true}')
        session.tool_result("nobody", "{}")
    assert list(told.text.values()) == ["One moment.", 'Done: {"ok":true}']
    assert told.events[-4:] == ["response done", "audio", "item done", "response done"]
    assert [message.tool_response is not None for message in judged(cloud)].count(True) == 1


@pytest.mark.parametrize(
    ("result", "response"), [("[1]", {"output": [1]}), ("not JSON", {"output": "not JSON"}), ('{"a":1}', {"a": 1})]
)
async def test_a_result_is_an_object_and_may_want_no_answer(result: str, response: dict[str, Any]) -> None:
    cloud = double(brain=booking)
    async with talking(cloud) as (session, told):
        session.user_text("Monday, please.")
        await until(lambda: told.calls)
        session.tool_result("function-call-1", result, answer=False)
        await until(lambda: "toolResponse" in cloud.lines[0].texts[-1])
        session.say('Say exactly: "Goodbye."')
        await until(lambda: "Goodbye." in told.text.values())
    [given] = [message["toolResponse"] for message in cloud.lines[0].texts if "toolResponse" in message]
    assert given["functionResponses"] == [
        {"id": "function-call-1", "name": "book", "response": response, "scheduling": "SILENT"}
    ]
    assert list(told.text.values()) == ["One moment.", "Goodbye."]


async def test_the_caller_interrupts() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), haste=1.0)
    async with talking(cloud) as (session, told):
        speak(session, MULAW_8K, 2_000)
        await until(lambda: told.audio)
        speak(session, MULAW_8K, 1_200)
        await until(lambda: told.responses)
        assert (told.interrupted, told.responses) == (1, [("cancelled", "")])
        speak(session, MULAW_8K, 1_500)
        await until(lambda: ("caller_2", "Are you open?", True) in told.said)
        await until(lambda: len(told.audio) == 2)
    assert told.done[0] == next(iter(told.audio))


async def test_nothing_more_is_told_of_an_answer_that_is_cancelled() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), haste=4.0)
    async with talking(cloud) as (session, told):
        session.user_text("Go.")
        session.say("This one is forgotten.")
        await until(lambda: told.audio)
        session.cancel()
        [(item, audio)] = told.audio.items()
        await until(lambda: told.responses)
        assert (told.audio[item], told.responses, told.interrupted) == (audio, [("cancelled", "")], 0)
        session.user_text("Again.")
        await until(lambda: len(told.audio) == 2)
    assert not any("forgotten" in str(message) for message in cloud.lines[0].texts)


async def test_turns_that_we_tell_ourselves() -> None:
    cloud = double()
    async with talking(cloud, turn_detection="none") as (session, told):
        speak(session, MULAW_8K, 1_500)
        session.end_turn()
        await until(lambda: told.responses)
    assert list(told.text.values()) == ["You said Hello there."]
    assert setups(cloud)[0]["realtimeInputConfig"]["automaticActivityDetection"] == {"disabled": True}


async def test_who_may_not_be_interrupted_is_told_so_from_the_start() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.update(turns=TurnDetection(interrupts=False))
        await until(lambda: told.ready)
        session.update(turns=TurnDetection(), instructions="Be brief.", tools=[])
        await until(lambda: len(cloud.lines[0].texts) == 2)
    assert setups(cloud)[0]["realtimeInputConfig"]["activityHandling"] == "NO_INTERRUPTION"
    update = judged(cloud)[1].context_update
    assert update is not None
    assert update.tools is not None
    assert update.tools.tools == []


async def test_a_conversation_that_was_had_before() -> None:
    call = ToolCall("a" * 40, "book", {"day": "Monday"})
    history = (
        Message("agent", "Hello."),
        Message("caller", "Monday.", keypad="12"),
        Message("agent", tool_calls=(call,)),
        Message("tool", '{"ok":true}', tool_call_id=call.id),
        Message("agent", "Booked.", tool_calls=(ToolCall("b", "book", {}),)),
        Message("caller"),
    )
    cloud = double(brain=memory)
    async with talking(cloud, history=history, model=OLD) as (session, told):
        session.user_text("Thanks.")
        await until(lambda: told.responses)
    [text] = told.text.values()
    assert text == "Hello. Monday.\n[keypad] 12 Booked. Thanks."
    told_tools = str(judged(cloud)[1])
    assert 'book was run with {"day":"Monday"} and gave {"ok":true}' in told_tools.replace("\\", "")
    assert "cancelled" in told_tools


async def test_a_connection_that_will_end_is_replaced_in_silence() -> None:
    cloud = double(brain=memory)
    async with talking(cloud) as (session, told):
        session.user_text("One.")
        await until(lambda: told.responses)
        await until(lambda: "newHandle" in str(cloud.lines[0].sent[-1]))
        going = asyncio.create_task(cloud.go_away(5.0))
        await until(lambda: len(cloud.lines) == 2)
        speak(session, MULAW_8K, 2_000)
        await until(lambda: len(told.responses) == 2)
        going.cancel()
    assert cloud.lines[0].closed
    assert list(told.text.values()) == ["One.", "One. One. Hello there."]
    assert (told.ready, told.errors, told.interrupted) == (1, [], 0)
    assert [setup["sessionResumption"] for setup in setups(cloud)] == [{}, {"handle": "handle_1"}]


async def test_a_connection_is_not_left_in_the_middle_of_an_answer() -> None:
    cloud = double(brain=memory, haste=4.0)
    async with talking(cloud) as (session, told):
        session.user_text("One.")
        await until(lambda: told.responses)
        session.user_text(LONG)
        await until(lambda: len(told.audio) == 2)
        going = asyncio.create_task(cloud.go_away(30.0))
        await until(lambda: "goAway" in str(cloud.lines[0].sent))
        assert len(cloud.lines) == 1
        await until(lambda: len(told.responses) == 2)
        await until(lambda: len(cloud.lines) == 2)
        going.cancel()
    assert told.responses == [("completed", "")] * 2
    assert told.errors == []


async def test_a_session_that_cannot_be_resumed_yet_will_end() -> None:
    cloud = double()
    async with talking(cloud) as (_, told):
        await until(lambda: told.ready)
        going = asyncio.create_task(cloud.go_away(30.0))
        await until(lambda: told.expiring)
        going.cancel()
    assert told.expiring == [30.0]
    assert len(cloud.lines) == 1


async def test_a_connection_that_breaks_in_silence_is_replaced() -> None:
    cloud = double(brain=memory)
    async with talking(cloud) as (session, told):
        session.user_text("One.")
        await until(lambda: told.responses)
        await until(lambda: "newHandle" in str(cloud.lines[0].sent[-1]))
        cloud.lines[0].drop()
        await until(lambda: len(cloud.lines) == 2)
        session.user_text("Two.")
        await until(lambda: len(told.responses) == 2)
    assert (list(told.text.values())[-1], told.errors) == ("One. One. Two.", [])


async def test_a_session_that_cannot_be_resumed_may_be_begun_anew() -> None:
    cloud = double(brain=memory)
    async with talking(cloud) as (session, told):
        session.user_text("One.")
        await until(lambda: told.responses)
        await until(lambda: "newHandle" in str(cloud.lines[0].sent[-1]))
        cloud._handles.clear()
        cloud.lines[0].drop()
        await until(lambda: told.errors)
    assert "session not found" in str(told.errors[0])
    assert told.errors[0].retryable


async def test_a_connection_that_breaks_in_an_answer_ends_the_session() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), haste=4.0, faults=[Cut(6)])
    async with talking(cloud) as (session, told):
        session.user_text("Go.")
        await until(lambda: told.errors)
        speak(session, MULAW_8K, 11_000)
        session.say("Nobody hears this.")
        session.end_turn()
    assert told.errors[0].retryable
    assert told.events[-1] == "failed"


@pytest.mark.parametrize(
    ("options", "settings", "status", "words"),
    [
        ({}, {"key": "AIza-wrong"}, 401, "API key not valid"),
        ({}, {"model": "nonsense"}, 1008, "not found"),
        ({"answers": 0}, {}, 1011, "exceeded your current quota"),
        ({"faults": [Refuse(429, "No more.")]}, {}, 429, "HTTP 429"),
    ],
)
async def test_what_is_refused_is_told(
    options: dict[str, Any], settings: dict[str, Any], status: int, words: str
) -> None:
    cloud = double(**options)
    async with cloud.serve() as url:
        gemini, told = provider(url, **settings), Told()
        session = gemini.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
        session.user_text("Anybody?")
        await until(lambda: told.errors)
        await session.close()
        await gemini.close()
    [error] = told.errors
    assert (error.status, error.retryable) == (status, status == 429)
    assert (gemini.exhausted > 0) == (status in (429, 1011))
    assert words in str(error)


@pytest.mark.parametrize(
    ("key", "model", "status", "words"),
    [("AIza-wrong", "", 401, "GEMINI_API_KEY"), (KEY, "nonsense", 404, "not found")],
)
async def test_a_check_asks_for_the_model(key: str, model: str, status: int, words: str) -> None:
    cloud = double()
    async with cloud.serve() as url:
        right, wrong = provider(url), provider(url, key, model=model)
        await right.check()
        await right.warm_up()
        await wrong.warm_up()
        with pytest.raises(ProviderError, match=words) as caught:
            await wrong.check()
        await right.close()
        await wrong.close()
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert cloud.models_asked == 4


async def test_nobody_is_there() -> None:
    gemini, told = provider("ws://127.0.0.1:9"), Told()
    session = gemini.open(CALL, leg=MULAW_8K, tools=[], history=[], events=told)
    await until(lambda: told.errors)
    await session.close()
    with pytest.raises(ProviderError):
        await gemini.check()
    await gemini.close()
    assert told.errors[0].retryable
    assert "secret" not in repr(gemini)


async def test_a_session_that_is_closed_at_once() -> None:
    cloud = double()
    async with talking(cloud):
        pass
    assert cloud.lines == []


async def test_the_language_of_the_callers_words_is_laid_down_before_the_session_begins() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.update(language="es")
        await until(lambda: told.ready)
    assert setups(cloud)[0]["inputAudioTranscription"]["languageCodes"][0].startswith("es")
