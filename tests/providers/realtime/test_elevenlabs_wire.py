"""What is sent is judged by the builders and types of ElevenLabs' own client."""

from datetime import UTC, datetime
from typing import Any, get_args

import orjson
import pytest
from elevenlabs.conversational_ai.conversation import (
    ClientToOrchestratorEvent,
    ContextualUpdateClientToOrchestratorEvent,
    UserMessageClientToOrchestratorEvent,
)
from elevenlabs.types import AsrInputFormat, ConversationInitiationClientDataRequestInput

from offhook.audio.formats import MULAW_8K, PCM_16K, AudioFormat, Encoding
from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.llm.base import CallFacts
from offhook.providers.realtime import elevenlabs_wire as wire

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CALL = CallFacts("call-1", "reception", "You are Ann.", NOW, variables={"direction": "mine"})
FORMATS = get_args(get_args(AsrInputFormat)[0])


def settings(**more: Any) -> RealtimeSettings:
    return RealtimeSettings.model_validate({"kind": "elevenlabs", "agent_id": "agent_1", **more})


def begun(first_message: str = "Hello.", **more: Any) -> dict[str, Any]:
    message = wire.initiation(settings(**more), CALL, instructions="Be brief.", first_message=first_message)
    return dict(orjson.loads(message))


def test_the_first_message_is_one_of_theirs() -> None:
    message = begun(language="de", voice="v-1", speed=0.5)
    assert message.pop("type") == ClientToOrchestratorEvent.CONVERSATION_INITIATION_CLIENT_DATA
    judged = ConversationInitiationClientDataRequestInput.model_validate(message)
    override = judged.conversation_config_override
    assert override is not None
    assert override.agent is not None
    assert override.agent.prompt is not None
    assert override.tts is not None
    assert (override.agent.prompt.prompt, override.agent.first_message) == ("Be brief.", "Hello.")
    assert (override.agent.language, override.tts.voice_id, override.tts.speed) == ("de", "v-1", 0.7)
    assert not any(part.model_extra for part in (judged, override, override.agent, override.tts))
    assert judged.dynamic_variables is not None
    assert judged.dynamic_variables["direction"] == "mine"


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        ((), {}),
        (("prompt",), {"agent": {"prompt": {"prompt": "Be brief."}}}),
        (("first_message", "voice"), {"agent": {"first_message": ""}}),
        (("language", "speed"), {"agent": {"language": "fr"}, "tts": {"speed": 1.2}}),
    ],
)
def test_only_what_may_be_replaced_is(overrides: tuple[str, ...], wanted: dict[str, Any]) -> None:
    message = begun("", overrides=overrides, language="fr", speed=1.2)
    assert message["conversation_config_override"] == wanted


def test_texts_are_as_their_builders_make_them() -> None:
    assert orjson.loads(wire.user_message("Hi.")) == UserMessageClientToOrchestratorEvent("Hi.").to_dict()
    assert orjson.loads(wire.contextual_update("x")) == ContextualUpdateClientToOrchestratorEvent("x").to_dict()


def test_messages_that_have_no_builder() -> None:
    assert orjson.loads(wire.pong(7)) == {"type": ClientToOrchestratorEvent.PONG, "event_id": 7}
    assert orjson.loads(wire.audio_chunk(b"\x00\x01\x02")) == {"user_audio_chunk": "AAEC"}
    result = {"type": "client_tool_result", "tool_call_id": "1", "result": "{}", "is_error": False}
    assert orjson.loads(wire.tool_result("1", "{}")) == result
    assert result["type"] == ClientToOrchestratorEvent.CLIENT_TOOL_RESULT


def test_every_format_of_theirs_is_known() -> None:
    found = {name: wire.named_format(name) for name in FORMATS}
    assert None not in found.values()
    assert found["ulaw_8000"] == MULAW_8K
    assert found["pcm_16000"] == PCM_16K
    assert found["pcm_22050"] == AudioFormat(Encoding.PCM16, 22_050)


@pytest.mark.parametrize("name", ["mp3_44100_128", "pcm_", "pcm_x", "pcm_11025", "pcm_0", "", None, 5])
def test_other_formats_are_not(name: object) -> None:
    assert wire.named_format(name) is None


@pytest.mark.parametrize("data", ["nonsense", "[]", "5", b"\xff"])
def test_what_is_no_message(data: str | bytes) -> None:
    with pytest.raises(WireError):
        wire.read_message(data)


@pytest.mark.parametrize("event", [None, "x", []])
def test_a_message_about_nothing(event: object) -> None:
    assert wire.event_in({"type": "audio", "audio_event": event}) == {}
    assert wire.event_in({}) == {}
