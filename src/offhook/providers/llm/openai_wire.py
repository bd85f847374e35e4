"""The chat-completions wire of OpenAI and of the servers that speak it: messages out, stream of deltas in. No I/O.

Source: the typed models of the openai package (chat.completion.chunk), and what Ollama, vLLM and llama.cpp do
differently: tool calls without index or id, arguments as an object, thoughts in the text.
"""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from offhook.errors import WireError
from offhook.providers.llm.base import Message, ToolCall, ToolSpec

__all__ = ["DONE", "END", "EventStream", "Reply", "Thoughts", "chat_messages", "chat_tools"]

DONE = b"[DONE]"
END: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
"""A chunk that says what DONE does: some servers give no other reason to stop."""
_MAX_EVENT = 1 << 20
_INTERRUPTED = "[the caller interrupted here]"
_UNHEARD = "[the caller interrupted before hearing anything]"
_BROKE_OFF = "[the line broke off here: go on with your very next word, and repeat nothing]"
_NOTES = (
    "Text in [square brackets] in the conversation is a note of the phone system, for example the keys that the "
    "caller pressed. Take it into account, but never say or write such notes yourself."
)


def chat_messages(instructions: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation as the wire wants it: every tool call is followed by its result, whatever became of it."""
    results = {message.tool_call_id: message.text for message in messages if message.role == "tool"}
    system = "\n\n".join(part for part in (instructions, _NOTES if _has_notes(messages) else "") if part)
    chat = [{"role": "system", "content": system}] if system else []
    for message in messages:
        if message.role == "caller":
            chat.append({"role": "user", "content": _caller_text(message)})
        elif message.role == "note":
            chat.append({"role": "user", "content": f"[{message.text}]"})
        elif message.role == "agent":
            chat += _agent_messages(message, results)
            if message.unfinished:
                chat.append({"role": "user", "content": _BROKE_OFF})
    return chat


def chat_tools(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """Tools as the wire wants them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


def _has_notes(messages: Sequence[Message]) -> bool:
    return any(
        message.keypad or message.interrupted or message.unfinished or message.role == "note" for message in messages
    )


def _caller_text(message: Message) -> str:
    keys = f"[keypad] {message.keypad}" if message.keypad else ""
    return "\n".join(part for part in (message.text, keys) if part)


def _agent_messages(message: Message, results: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    text = _agent_text(message)
    if not message.tool_calls:
        if text:
            yield {"role": "assistant", "content": text}
        return
    yield {"role": "assistant", "content": text or None, "tool_calls": [_call(call) for call in message.tool_calls]}
    for call in message.tool_calls:
        yield {"role": "tool", "tool_call_id": call.id, "content": results.get(call.id, '{"error":"cancelled"}')}


def _agent_text(message: Message) -> str:
    if not message.interrupted:
        return message.text
    return f"{message.text} {_INTERRUPTED}" if message.text else _UNHEARD


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = orjson.dumps(dict(call.arguments)).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


class EventStream:
    """Server-sent events out of bytes that may be cut anywhere; only their data matters here."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, received: bytes) -> Iterator[bytes]:
        """The data of each event that `received` completes. Raises WireError for an event beyond 1 MiB."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > _MAX_EVENT:
            raise WireError("an event of the stream is longer than 1 MiB")
        for line in lines:
            yield from self._line(line.rstrip(b"\r"))

    def end(self) -> Iterator[bytes]:
        """What a server left without the closing empty line."""
        rest, self._rest = self._rest, b""
        yield from self._line(rest.rstrip(b"\r"))
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line and self._data:
            data, self._data = b"\n".join(self._data), []
            yield data
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))


class Thoughts:
    """Takes `<think>...</think>` out of a stream of text, wherever the stream is cut."""

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False

    def feed(self, text: str) -> str:
        """What of `text`, and of what was held back before, may be said."""
        self._held += text
        said = ""
        while (mark := self._mark) in self._held:
            before, _, self._held = self._held.partition(mark)
            said += "" if self._thinking else before
            self._thinking = not self._thinking
        kept = _overlap(self._held, mark)
        free, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return said if self._thinking else said + free

    def end(self) -> str:
        """What was held back in case a mark began in it."""
        held, self._held = self._held, ""
        return "" if self._thinking else held

    @property
    def _mark(self) -> str:
        return self._CLOSE if self._thinking else self._OPEN


def _overlap(text: str, mark: str) -> int:
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)


@dataclass(slots=True)
class _Fragment:
    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Reply:
    """One answer put together from its deltas. `finished` once a chunk gave a reason to stop."""

    finished: bool = False
    _thoughts: Thoughts = field(default_factory=Thoughts)
    _calls: list[_Fragment] = field(default_factory=list)

    def take(self, chunk: Mapping[str, Any]) -> str:
        """Text to be said out of one chunk, or out of a whole completion; tool calls are kept until `tool_calls`."""
        choice = _first(chunk.get("choices"))
        self.finished = self.finished or bool(choice.get("finish_reason"))
        delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
        for piece in _list(delta.get("tool_calls")):
            self._take_call(_mapping(piece))
        # A model that will not answer says so to the caller, in a field of its own.
        return self._thoughts.feed(_text(delta.get("content")) or _text(delta.get("refusal")))

    def rest(self) -> str:
        """Text held back until the end of the stream."""
        return self._thoughts.end()

    def tool_calls(self, known: Collection[str] = ()) -> list[ToolCall]:
        """The calls, complete; one without an id, or with one that is `known` or another's, gets a new one.

        Raises WireError where a call's arguments are not a JSON object."""
        used = set(known)
        calls = []
        for call in self._calls:
            if call.name:
                # Some servers number the calls of each answer from 0.
                call_id = call.id if call.id and call.id not in used else _new_id()
                used.add(call_id)
                calls.append(ToolCall(call_id, call.name, _arguments(call)))
        return calls

    def _take_call(self, piece: Mapping[str, Any]) -> None:
        function = _mapping(piece.get("function"))
        call = self._call_of(piece, _text(function.get("name")))
        call.id = call.id or _text(piece.get("id"))
        call.name = call.name or _text(function.get("name"))
        arguments = function.get("arguments")
        # The first piece of a call may bring none yet.
        if arguments is not None:
            call.arguments += arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()

    def _call_of(self, piece: Mapping[str, Any], name: str) -> _Fragment:
        index = piece.get("index")
        found = [call for call in self._calls if call.index == index] if index is not None else self._calls
        if not found or _is_another(found[-1], _text(piece.get("id")), name):
            self._calls.append(_Fragment(index if isinstance(index, int) else None))
            return self._calls[-1]
        return found[-1]


def _is_another(call: _Fragment, call_id: str, name: str) -> bool:
    """Whether a piece under the index of `call` begins another one: some servers number them all 0, and some repeat id
    and name with every piece."""
    if call.id and call_id:
        return call.id != call_id
    return bool(name and call.arguments)


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"


def _arguments(call: _Fragment) -> Mapping[str, Any]:
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError as error:
        raise WireError(f"the arguments of the tool call {call.name} are not JSON") from error
    if not isinstance(arguments, dict):
        raise WireError(f"the arguments of the tool call {call.name} are not an object")
    return arguments


def _first(value: object) -> Mapping[str, Any]:
    items = _list(value)
    return _mapping(items[0]) if items else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
