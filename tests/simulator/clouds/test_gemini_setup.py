from typing import Any

import pytest

from offhook.simulator.clouds.gemini_setup import Closing, Setup, camel

NAMED: dict[str, Any] = {"model": "models/gemini-3.8-live"}


def function(**parameters: Any) -> dict[str, Any]:
    declared = {"name": "book", "parameters": {"type": "OBJECT", "properties": {"day": parameters}}}
    return {"tools": [{"functionDeclarations": [declared]}]}


def setup(**more: Any) -> Setup:
    return Setup.of({"setup": NAMED | more})


def test_what_is_not_said_is_as_usual() -> None:
    usual = setup()
    assert (usual.interrupts, usual.resumes, usual.writes, usual.language) == (True, False, False, "en")
    assert usual.turns == {"type": "server_vad", "silence_duration_ms": 500, "prefix_padding_ms": 0}


def test_what_is_said() -> None:
    said = setup(
        systemInstruction={"parts": [{"text": "A."}, {"text": "B."}]},
        realtimeInputConfig={"automaticActivityDetection": {"disabled": True}, "activityHandling": "NO_INTERRUPTION"},
        sessionResumption={"handle": "h"},
        inputAudioTranscription={"languageCodes": ["de-DE"]},
        **function(type="STRING"),
    )
    assert (said.instructions, said.turns, said.interrupts) == ("A.\n\nB.", None, False)
    assert (said.resumes, said.handle, said.writes, said.language) == (True, "h", True, "de")
    assert list(said.declarations) == ["book"]


@pytest.mark.parametrize(
    ("model", "behavior", "waits"),
    [
        ("gemini-3.8-live", {}, False),
        ("gemini-3.8-live", {"behavior": "BLOCKING"}, True),
        ("gemini-3.1-flash-live-preview", {}, True),
        ("gemini-live-next", {}, True),
    ],
)
def test_who_waits_for_a_function(model: str, behavior: dict[str, str], waits: bool) -> None:
    tools = [{"functionDeclarations": [{"name": "book", **behavior}]}]
    assert setup(model=model, tools=tools).waits_for("book") is waits


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": True},
        {"generationConfig": {"voice": "Kore"}},
        {"generationConfig": {"responseModalities": ["TEXT"]}},
        {"sessionResumption": {"handle": None}},
        {"sessionResumption": []},
        {"tools": [{"functionDeclarations": [{"name": "not a name"}]}]},
        {"tools": [{"functionDeclarations": [{"name": "book", "parametersJsonSchema": {}}]}]},
        {"tools": [{"functionDeclarations": [{"name": "book", "parameters": {"type": "OBJECT", "properties": {}}}]}]},
        function(type="string"),
        function(type="STRING", additionalProperties=False),
        function(type="INTEGER", enum=["1"]),
        function(type="ARRAY", items={"type": "text"}),
        function(anyOf=[{"type": "text"}]),
    ],
)
def test_what_is_wrong_closes_the_connection(wrong: dict[str, Any]) -> None:
    with pytest.raises(Closing) as caught:
        setup(**wrong)
    assert caught.value.code == 1007


def test_the_setup_comes_first() -> None:
    with pytest.raises(Closing, match="first message"):
        Setup.of({"clientContent": {}})


def test_names_may_have_underscores_but_those_of_a_function_are_its_own() -> None:
    told = {"tool_response": {"function_responses": [{"response": {"a_b": 1}}]}}
    assert camel(told) == {"toolResponse": {"functionResponses": [{"response": {"a_b": 1}}]}}
