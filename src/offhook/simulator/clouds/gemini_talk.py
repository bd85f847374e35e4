"""The conversation of a session of the doubles that talk, as the chat API writes it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from offhook.simulator.clouds.gemini_setup import Closing
from offhook.simulator.clouds.minds import quoted_line
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest, ScriptedCall

__all__ = ["Talk", "TalkSetup"]

_ROLES = {"user": "user", "model": "assistant"}


class TalkSetup(Protocol):
    """Of a session: who answers, how it is told to, and with which functions by their names."""

    @property
    def model(self) -> str:
        """The model."""
        ...

    @property
    def instructions(self) -> str:
        """What it was told."""
        ...

    @property
    def declarations(self) -> Mapping[str, Mapping[str, Any]]:
        """What it may call."""
        ...


class Talk:
    """`messages` so far. A text in brackets is a direction, and not what the caller said."""

    def __init__(self, messages: Sequence[Mapping[str, Any]] = ()) -> None:
        self.messages: list[dict[str, Any]] = [dict(message) for message in messages]

    def append(self, turns: object) -> None:
        """Turns as the client sends them. Raises Closing."""
        for turn in turns if isinstance(turns, list) else ():
            role = _ROLES.get(str(turn.get("role", "user")))
            parts = turn.get("parts") or []
            if role is None or any("text" not in part for part in parts):
                raise Closing("Request contains an invalid argument.")
            self.say(role, " ".join(str(part["text"]) for part in parts))

    def say(self, role: str, text: str) -> None:
        """Somebody said `text`."""
        directed = role == "user" and text.startswith("[") and text.endswith("]")
        self.messages.append({"role": "system" if directed else role, "content": text})

    def call(self, call_id: str, call: ScriptedCall) -> None:
        """The model called a function."""
        function = {"name": call.name, "arguments": orjson.dumps(dict(call.arguments)).decode()}
        made = {"id": call_id, "type": "function", "function": function}
        self.messages.append({"role": "assistant", "content": None, "tool_calls": [made]})

    def result(self, call_id: str, result: object) -> None:
        """A function gave its result, which belongs right behind its call."""
        at = next(at for at, each in enumerate(self.messages, 1) if _made(each) == call_id)
        content = orjson.dumps(result).decode()
        self.messages.insert(at, {"role": "tool", "tool_call_id": call_id, "content": content})

    def reply(self, brain: Callable[[ChatRequest], ChatReply], setup: TalkSetup) -> ChatReply:
        """What to say next. A direction is taken by the letter where it quotes a line."""
        last = self.messages[-1] if self.messages else {"role": "system", "content": ""}
        if last["role"] == "system" and (line := quoted_line(last["content"])):
            return ChatReply(line)
        if all(message["role"] == "system" for message in self.messages):
            return ChatReply("Hello.")
        system = [{"role": "system", "content": setup.instructions}] if setup.instructions else []
        spoken = [message for message in self.messages if message["role"] != "system"]
        tools = [{"type": "function", "function": dict(each)} for each in setup.declarations.values()]
        return brain(ChatRequest({"model": setup.model, "messages": [*system, *spoken], "tools": tools}, {}))

    @property
    def tokens(self) -> int:
        """How much text it is for the model."""
        return sum(len(str(message["content"] or "").split()) for message in self.messages)


def _made(message: Mapping[str, Any]) -> str:
    return next((str(call["id"]) for call in message.get("tool_calls") or ()), "")
