"""What a responder must do: conversation in, text and tool calls out."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from offhook.providers.usage import OnUsage, not_counted

__all__ = ["CallFacts", "Message", "Piece", "Responder", "ResponderFactory", "TextDelta", "ToolCall", "ToolSpec"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The responder wants a tool run. Its result comes back as a `tool` message with the same id."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text for the agent to say; pieces are joined without a separator. An empty one is a sign of life."""

    text: str


Piece = TextDelta | ToolCall


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation.

    `caller`: what the caller said in `text`, or the keys pressed in `keypad`. `agent`: what the caller heard of what
    the agent said, and the tools it called. `tool`: a tool's result as JSON, for the call named by `tool_call_id`.
    `note`: what the agent is to know, and nobody said; it wants no answer. One that `restarts` stands where the agent
    began to talk another language: a script in that language begins there.
    `unfinished`: another responder died while it gave this answer of the agent, and `text` is all there is of it.
    """

    role: Literal["caller", "agent", "tool", "note"]
    text: str = ""
    keypad: str = ""
    interrupted: bool = False
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    unfinished: bool = False
    restarts: bool = False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the responder sees it; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call when it begins. `instructions` are for language models; `started_at` has its zone.

    `caller_number` is the person's whom the agent talks to, also when the agent called; `called_number` is the one
    that was dialled. Both are empty where the carrier gives none. `variables` came with the call. In an
    `experiment` the agent answers in its `variant`. `announced` is the key by which the call was announced while it
    rang, if it was.
    """

    call_id: str
    agent: str
    instructions: str
    started_at: datetime
    caller_number: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    called_number: str = ""
    direction: Literal["inbound", "outbound"] = "inbound"
    experiment: str = ""
    variant: str = ""
    announced: str = ""


class Responder(Protocol):
    """The brain of one call."""

    def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[Piece]:
        """Answer the conversation, whose last message is the caller's, a tool's, or an `unfinished` one of the agent:
        then go on with that, without saying any of it again. Closing the iterator stops it.

        After a ToolCall the caller of this method runs the tool, appends its result and calls again, so that a
        reply may be: text, tool call; then text. Called again with a changed last message of the caller, the answer
        before is taken back: the caller of this method cancelled it and nothing of it was heard. Raises
        ProviderError."""
        ...

    def instruct(self, instructions: str) -> None:
        """From the next answer on follow these instructions in place of the call's; a script has its own."""
        ...

    async def close(self) -> None:
        """Give back whatever the responder holds."""
        ...


class ResponderFactory(Protocol):
    """Makes responders; one object serves all calls.

    A factory may also have `scripted = True`: its responders follow a script, and heed no notes."""

    name: str

    def open(self, call: CallFacts, on_usage: OnUsage = not_counted) -> Responder:
        """A responder for a new call, which tells what each answer used."""
        ...
