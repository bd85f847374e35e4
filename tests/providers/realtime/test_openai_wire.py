import copy
from typing import Any

import orjson
import pytest
from openai.types.realtime.conversation_item_create_event import ConversationItemCreateEvent
from openai.types.realtime.conversation_item_delete_event import ConversationItemDeleteEvent
from openai.types.realtime.conversation_item_truncate_event import ConversationItemTruncateEvent
from openai.types.realtime.response_cancel_event import ResponseCancelEvent
from openai.types.realtime.response_create_event import ResponseCreateEvent
from openai.types.realtime.session_update_event import SessionUpdateEvent
from pydantic import BaseModel

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_24K
from offhook.config import RealtimeSettings
from offhook.providers.llm.base import Message, ToolCall, ToolSpec
from offhook.providers.realtime import openai_wire as wire
from offhook.providers.realtime.base import TurnDetection, Usage

SETTINGS = RealtimeSettings(kind="openai", model="gpt-realtime-2.1-mini", voice="marin")
TOOL = ToolSpec("look", "Looks.", {"type": "object", "properties": {}})


def session(**settings: Any) -> dict[str, Any]:
    made = RealtimeSettings(kind="openai", **{"voice": "marin", **settings})
    return wire.session_object(made, instructions="Be brief.", tools=[TOOL], format=MULAW_8K)


@pytest.mark.parametrize(
    ("event", "model"),
    [
        (wire.session_update(session(), "e1"), SessionUpdateEvent),
        (wire.session_update(session(turn_detection="semantic_vad", truncation=0.5), "e1"), SessionUpdateEvent),
        (wire.session_update(session(turn_detection="none", reasoning_effort="low"), "e1"), SessionUpdateEvent),
        (wire.session_update(session(tool_choice="required", speed=1.2), "e1"), SessionUpdateEvent),
        (wire.session_update(session(tool_choice="look"), "e1"), SessionUpdateEvent),
        (wire.session_update({"tools": wire.tool_list([])}, "e1"), SessionUpdateEvent),
        (wire.create_response("e1", ""), ResponseCreateEvent),
        (wire.create_response("e1", "Greet."), ResponseCreateEvent),
        (wire.cancel("r1"), ResponseCancelEvent),
        (wire.truncate("a1", 120), ConversationItemTruncateEvent),
        (wire.delete("a1"), ConversationItemDeleteEvent),
        (wire.user_message("Hi."), ConversationItemCreateEvent),
        (wire.tool_output("c1", "{}"), ConversationItemCreateEvent),
    ],
)
def test_events_are_what_the_vendors_models_demand(event: str, model: type[BaseModel]) -> None:
    given = orjson.loads(event)
    assert model.model_validate(given).model_dump(exclude_unset=True, by_alias=True) == given


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.audio_transcript.done", "response.output_audio_transcript.done"),
        ("response.text.delta", "response.output_text.delta"),
        ("response.output_audio.delta", "response.output_audio.delta"),
        ("session.created", "session.created"),
    ],
)
def test_old_names_are_understood(given: str, kind: str) -> None:
    assert wire.event_kind({"type": given}) == kind


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        (TurnDetection("none"), None),
        (
            TurnDetection("server_vad", silence_ms=300, eagerness="low"),
            {"type": "server_vad", "create_response": True, "interrupt_response": True, "silence_duration_ms": 300},
        ),
        (
            TurnDetection("semantic_vad", silence_ms=300, eagerness="low", answers=False, interrupts=False),
            {"type": "semantic_vad", "create_response": False, "interrupt_response": False, "eagerness": "low"},
        ),
    ],
)
def test_each_way_of_turns_has_its_own_settings(turns: TurnDetection, told: object) -> None:
    assert wire.turn_detection(turns) == told


def test_a_transcription_has_a_language_where_one_is_set() -> None:
    heard = session(language="de")["audio"]["input"]["transcription"]
    assert heard == {"model": "gpt-transcribe", "language": "de"}
    assert session(transcription_model="")["audio"]["input"]["transcription"] is None


def history(*messages: Message) -> list[dict[str, Any]]:
    return [orjson.loads(event)["item"] for event in wire.history_events(messages)]


def test_a_conversation_as_items() -> None:
    call = ToolCall("call_1", "look", {"x": 1})
    items = history(
        Message("agent", "Hello."),
        Message("caller", "Look.", keypad="12"),
        Message("agent", tool_calls=(call,)),
        Message("tool", '"seen"', tool_call_id="call_1"),
        Message("agent", "I saw", unfinished=True),
    )
    assert [item["type"] for item in items] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert items[0]["content"] == [{"type": "output_text", "text": "Hello."}]
    assert items[1]["content"] == [{"type": "input_text", "text": "Look.\n[keypad] 12"}]
    assert (items[2]["call_id"], items[2]["arguments"], items[3]["output"]) == ("call_1", '{"x":1}', '"seen"')


def test_a_call_without_a_result_gets_one_and_long_ids_are_shortened() -> None:
    call, output = history(Message("agent", tool_calls=(ToolCall("c" * 33, "look", {}),)))
    assert call["call_id"] == output["call_id"]
    assert len(call["call_id"]) == 32
    assert output["output"] == '{"error":"cancelled"}'


def test_what_nobody_heard_was_not_said() -> None:
    assert history(Message("agent", "", interrupted=True)) == []


def told(**session: Any) -> dict[str, Any]:
    return {"audio": {"input": {"format": {"type": "audio/pcmu"}}}, **session}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (told(), ""),
        ({}, ""),
        ({"audio": 7}, ""),
        (told(model="gpt-realtime-2.1-mini"), ""),
        (told(model="gpt-realtime-2.1-mini-2026-10-01"), ""),
        (told(model="gpt-realtime"), "the model is gpt-realtime and not gpt-realtime-2.1-mini"),
        ({"audio": {"input": {"format": {"type": "audio/pcma"}}}}, "the input is {'type': 'audio/pcma'}"),
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}}}}, "the output is"),
        (None, "a session without a session"),
    ],
)
def test_what_of_a_session_is_not_as_it_was_asked_for(answer: object, problem: str) -> None:
    found = wire.mismatch(session(), SETTINGS.model, answer)
    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(("rate", "same"), [({}, True), ({"rate": 24_000}, True), ({"rate": 16_000}, False)])
def test_rates_must_agree_where_they_are_told(rate: dict[str, int], same: bool) -> None:
    wanted = wire.session_object(SETTINGS, instructions="", tools=[], format=PCM_24K)
    answer = {"audio": {"output": {"format": {"type": "audio/pcm", **rate}}}}
    assert (wire.mismatch(wanted, SETTINGS.model, answer) == "") is same


def test_settings_that_a_server_took_otherwise() -> None:
    wanted = session()
    assert wire.differences(wanted, wanted) == []
    assert wire.differences(wanted, {"object": "realtime.session", "id": "s"}) == []
    other = wire.merged(wanted, {"instructions": "You are Eve.", "audio": {"output": {"voice": "ash"}}})
    assert wire.differences(wanted, other) == ["instructions", "audio.output.voice"]
    assert wire.differences(wanted, {**wanted, "tools": []}) == ["tools"]
    deaf = wire.merged(wanted, {"audio": {"input": {"turn_detection": None}}})
    assert wire.differences(wanted, deaf) == ["audio.input.turn_detection"]
    assert wire.differences(wanted, {**wanted, "tool_choice": {"type": "function", "name": "x"}}) == ["tool_choice"]
    assert wire.differences(wanted, None) == []


def test_what_a_server_adds_is_no_difference() -> None:
    wanted = session()
    [tool] = wanted["tools"]
    turns = {**wanted["audio"]["input"]["turn_detection"], "idle_timeout_ms": None}
    told = wire.merged(wanted, {"tools": [{**tool, "strict": False}], "audio": {"input": {"turn_detection": turns}}})
    assert wire.differences(wanted, told) == []


@pytest.mark.parametrize(
    ("choice", "told"),
    [("auto", "auto"), ("none", "none"), ("required", "required"),
     ("weather", {"type": "function", "name": "weather"})],
)  # fmt: skip
def test_which_tools_must_be_called(choice: str, told: object) -> None:
    settings = SETTINGS.model_copy(update={"tool_choice": choice, "speed": 1.2})
    asked = wire.session_object(settings, instructions="", tools=[], format=MULAW_8K)
    assert asked["tool_choice"] == told
    assert asked["audio"]["output"]["speed"] == 1.2


def test_an_update_keeps_what_it_does_not_name() -> None:
    before = session(voice="marin")
    kept = copy.deepcopy(before)
    after = wire.merged(before, {"audio": {"output": {"voice": "ash"}}, "tools": []})
    assert after["audio"]["input"] == before["audio"]["input"]
    assert after["audio"]["output"] == {**before["audio"]["output"], "voice": "ash"}
    assert (after["tools"], after["instructions"]) == ([], "Be brief.")
    assert before == kept


def test_alaw_is_asked_for_by_its_name() -> None:
    asked = wire.session_object(SETTINGS, instructions="", tools=[], format=ALAW_8K)["audio"]
    assert asked["input"]["format"] == asked["output"]["format"] == {"type": "audio/pcma"}


def usage(**given: Any) -> dict[str, Any]:
    return {"usage": {"input_token_details": given, "output_token_details": {"text_tokens": 5, "audio_tokens": 6}}}


@pytest.mark.parametrize(
    ("response", "counted"),
    [
        (
            usage(
                text_tokens=100,
                audio_tokens=50,
                cached_tokens=90,
                cached_tokens_details={"text_tokens": 80, "audio_tokens": 10},
            ),
            Usage(text_in=20, text_cached=80, audio_in=40, audio_cached=10, text_out=5, audio_out=6),
        ),
        (
            usage(text_tokens=100, audio_tokens=50, cached_tokens=110),
            Usage(text_in=0, text_cached=100, audio_in=40, audio_cached=10, text_out=5, audio_out=6),
        ),
        (usage(text_tokens=None), Usage(text_out=5, audio_out=6)),
        ({"usage": {}}, Usage()),
        ({"usage": None}, None),
        ({}, None),
    ],
)
def test_usage(response: dict[str, Any], counted: Usage | None) -> None:
    assert wire.usage_of(response) == counted
