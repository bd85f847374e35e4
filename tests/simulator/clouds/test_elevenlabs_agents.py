"""The double is judged by ElevenLabs' own client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from aiohttp import ClientSession
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AsyncAudioInterface,
    AsyncConversation,
    ClientTools,
    ConversationInitiationData,
    DisconnectionDetails,
)

from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.elevenlabs_agent import VendorAgent
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.serving import Cut, Refuse
from tests.simulator.clouds.waiting import until

KEY = "xi-right"
AGENT = "agent_1"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
LONG = "one two three four five six seven eight nine ten eleven twelve"
HELLO = {"agent": {"first_message": "Good morning, {{name}}."}}


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply("One moment.", (ScriptedCall("book", {"day": "Monday"}),))


def double(ears: EarFactory = TWO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> AgentsDouble:
    agents = {AGENT: more.pop("agent", VendorAgent(first_message="", tools=("book",)))}
    return AgentsDouble(ears, brain=brain, agents=agents, api_key=KEY, **more)


class Line(AsyncAudioInterface):
    """What a client hears, and how it is heard."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.interrupted = 0
        self.began = asyncio.Event()
        self._say: Callable[[bytes], Awaitable[None]] | None = None

    async def start(self, input_callback: Callable[[bytes], Awaitable[None]]) -> None:
        self._say = input_callback
        self.began.set()

    async def stop(self) -> None:
        self._say = None

    async def output(self, audio: bytes) -> None:
        self.heard += audio

    async def interrupt(self) -> None:
        self.interrupted += 1

    async def speak(self, ms: int) -> None:
        """So much silence, in which scripted ears hear their script."""
        assert self._say is not None
        for _ in range(0, ms, 100):
            await self._say(bytes(3_200))


class Client:
    """A conversation of the original's, with what it tells."""

    def __init__(self, url: str, key: str = KEY, **config: Any) -> None:
        self.line = Line()
        self.said: list[str] = []
        self.heard: list[str] = []
        self.corrected: list[tuple[str, str]] = []
        self.latencies: list[int] = []
        self.ends: list[DisconnectionDetails] = []
        self.tools = ClientTools(loop=asyncio.get_running_loop())
        self.http = httpx.Client()
        self.conversation = AsyncConversation(
            ElevenLabs(api_key=key, base_url=url, httpx_client=self.http),
            AGENT,
            requires_auth=True,
            audio_interface=self.line,
            client_tools=self.tools,
            config=ConversationInitiationData(**config),
            callback_agent_response=_into(self.said),
            callback_user_transcript=_into(self.heard),
            callback_latency_measurement=_into(self.latencies),
            callback_agent_response_correction=self._correct,
            callback_disconnect=_into(self.ends),
        )

    @property
    def untyped(self) -> Any:
        """The conversation, for those of its methods that have no types."""
        return self.conversation

    async def gone(self) -> None:
        """The conversation was ended by the other side."""
        await until(lambda: self.ends)
        task = self.conversation._task
        assert task is not None
        await asyncio.wait([task])
        self.http.close()

    async def _correct(self, original: str, corrected: str) -> None:
        self.corrected.append((original, corrected))


def _into(told: list[Any]) -> Callable[[Any], Awaitable[None]]:
    async def tell(value: Any) -> None:
        told.append(value)

    return tell


@asynccontextmanager
async def talking(cloud: AgentsDouble, **more: Any) -> AsyncIterator[Client]:
    async with cloud.serve() as url:
        client = Client(url, **more)
        await client.untyped.start_session()
        try:
            async with asyncio.timeout(20):
                await client.line.began.wait()
            yield client
        finally:
            await client.untyped.end_session()
            await asyncio.wait_for(client.conversation.wait_for_session_end(), 20)
            client.http.close()


async def test_a_spoken_turn() -> None:
    cloud = double()
    async with talking(cloud) as client:
        await client.line.speak(2_000)
        await until(lambda: len(client.line.heard) > 16_000)
        assert (client.heard, client.said) == (["Hello there."], ["You said Hello there."])
        assert any(client.line.heard)
        assert client.ends == []
    assert client.conversation._conversation_id == "conv_1"


async def test_the_first_message_is_an_override_with_variables() -> None:
    cloud = double()
    async with talking(cloud, conversation_config_override=HELLO, dynamic_variables={"name": "Ann"}) as client:
        await until(lambda: client.line.heard)
    assert client.said == ["Good morning, Ann."]


async def test_a_voice_interrupts_and_what_was_heard_is_corrected() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), playback=1.0, haste=50.0)
    async with talking(cloud) as client:
        await client.line.speak(2_000)
        await until(lambda: len(client.line.heard) > 3_200)
        before = len(client.line.heard)
        await client.line.speak(1_500)
        await until(lambda: client.corrected)
        assert client.line.interrupted == 1
        [(original, corrected)] = client.corrected
        assert original == LONG
        assert LONG.startswith(corrected)
        assert before > 0


async def test_a_client_tool_is_called_and_its_result_is_answered() -> None:
    asked: list[dict[str, Any]] = []

    def book(parameters: dict[str, Any]) -> str:
        asked.append(parameters)
        return '{"booked":true}'

    async with talking(double(brain=booking)) as client:
        client.tools.register("book", book)
        await client.conversation.send_user_message("Monday, please.")
        await until(lambda: len(client.said) == 2)
        assert asked == [{"tool_call_id": "tool_1", "day": "Monday"}]
        assert client.said == ["One moment.", 'Done: {"booked":true}']


async def test_pings_are_answered() -> None:
    cloud = double(ping_s=0.02)
    async with talking(cloud) as client:
        await until(lambda: cloud.conversations and len(cloud.conversations[0].pongs) > 2)
        assert cloud.conversations[0].pongs[:3] == [1, 2, 3]
        assert client.latencies[0] == 40


async def test_other_messages_of_the_client_are_understood() -> None:
    cloud = double()
    async with talking(cloud) as client:
        await client.conversation.send_contextual_update("Caller: I am Ben.\nYou: Hello, Ben.\nHe is in a hurry.")
        await client.untyped.register_user_activity()
        await until(lambda: cloud.conversations and len(cloud.conversations[0].talk.messages) == 3)
        assert [each["role"] for each in cloud.conversations[0].talk.messages] == ["user", "assistant", "system"]
        assert client.ends == []


async def refused(cloud: AgentsDouble, **more: Any) -> DisconnectionDetails:
    async with cloud.serve() as url:
        client = Client(url, **more)
        await client.untyped.start_session()
        await client.gone()
        return client.ends[0]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"conversation_config_override": {"agent": {"llm": "x"}}}, "'llm' is not allowed"),
        ({"conversation_config_override": HELLO}, "Missing required dynamic variables"),
    ],
)
async def test_what_an_agent_does_not_allow_ends_the_conversation(config: dict[str, Any], why: str) -> None:
    end = await refused(double(), **config)
    assert (end.reason, end.close_code) == ("error", 1008)
    assert why in str(end.close_reason)


async def test_a_line_that_dies_is_an_error() -> None:
    end = await refused(double(faults=[Cut(2)]), conversation_config_override={"agent": {"first_message": LONG}})
    assert (end.reason, end.close_code) == ("error", 1006)


async def test_no_quota_is_told_when_an_answer_is_due() -> None:
    cloud = double(answers=0)
    async with cloud.serve() as url:
        client = Client(url)
        await client.untyped.start_session()
        await asyncio.wait_for(client.line.began.wait(), 20)
        await client.conversation.send_user_message("Hello?")
        await client.gone()
    assert client.ends[0].close_code == 1002
    assert "quota" in str(client.ends[0].close_reason)


@pytest.mark.parametrize(("agent", "key", "status"), [(AGENT, "wrong", 401), ("agent_2", KEY, 404)])
async def test_an_address_is_not_for_everybody(agent: str, key: str, status: int) -> None:
    async with double().serve() as url, ClientSession(headers={"xi-api-key": key}) as client:
        response = await client.get(f"{url}/v1/convai/conversation/get-signed-url", params={"agent_id": agent})
        assert response.status == status
        assert (await response.json())["detail"]["message"]


async def test_an_address_is_good_for_once() -> None:
    async with double().serve() as url, ClientSession() as client:
        headers = {"xi-api-key": KEY}
        path = f"{url}/v1/convai/conversation/get-signed-url?agent_id={AGENT}"
        async with client.get(path, headers=headers) as response:
            address = (await response.json())["signed_url"]
        for codes in ([], [1002]):
            async with client.ws_connect(address) as socket:
                await socket.send_json({"type": "conversation_initiation_client_data"})
                first = await socket.receive_json(timeout=10)
                assert first["type"] == ("error" if codes else "conversation_initiation_metadata")
                if codes:
                    await socket.receive(timeout=10)
                    assert [socket.close_code] == codes


async def test_a_refused_handshake() -> None:
    cloud = double(faults=[Refuse(503, "Down.")])
    async with cloud.serve() as url, ClientSession() as client:
        assert (await client.get(f"{url}/v1/convai/conversation")).status == 503
