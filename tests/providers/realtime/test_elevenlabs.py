import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, ToolCall
from offhook.providers.realtime.base import RealtimeProvider, RealtimeSession, TurnDetection
from offhook.providers.realtime.elevenlabs import ElevenLabsAgent
from offhook.providers.realtime.verbatim import verbatim
from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.elevenlabs_agent import VendorAgent
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.lines import Line
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.serving import Cut, Refuse, Stall
from tests.providers.realtime.listening import Told, speak
from tests.simulator.clouds.waiting import until

KEY = "xi-very-secret-0123456789"
AGENT = "agent_1"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
LONG = "one two three four five six seven eight nine ten eleven twelve"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
CALL = CallFacts("call-1", "reception", "You are Ann.", NOW, caller_number="+15550100", variables={"name": "Ben"})
ALL_BUT_THE_END = VendorAgent().events - {"agent_response_complete"}


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def memory(request: ChatRequest) -> ChatReply:
    return ChatReply(" ".join(str(message["content"]) for message in request.messages[1:]))


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply("One moment.", (ScriptedCall("book", {"day": "Monday"}),))


def double(ears: EarFactory = TWO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> AgentsDouble:
    key = more.pop("api_key", KEY)
    return AgentsDouble(ears, brain=brain, agents={AGENT: more.pop("agent", VendorAgent())}, api_key=key, **more)


def provider(base_url: str, key: str = KEY, gap_s: float = 0.1, **settings: Any) -> ElevenLabsAgent:
    given = {"kind": "elevenlabs", "agent_id": AGENT, "api_key": key or None, "base_url": base_url, **settings}
    return ElevenLabsAgent(RealtimeSettings.model_validate(given), gap_s=gap_s)


@asynccontextmanager
async def opened(
    url: str, leg: AudioFormat = MULAW_8K, history: tuple[Message, ...] = (), **settings: Any
) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    vendor, told = provider(url, **settings), Told()
    session = vendor.open(CALL, leg=leg, tools=[], history=history, events=told)
    try:
        yield session, told
    finally:
        await session.close()
        await vendor.close()


@asynccontextmanager
async def talking(cloud: AgentsDouble, *args: Any, **more: Any) -> AsyncIterator[tuple[RealtimeSession, Told]]:
    async with cloud.serve() as url, opened(url, *args, **more) as (session, told):
        yield session, told


def the_contract(vendor: ElevenLabsAgent) -> RealtimeProvider:
    return vendor


def sounds(line: Line) -> list[str]:
    return [message["user_audio_chunk"] for message in line.texts if "user_audio_chunk" in message]


def of(line: Line, kind: str) -> list[dict[str, Any]]:
    return [message for message in line.texts if message.get("type") == kind]


@pytest.mark.parametrize("leg", [MULAW_8K, PCM_8K, PCM_16K, PCM_24K])
@pytest.mark.parametrize(("hears", "speaks"), [("pcm_16000", "pcm_24000"), ("ulaw_8000", "pcm_44100")])
async def test_a_conversation_in_any_format(leg: AudioFormat, hears: str, speaks: str) -> None:
    cloud = double(agent=VendorAgent(hears=hears, speaks=speaks))
    async with talking(cloud, leg) as (session, told):
        speak(session, leg, 2_000)
        await until(lambda: told.responses)
    [item] = told.done
    assert told.events == ["ready", "stopped", "audio", "item done", "response done"]
    assert told.said == [("caller_1", "Hello there.", True)]
    assert told.text[item] == "You said Hello there."
    assert leg.ms_in(len(told.audio[item])) == pytest.approx(880, abs=45)
    assert any(told.audio[item])
    assert (told.responses, told.errors) == ([("completed", "")], [])
    assert sum(usage.seconds for usage in told.usage) > 0
    size = {"pcm_16000": 1_280, "ulaw_8000": 320}[hears]
    assert {len(sound) for sound in sounds(cloud.lines[0])} == {-(-size // 3) * 4}


async def test_the_conversation_begins_with_what_is_to_be_said_first() -> None:
    cloud = double()
    async with talking(cloud, language="en", voice="v-1") as (session, told):
        await until(lambda: cloud.asked)
        session.update(instructions="You are Anna.", voice="v-2", language="de")
        await asyncio.sleep(0.05)
        assert cloud.lines == []
        session.say(verbatim('Welcome to "Ace", {name}.'))
        await until(lambda: told.responses)
    [line] = cloud.lines
    assert dict(line.query)["agent_id"] == AGENT
    assert KEY not in str(line.query) + str(dict(line.headers))
    assert line.texts[0] == {
        "type": "conversation_initiation_client_data",
        "conversation_config_override": {
            "agent": {
                "prompt": {"prompt": "You are Anna."},
                "first_message": 'Welcome to "Ace", {name}.',
                "language": "de",
            },
            "tts": {"voice_id": "v-2"},
        },
        "dynamic_variables": {
            "call_id": "call-1",
            "agent": "reception",
            "caller_number": "+15550100",
            "called_number": "",
            "direction": "inbound",
            "name": "Ben",
        },
    }
    assert list(told.text.values()) == ['Welcome to "Ace", {name}.']
    assert of(line, "user_message") == []


async def test_an_agent_that_allows_nothing_greets_by_itself() -> None:
    cloud = double(agent=VendorAgent(first_message="Hi, {{name}}.", allowed=frozenset()))
    async with talking(cloud, overrides=()) as (session, told):
        session.say(verbatim("Welcome."))
        await until(lambda: told.responses)
        session.say(verbatim("Are you there?"))
        await until(lambda: len(told.responses) == 2)
    assert cloud.lines[0].texts[0]["conversation_config_override"] == {}
    assert list(told.text.values()) == ["Hi, Ben.", "Are you there?"]


async def test_lines_are_said_one_after_another() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.say(verbatim("Good morning."))
        session.say(verbatim("How are you?"))
        session.say(verbatim("Well?"))
        await until(lambda: len(told.responses) == 3)
    assert list(told.text.values()) == ["Good morning.", "How are you?", "Well?"]
    assert told.interrupted == 0
    assert of(cloud.lines[0], "user_message")[0]["text"] == f"[{verbatim('How are you?')}]"


async def test_a_tool_is_run_and_its_result_is_answered() -> None:
    cloud = double(brain=booking, agent=VendorAgent(tools=("book",)))
    async with talking(cloud) as (session, told):
        session.user_text("Monday, please.")
        await until(lambda: told.calls)
        assert told.calls == [ToolCall("tool_1", "book", {"day": "Monday"})]
        session.say("Tell them to wait.")
        session.tool_result("tool_1", '{"booked":true}')
        session.tool_result("nobody", "{}")
        await until(lambda: len(told.responses) > 3)
    texts = list(told.text.values())
    assert texts[:2] == ["One moment.", 'Done: {"booked":true}']
    assert told.responses[:3] == [("completed", "")] * 3
    [result] = of(cloud.lines[0], "client_tool_result")
    assert (result["result"], result["is_error"]) == ('{"booked":true}', False)


async def test_a_result_that_wants_no_answer_is_kept_back() -> None:
    cloud = double(brain=booking, agent=VendorAgent(tools=("book",)))
    async with talking(cloud) as (session, told):
        session.user_text("Monday, please.")
        await until(lambda: told.calls)
        session.tool_result("tool_1", "{}", answer=False)
        await asyncio.sleep(0.2)
    assert list(told.text.values()) == ["One moment."]


async def test_a_voice_interrupts_and_what_was_heard_is_told() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), playback=1.0, haste=50.0)
    async with talking(cloud, PCM_16K) as (session, told):
        speak(session, PCM_16K, 2_000)
        await until(lambda: told.audio)
        speak(session, PCM_16K, 1_500)
        await until(lambda: told.interrupted)
        await until(lambda: told.text["agent_1"] != LONG)
    assert LONG.startswith(told.text["agent_1"])
    assert told.responses[0][0] == "cancelled" or "agent_1" in told.done


async def test_a_voice_does_not_interrupt_where_that_is_not_wanted() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), playback=1.0, haste=50.0)
    async with talking(cloud, PCM_16K) as (session, told):
        session.update(turns=TurnDetection(interrupts=False))
        speak(session, PCM_16K, 2_000)
        await until(lambda: told.audio)
        speak(session, PCM_16K, 3_000)
        await until(lambda: len(told.audio) == 2)
    assert told.interrupted == 0


async def test_an_answer_that_is_cancelled_is_not_told_any_further() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), haste=1.0)
    async with talking(cloud) as (session, told):
        session.user_text("Count.")
        await until(lambda: told.audio)
        session.cancel()
        heard = len(told.audio["agent_1"])
        await until(lambda: told.responses)
    assert len(told.audio["agent_1"]) == heard
    assert told.responses == [("cancelled", "")]


async def test_an_answer_whose_end_nobody_tells_is_over_after_a_gap() -> None:
    cloud = double(agent=VendorAgent(events=ALL_BUT_THE_END))
    async with talking(cloud) as (session, told):
        session.user_text("Hello.")
        await until(lambda: told.responses)
    assert (told.responses, told.done) == ([("completed", "")], ["agent_1"])


async def test_a_conversation_goes_on_from_another() -> None:
    history = (
        Message("caller", "I am Ben."),
        Message("agent", "Hello Ben.", tool_calls=(ToolCall("1", "book", {"day": "Monday"}),)),
        Message("tool", '{"booked":true}', tool_call_id="1"),
        Message("note", "He is in a hurry."),
        Message("caller", keypad="12"),
    )
    cloud = double(brain=memory)
    async with talking(cloud, history=history) as (session, told):
        session.say("Go on.")
        await until(lambda: told.responses)
    [line] = cloud.lines
    assert line.texts[0]["conversation_config_override"]["agent"]["first_message"] == ""
    [context] = of(line, "contextual_update")
    assert context["text"].splitlines()[1:] == [
        "Caller: I am Ben.",
        "You: Hello Ben.",
        '[The tool book was run with {"day":"Monday"} and gave {"booked":true}]',
        "[He is in a hurry.]",
        "Caller: [keypad] 12",
    ]
    assert [message["text"] for message in of(line, "user_message")] == ["[Go on.]"]
    assert list(told.text.values()) == ["I am Ben. Hello Ben. [keypad] 12"]


async def test_instructions_that_change_are_told() -> None:
    cloud = double()
    async with talking(cloud) as (session, told):
        session.say(verbatim("Hello."))
        await until(lambda: told.responses)
        session.update(instructions="Be brief.", voice="another")
        await until(lambda: of(cloud.lines[0], "contextual_update"))
    [context] = of(cloud.lines[0], "contextual_update")
    assert context["text"].endswith("Be brief.")


async def test_pings_are_answered_and_are_no_sign_of_work() -> None:
    cloud = double(ping_s=0.02, agent=VendorAgent(first_message=""))
    async with talking(cloud, overrides=()) as (session, told):
        speak(session, MULAW_8K, 100)
        await until(lambda: cloud.conversations and len(cloud.conversations[0].pongs) > 4)
        assert told.signs == 1


async def test_a_public_agent_needs_no_signature() -> None:
    cloud = double(api_key="")
    async with talking(cloud, key="") as (session, told):
        session.say(verbatim("Hello."))
        await until(lambda: told.responses)
    assert (cloud.asked, cloud.lines[0].query) == (0, [("agent_id", AGENT)])


@pytest.mark.parametrize(
    ("cloud", "settings", "status", "retryable", "why"),
    [
        (double(), {"key": "wrong"}, 401, False, "ELEVENLABS_API_KEY"),
        (double(), {"agent_id": "agent_2"}, 404, False, "agent_2 not found"),
        (double(faults=[Refuse(503)]), {}, 503, True, ""),
        (double(faults=[Refuse(429, "Too many concurrent requests.")]), {}, 429, True, ""),
        (double(faults=[Cut(2)]), {}, 1006, True, ""),
        (double(answers=0), {}, 1002, False, "quota"),
        (double(agent=VendorAgent(allowed=frozenset())), {}, 1008, False, "override_error"),
        (double(agent=VendorAgent(prompt="{{who}}")), {"overrides": ()}, 1008, False, "missing_dynamic_variable"),
        (double(), {"base_url": "http://127.0.0.1:1"}, None, True, "no connection"),
    ],
    ids=["key", "agent", "down", "full", "cut", "quota", "override", "variable", "nobody"],
)
async def test_why_a_session_dies(
    cloud: AgentsDouble, settings: dict[str, Any], status: int | None, retryable: bool, why: str
) -> None:
    async with cloud.serve() as url:
        vendor, told = provider(**{"base_url": url, **settings}), Told()
        session = vendor.open(CALL, leg=MULAW_8K, tools=[], history=(), events=told)
        session.say(verbatim("Hello."))
        session.user_text("And?")
        await until(lambda: told.errors)
        session.hear(MULAW_8K.silence)
        session.say("More.")
        await session.close()
        limited = vendor.exhausted
        await vendor.close()
    [error] = told.errors
    assert (error.status, error.retryable) == (status, retryable)
    assert why in str(error)
    assert KEY not in str(error)
    assert (limited > 0) is (status == 429 or why == "quota")


async def test_a_vendor_that_falls_silent_gives_no_sign() -> None:
    cloud = double(faults=[Stall(1)])
    async with talking(cloud) as (session, told):
        session.say(verbatim("Hello."))
        await until(lambda: told.ready)
        await asyncio.sleep(0.1)
        assert (told.signs, told.errors, told.audio) == (1, [], {})


async def test_a_session_that_nobody_used_was_no_conversation() -> None:
    cloud = double()
    async with talking(cloud) as (_, told):
        await until(lambda: cloud.asked)
    assert (cloud.lines, told.usage, told.errors) == ([], [], [])


async def test_the_check() -> None:
    async with double().serve() as url:
        cases: list[tuple[dict[str, Any], int | None]] = [({}, None), ({"key": "wrong"}, 401), ({"agent_id": "x"}, 404)]
        for settings, status in cases:
            vendor = provider(url, **settings)
            await vendor.warm_up()
            if status is None:
                await vendor.check()
            else:
                with pytest.raises(ProviderError) as caught:
                    await vendor.check()
                assert (caught.value.status, caught.value.retryable) == (status, False)
            await vendor.close()


async def test_the_check_of_a_public_agent() -> None:
    async with double(api_key="").serve() as url:
        vendor, other = provider(url, key=""), provider(url, key="", agent_id="x")
        await vendor.check()
        with pytest.raises(ProviderError, match="404"):
            await other.check()
        await vendor.close()
        await other.close()
