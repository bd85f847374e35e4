import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from offhook.providers.llm.flow import load_facts, load_flow
from offhook.simulator.clouds.flow_brain import _at_once, flow_brain
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest

TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("take_message", "end_call")
]
BRAIN = flow_brain(load_flow(None), load_facts(None))


def asked(*messages: dict[str, Any], tools: list[dict[str, Any]] | None = None) -> ChatReply:
    return BRAIN(
        ChatRequest({"model": "m", "messages": list(messages), "tools": TOOLS if tools is None else tools}, {})
    )


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answered(reply: ChatReply) -> dict[str, Any]:
    return {"role": "assistant", "content": reply.text}


def test_it_answers_from_the_facts() -> None:
    reply = asked({"role": "system", "content": "Be brief."}, said("Where are you?"))
    assert "22 Maple Street" in reply.text
    assert reply.tool_calls == ()


def test_a_conversation_is_carried_on_from_the_request_alone() -> None:
    talk = [said("I would like to leave a message please.")]
    for words in ("My kitchen sink is leaking.", "Sarah Miller.", "Yes.", "[keypad] 4155550142"):
        talk += [answered(asked(*talk)), said(words)]
    reply = asked(*talk)
    [call] = reply.tool_calls
    assert call.name == "take_message"
    assert call.arguments["name"] == "Sarah Miller"
    called = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "{}"}}
    talk += [
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call.id, "content": '{"status": "ok"}'},
    ]
    assert "passed that on" in asked(*talk).text


def test_it_calls_no_tool_that_is_not_offered() -> None:
    assert asked(said("Thank you, goodbye."), tools=[]).tool_calls == ()
    assert [call.name for call in asked(said("Thank you, goodbye.")).tool_calls] == ["end_call"]


def test_a_responder_that_waits_is_none_for_it() -> None:
    async def waiting() -> AsyncIterator[Any]:
        await asyncio.sleep(0)
        yield

    with pytest.raises(RuntimeError, match="waited"):
        _at_once(waiting())
