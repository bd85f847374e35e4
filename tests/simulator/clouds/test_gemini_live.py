"""The double is judged by Google's own client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from offhook.simulator.clouds.ears import EarFactory, Saying, scripted_ears
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.serving import Cut, Refuse
from tests.simulator.clouds.waiting import until

MODEL = "gemini-3.8-live"
TWO = scripted_ears(Saying("Hello there.", 500, 1_300), Saying("Are you open?", 3_000, 3_900))
LONG = "one two three four five six seven eight nine ten eleven twelve"
BOOK = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="book",
            description="Books a day.",
            parameters=types.Schema(type=types.Type.OBJECT, properties={"day": types.Schema(type=types.Type.STRING)}),
        )
    ]
)


@pytest.fixture(autouse=True)
def without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client knows encrypted WebSockets only; the double stands on this machine."""

    def plain(uri: str, *, additional_headers: Any, **tls: Any) -> Any:
        return connect(uri.replace("wss://", "ws://", 1), additional_headers=additional_headers)

    monkeypatch.setattr("google.genai.live.ws_connect", plain)


def echo(request: ChatRequest) -> ChatReply:
    return ChatReply(f"You said {request.last_text}")


def booking(request: ChatRequest) -> ChatReply:
    if request.messages[-1]["role"] == "tool":
        return ChatReply(f"Done: {request.last_text}")
    return ChatReply(tool_calls=(ScriptedCall("book", {"day": "Monday"}),))


def double(ears: EarFactory = TWO, brain: Callable[[ChatRequest], ChatReply] = echo, **more: Any) -> GeminiDouble:
    return GeminiDouble(ears, brain=brain, **more)


@asynccontextmanager
async def connected(url: str, key: str = "any", model: str = MODEL, **config: Any) -> AsyncIterator[AsyncSession]:
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
    wanted = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        **config,
    )
    async with client.aio.live.connect(model=model, config=wanted) as session:
        yield session


async def say(session: AsyncSession, ms: int) -> None:
    """So much silence, in which scripted ears hear their script."""
    for _ in range(0, ms, 100):
        await session.send_realtime_input(audio=types.Blob(data=bytes(3_200), mime_type="audio/pcm;rate=16000"))


async def turn(session: AsyncSession) -> list[types.LiveServerMessage]:
    """All messages up to the end of a turn."""
    async with asyncio.timeout(30):
        return [message async for message in session.receive()]


def contents(messages: list[types.LiveServerMessage]) -> list[types.LiveServerContent]:
    return [message.server_content for message in messages if message.server_content]


def heard(messages: list[types.LiveServerMessage]) -> str:
    return "".join(
        content.input_transcription.text or "" for content in contents(messages) if content.input_transcription
    )


def said(messages: list[types.LiveServerMessage]) -> str:
    return "".join(
        content.output_transcription.text or "" for content in contents(messages) if content.output_transcription
    )


async def test_a_spoken_turn() -> None:
    async with double().serve() as url, connected(url) as session:
        assert session.setup_complete is not None
        await say(session, 2_000)
        messages = await turn(session)
    assert (heard(messages), said(messages)) == (" Hello there.", "You said Hello there.")
    sound = b"".join(message.data or b"" for message in messages if message.data)
    assert len(sound) / 48_000 > 0.5
    assert any(sound)
    assert contents(messages)[-2].generation_complete
    assert contents(messages)[-1].turn_complete
    used = messages[-1].usage_metadata
    assert used is not None
    assert used.response_tokens_details is not None
    assert used.response_tokens_details[0].modality == types.MediaModality.AUDIO
    assert used.response_token_count == used.response_tokens_details[0].token_count


async def test_a_text_is_answered_and_a_direction_is_no_text_of_the_caller() -> None:
    cloud = double()
    async with cloud.serve() as url, connected(url) as session:
        await session.send_realtime_input(text='[Say exactly: "Good morning."]')
        assert said(await turn(session)) == "Good morning."
        await session.send_realtime_input(text="Anybody?")
        assert said(await turn(session)) == "You said Anybody?"


@pytest.mark.parametrize("model", [MODEL, "gemini-3.1-flash-live-preview"])
async def test_a_function_is_called_and_its_result_is_used(model: str) -> None:
    async with double(brain=booking).serve() as url, connected(url, model=model, tools=[BOOK]) as session:
        await session.send_realtime_input(text="Monday, please.")
        called = None
        while called is None:
            called = (await session._receive()).tool_call
        assert called.function_calls is not None
        [call] = called.function_calls
        assert (call.name, call.args) == ("book", {"day": "Monday"})
        response = types.FunctionResponse(id=call.id, name="book", response={"ok": True})
        await session.send_tool_response(function_responses=response)
        messages = await turn(session)
    assert said(messages) == 'Done: {"ok":true}'


async def test_a_function_that_is_waited_for_is_called_off_by_the_caller() -> None:
    cloud = double(brain=booking)
    async with cloud.serve() as url, connected(url, model="gemini-3.1-flash-live-preview", tools=[BOOK]) as session:
        await session.send_realtime_input(text="Monday, please.")
        while (await session._receive()).tool_call is None:
            pass
        await say(session, 1_000)
        cancelled = None
        while cancelled is None:
            cancelled = (await session._receive()).tool_call_cancellation
    assert cancelled.ids == ["function-call-1"]


async def test_a_voice_interrupts_the_model() -> None:
    cloud = double(brain=lambda request: ChatReply(LONG), haste=1.0)
    async with cloud.serve() as url, connected(url) as session:
        await say(session, 2_000)
        while not (message := await session._receive()).data:
            pass
        await say(session, 1_200)
        messages = [message, *await turn(session)]
    assert [content.interrupted for content in contents(messages)][-2:] == [True, None]
    assert len(said(messages)) < len(LONG)


async def test_a_voice_does_not_interrupt_a_model_that_is_not_to_be_interrupted() -> None:
    cloud = double(brain=lambda request: ChatReply("One two three."))
    handling = types.RealtimeInputConfig(activity_handling=types.ActivityHandling.NO_INTERRUPTION)
    async with cloud.serve() as url, connected(url, realtime_input_config=handling) as session:
        await say(session, 2_000)
        while not (message := await session._receive()).data:
            pass
        await say(session, 1_200)
        messages = [message, *await turn(session)]
    assert not any(content.interrupted for content in contents(messages))


async def test_turns_that_the_client_tells() -> None:
    manual = types.RealtimeInputConfig(automatic_activity_detection=types.AutomaticActivityDetection(disabled=True))
    async with double().serve() as url, connected(url, realtime_input_config=manual) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await say(session, 1_500)
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        assert said(await turn(session)) == "You said Hello there."


async def test_noise_is_not_answered() -> None:
    async with double(scripted_ears(Saying("", 500, 900))).serve() as url, connected(url) as session:
        await say(session, 2_000)
        messages = await turn(session)
    assert (len(messages), said(messages)) == (1, "")


async def test_a_history_is_told_first_and_brings_no_answer() -> None:
    cloud = double(brain=lambda request: ChatReply(" ".join(each["content"] for each in request.messages)))
    first = types.HistoryConfig(initial_history_in_client_content=True)
    async with cloud.serve() as url, connected(url, history_config=first) as session:
        past: Any = [{"role": "user", "parts": [{"text": "A."}]}, {"role": "model", "parts": [{"text": "B."}]}]
        await session.send_client_content(turns=past, turn_complete=True)
        await session.send_realtime_input(text="C.")
        assert said(await turn(session)) == "A. B. C."


async def test_old_models_take_content_as_history_only() -> None:
    async with double().serve() as url, connected(url, model="gemini-3.1-flash-live-preview") as session:
        await session.send_client_content(turns=types.Content(role="user", parts=[types.Part(text="A.")]))
        with pytest.raises(errors.APIError, match="invalid argument") as caught:
            await turn(session)
    assert caught.value.code == 1007


async def test_new_models_take_content_at_any_time() -> None:
    async with double().serve() as url, connected(url) as session:
        await session.send_context_update(system_instruction="Be brief.")
        await session.send_client_content(turns=types.Content(role="user", parts=[types.Part(text="A.")]))
        assert said(await turn(session)) == "You said A."


async def test_a_session_is_resumed_once_its_connection_is_gone() -> None:
    cloud = double(brain=lambda request: ChatReply(" ".join(each["content"] for each in request.messages)))
    async with cloud.serve() as url:
        async with connected(url, session_resumption=types.SessionResumptionConfig()) as session:
            await session.send_realtime_input(text="A.")
            await turn(session)
            update = (await session._receive()).session_resumption_update
            assert update is not None
            assert update.resumable
            again = types.SessionResumptionConfig(handle=update.new_handle)
            with pytest.raises(errors.APIError) as caught:
                async with connected(url, session_resumption=again):
                    pass
            assert caught.value.code == 1011
        async with connected(url, session_resumption=again) as session:
            await session.send_realtime_input(text="B.")
            assert said(await turn(session)) == "A. A. B."
        unknown = types.SessionResumptionConfig(handle="nonsense")
        with pytest.raises(errors.APIError, match="session not found"):
            async with connected(url, session_resumption=unknown):
                pass


async def test_a_connection_that_will_end_says_so_before() -> None:
    cloud = double()
    async with cloud.serve() as url, connected(url) as session:
        going = asyncio.create_task(cloud.go_away(0.05))
        message = await session._receive()
        assert message.go_away is not None
        assert message.go_away.time_left == "0.05s"
        with pytest.raises(errors.APIError, match="Deadline expired"):
            await session._receive()
        await going


async def test_a_wrong_key_and_a_wrong_model_are_refused() -> None:
    async with double(api_key="right").serve() as url:
        with pytest.raises(errors.APIError, match="API key not valid"):
            async with connected(url, "wrong"):
                pass
        with pytest.raises(errors.APIError, match="not found"):
            async with connected(url, "right", "nonsense"):
                pass


async def test_a_used_up_quota_ends_the_session() -> None:
    async with double(answers=0).serve() as url, connected(url) as session:
        await session.send_realtime_input(text="A.")
        with pytest.raises(errors.APIError, match="exceeded your current quota") as caught:
            await turn(session)
    assert caught.value.code == 1011


async def test_faults() -> None:
    cloud = double(faults=[Refuse(429), Cut(2)])
    async with cloud.serve() as url:
        with pytest.raises(InvalidStatus):
            async with connected(url):
                pass
        async with connected(url) as session:
            await session.send_realtime_input(text="A.")
            with pytest.raises(errors.APIError) as caught:
                await turn(session)
        assert caught.value.code == 1006
    await until(lambda: cloud.lines[0].closed)


async def test_the_models_are_listed_for_the_key() -> None:
    async with double(api_key="right").serve() as url:
        client = genai.Client(api_key="right", http_options=types.HttpOptions(base_url=url))
        model = await asyncio.to_thread(client.models.get, model=MODEL)
        assert model.name == f"models/{MODEL}"
        with pytest.raises(errors.APIError, match="not found"):
            await asyncio.to_thread(client.models.get, model="nonsense")
