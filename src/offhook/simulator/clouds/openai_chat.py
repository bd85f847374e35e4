"""A double of the chat-completions API: it answers by script or by rule, checks requests as strictly as the original,
and fails on demand."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from offhook.simulator.clouds.openai import bad_request, json_answer
from offhook.simulator.clouds.openai_part import PostedPart
from offhook.simulator.clouds.serving import Cut, Fault, Refuse, Stall, fails

__all__ = ["ChatDouble", "ChatReply", "ChatRequest", "Cut", "Fault", "Refuse", "ScriptedCall", "Stall"]


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A tool call of the double. `id` is made up if empty."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What the double answers: text, then tool calls, with a fault if one is wanted.

    `terse` writes tool calls as Ollama does: whole, without an index, and with finish_reason "stop"."""

    text: str = ""
    tool_calls: tuple[ScriptedCall, ...] = ()
    fault: Fault | None = None
    terse: bool = False


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request as it came: the JSON body and the headers."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation."""
        messages: Sequence[Mapping[str, Any]] = self.body["messages"]
        return messages

    @property
    def last_text(self) -> str:
        """What the last message says."""
        return str(self.messages[-1].get("content") or "")


Rule = Callable[[ChatRequest], ChatReply]


class ChatDouble(PostedPart):
    """Answers with `replies`: one after another, the last one again and again; or as a function of the request."""

    def __init__(self, replies: Rule | Iterable[ChatReply], *, api_key: str = "") -> None:
        super().__init__("/v1/chat/completions", api_key=api_key)
        self.requests: list[ChatRequest] = []
        self._rule = replies if callable(replies) else _in_turn(list(replies))

    def _invalid(self, body: Mapping[str, Any]) -> Refuse | None:
        return _invalid(body)

    async def _answer(self, request: web.Request, body: Mapping[str, Any], number: int) -> web.StreamResponse:
        asked = ChatRequest(body, dict(request.headers))
        self.requests.append(asked)
        reply = self._rule(asked)
        if failed := await self._failed(reply.fault, number):
            return failed
        if body.get("stream"):
            return await _stream(request, _Wire(body, reply, number))
        return json_answer(_Wire(body, reply, number).completion(), number)


@dataclass(frozen=True, slots=True)
class _Wire:
    """A reply as the wire writes it."""

    body: Mapping[str, Any]
    reply: ChatReply
    number: int

    def completion(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.reply.text or None, "refusal": None}
        if calls := [_call(call, self._call_id(index)) for index, call in enumerate(self.reply.tool_calls)]:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self) -> Iterator[dict[str, Any]]:
        yield self._chunk({"role": "assistant", "content": ""})
        for piece in _pieces(self.reply.text):
            yield self._chunk({"content": piece})
        for index, call in enumerate(self.reply.tool_calls):
            yield from self._call_chunks(index, call)
        yield self._chunk({}, self._finish)
        if (self.body.get("stream_options") or {}).get("include_usage"):
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()}

    def _call_chunks(self, index: int, call: ScriptedCall) -> Iterator[dict[str, Any]]:
        whole = _call(call, self._call_id(index))
        if self.reply.terse:
            yield self._chunk({"tool_calls": [whole]})
            return
        arguments = whole["function"]["arguments"]
        opening = {**whole, "index": index, "function": {"name": call.name, "arguments": ""}}
        yield self._chunk({"tool_calls": [opening]})
        for piece in re.findall(r".{1,7}", arguments):
            yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": f"chatcmpl-{self.number}", "object": kind, "created": 0, "model": self.body["model"]}

    def _usage(self) -> dict[str, int]:
        asked = sum(len(str(message.get("content") or "").split()) for message in self.body["messages"])
        said = len(self.reply.text.split())
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    def _call_id(self, index: int) -> str:
        return self.reply.tool_calls[index].id or f"call_{self.number}_{index}"

    @property
    def _finish(self) -> str:
        return "tool_calls" if self.reply.tool_calls and not self.reply.terse else "stop"


async def _stream(request: web.Request, wire: _Wire) -> web.StreamResponse:
    headers = {"Content-Type": "text/event-stream; charset=utf-8", "x-request-id": f"req_{wire.number}"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    for sent, chunk in enumerate(wire.chunks()):
        # The first chunk only names the role, so that this many pieces of text are out.
        if await fails(wire.reply.fault, request, sent - 1):
            return response
        await response.write(b"data: " + orjson.dumps(chunk) + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


def _in_turn(replies: list[ChatReply]) -> Rule:
    remaining = iter(replies)
    return lambda _: next(remaining, replies[-1])


def _pieces(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def _call(call: ScriptedCall, call_id: str) -> dict[str, Any]:
    arguments = orjson.dumps(dict(call.arguments)).decode()
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _invalid(body: Mapping[str, Any]) -> Refuse | None:
    for name in ("model", "messages"):
        if not body.get(name):
            return bad_request(f"Missing required parameter: '{name}'.", name)
    unanswered = _unanswered(body["messages"])
    if unanswered:
        listed = ", ".join(unanswered)
        return bad_request(
            f"An assistant message with 'tool_calls' must be followed by tool messages: {listed}", "messages"
        )
    return None


def _unanswered(messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of calls without a result right behind them, and of results without a call before them."""
    waiting: list[str] = []
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in waiting:
                return [str(message.get("tool_call_id"))]
            waiting.remove(message["tool_call_id"])
        elif waiting:
            return waiting
        else:
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
    return waiting
