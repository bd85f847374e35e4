"""A brain for the chat double: the local flow, so that a cloud-shaped call makes sense without a language model."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolCall, ToolSpec
from offhook.providers.llm.flow import Facts, Flow, FlowFactory
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall

__all__ = ["flow_brain"]

_KEYPAD = re.compile(r"\[keypad\] ([0-9*#A-D]+)")


def flow_brain(flow: Flow, facts: Facts) -> Callable[[ChatRequest], ChatReply]:
    """Answers each request as the flow would, from nothing but the conversation in the request."""
    factory = FlowFactory(flow, facts, lambda: datetime.now(UTC).astimezone())

    def answer(request: ChatRequest) -> ChatReply:
        responder = factory.open(CallFacts("double", "double", "", datetime.now(UTC)))
        messages = [message for each in request.messages if (message := _message(each)) is not None]
        pieces = _at_once(responder.respond(messages, [_tool(tool) for tool in request.body.get("tools") or ()]))
        return ChatReply(
            "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)),
            tuple(
                ScriptedCall(piece.name, piece.arguments, piece.id) for piece in pieces if isinstance(piece, ToolCall)
            ),
        )

    return answer


def _message(wire: Mapping[str, Any]) -> Message | None:
    text = str(wire.get("content") or "")
    match wire["role"]:
        case "user" if keys := _KEYPAD.search(text):
            return Message("caller", keypad=keys[1])
        case "user":
            return Message("caller", text)
        case "assistant":
            calls = (call["function"] | {"id": call["id"]} for call in wire.get("tool_calls") or ())
            made = tuple(ToolCall(call["id"], call["name"], orjson.loads(call["arguments"])) for call in calls)
            return Message("agent", text, tool_calls=made)
        case "tool":
            return Message("tool", text, tool_call_id=str(wire["tool_call_id"]))
    return None


def _tool(wire: Mapping[str, Any]) -> ToolSpec:
    function = wire["function"]
    return ToolSpec(function["name"], function.get("description", ""), function.get("parameters", {}))


def _at_once(pieces: AsyncIterator[Piece]) -> list[Piece]:
    """All pieces of a responder that never waits, as the flow is."""

    async def gathered() -> list[Piece]:
        return [piece async for piece in pieces]

    gathering = gathered()
    try:
        gathering.send(None)
    except StopIteration as done:
        found: list[Piece] = done.value
        return found
    raise RuntimeError("the responder waited for something")
