from typing import Any

import orjson
import pytest
from google.genai import types

from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.llm.base import ToolSpec
from offhook.providers.realtime import gemini_wire as wire
from offhook.providers.realtime.base import TurnDetection, Usage

SETTINGS = RealtimeSettings(kind="gemini", model="gemini-x", voice="Kore")
RICH = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["day"],
    "properties": {
        "day": {"type": ["string", "null"], "enum": ["Monday"], "minLength": 1},
        "party": {"type": "integer", "enum": [1, 2], "exclusiveMinimum": 0},
        "when": {"type": "string", "format": "email"},
        "names": {"type": "array", "items": {"type": "string", "const": "x"}},
        "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
    },
}


def made(turns: TurnDetection | None = None, tools: tuple[ToolSpec, ...] = (), **settings: Any) -> dict[str, Any]:
    table = SETTINGS.model_copy(update=settings)
    told = wire.setup(table, instructions="Be brief.", tools=tools, turns=turns or TurnDetection())
    setup: dict[str, Any] = orjson.loads(told)["setup"]
    return setup


def test_a_schema_keeps_what_gemini_knows() -> None:
    [tool] = made(tools=(ToolSpec("book", "Books.", RICH),))["tools"]
    [declared] = tool["functionDeclarations"]
    assert declared["parameters"] == {
        "type": "OBJECT",
        "required": ["day"],
        "properties": {
            "day": {"type": "STRING", "nullable": True, "enum": ["Monday"], "minLength": 1},
            "party": {"type": "INTEGER"},
            "when": {"type": "STRING"},
            "names": {"type": "ARRAY", "items": {"type": "STRING"}},
            "either": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}]},
        },
    }
    types.FunctionDeclaration.model_validate(declared)


def test_a_function_without_parameters_has_none() -> None:
    [tool] = made(tools=(ToolSpec("now", "Time.", {"type": "object", "properties": {}}),))["tools"]
    assert tool == {"functionDeclarations": [{"name": "now", "description": "Time."}]}


@pytest.mark.parametrize(
    ("turns", "detection"),
    [
        (TurnDetection(), {}),
        (TurnDetection(threshold=0.5, prefix_padding_ms=300, silence_ms=600), {"silenceDurationMs": 600}),
        (TurnDetection(threshold=0.7), {"startOfSpeechSensitivity": "START_SENSITIVITY_LOW"}),
        (TurnDetection("semantic_vad", eagerness="auto", silence_ms=600), {}),
        (TurnDetection("semantic_vad", eagerness="high"), {"endOfSpeechSensitivity": "END_SENSITIVITY_HIGH"}),
    ],
)
def test_turns(turns: TurnDetection, detection: dict[str, Any]) -> None:
    found = made(turns)["realtimeInputConfig"]
    assert found == {"automaticActivityDetection": detection, "activityHandling": "START_OF_ACTIVITY_INTERRUPTS"}
    types.RealtimeInputConfig.model_validate(found)


def test_what_is_not_wanted_is_not_asked_for() -> None:
    setup = made(transcription_model="", truncation="disabled")
    assert not {"inputAudioTranscription", "contextWindowCompression", "historyConfig", "tools"} & set(setup)
    assert made(language="xx")["inputAudioTranscription"] == {}
    assert made(model="models/gemini-y")["model"] == "models/gemini-y"


def test_a_session_that_is_resumed_names_its_handle() -> None:
    told = wire.setup(SETTINGS, instructions="", tools=(), turns=TurnDetection(), handle="h1")
    assert orjson.loads(told)["setup"]["sessionResumption"] == {"handle": "h1"}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (wire.audio_input(b"\x01\x02"), "realtime_input"),
        (wire.text_input("Hello."), "realtime_input"),
        (wire.activity(starts=True), "realtime_input"),
        (wire.activity(starts=False), "realtime_input"),
        (wire.tool_response("a", "book", "{}", answer=False), "tool_response"),
        (wire.history_content([]), "client_content"),
        (wire.context_update("Be brief.", None), "context_update"),
        (wire.context_update(None, [ToolSpec("book", "", RICH)]), "context_update"),
    ],
)
def test_messages_are_those_of_googles_types(message: str, kind: str) -> None:
    judged = types.LiveClientMessage.model_validate(orjson.loads(message))
    assert [name for name, value in judged if value is not None] == [kind]


@pytest.mark.parametrize("data", [b"", "nonsense", b"\xff", "[]", "1"])
def test_a_message_must_be_an_object(data: str | bytes) -> None:
    with pytest.raises(WireError):
        wire.read_message(data)


def test_binary_frames_are_read_too() -> None:
    assert wire.read_message(b'{"setupComplete":{}}') == wire.read_message('{"setupComplete":{}}')


@pytest.mark.parametrize(("told", "found"), [("9.5s", 9.5), ("0s", 0), ("soon", 0), (None, 0)])
def test_durations(told: object, found: float) -> None:
    assert wire.seconds(told) == found


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [
        ({}, Usage()),
        ({"promptTokenCount": 7, "responseTokenCount": "x", "promptTokensDetails": "y"}, Usage(text_in=7)),
        (
            {
                "promptTokenCount": 100,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 60},
                    {"modality": "AUDIO", "tokenCount": 40},
                    None,
                ],
                "cachedContentTokenCount": 50,
                "cacheTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 40},
                    {"modality": "AUDIO", "tokenCount": 10},
                ],
                "toolUsePromptTokenCount": 5,
                "thoughtsTokenCount": 3,
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
            },
            Usage(text_in=25, text_cached=40, text_out=3, audio_in=30, audio_cached=10, audio_out=30),
        ),
    ],
)
def test_usage(metadata: dict[str, Any], usage: Usage) -> None:
    assert wire.usage_of(metadata) == usage
