"""A telephone for conversations: says the caller's lines, runs the tools, keeps what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.builtin import builtin_tools
from offhook.calls.tools.runner import ToolRunner
from offhook.providers.llm.base import CallFacts, Message, TextDelta, ToolCall
from offhook.providers.llm.flow import Facts, Flow, FlowFactory, load_facts, load_flow

MONDAY = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


@dataclass
class Line:
    """One call of a test."""

    flow: Flow
    facts: Facts
    data_dir: Path
    caller_number: str = ""
    tools: Sequence[Tool] = ()
    now: datetime = MONDAY
    messages: list[Message] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)

    def __post_init__(self) -> None:
        call = CallFacts("call-1", "reception", "", self.now, self.caller_number)
        self.responder = FlowFactory(self.flow, self.facts).open(call)
        context = ToolContext("call-1", self.caller_number, self.data_dir, lambda: self.now)
        self.runner = ToolRunner(self.tools or builtin_tools(self.facts), context)

    @property
    def ended(self) -> bool:
        """Whether the agent hung up."""
        return any(call.name == "end_call" for call in self.calls)

    def called(self, name: str) -> list[Mapping[str, Any]]:
        """The arguments of every call of a tool."""
        return [call.arguments for call in self.calls if call.name == name]

    async def say(self, text: str = "", *, keypad: str = "") -> str:
        """The caller says or keys something; returns what the agent says until it waits again."""
        self.messages.append(Message("caller", text, keypad=keypad))
        return await self.listen()

    async def listen(self) -> str:
        """What the agent says to the messages so far, its tool calls carried out."""
        said: list[str] = []
        for _ in range(10):
            text, call = await self.step()
            said += [text] if text else []
            if call is None:
                return " ".join(said)
            result = await self.runner.run(call)
            self.messages.append(Message("tool", result.text, tool_call_id=call.id))
            if call.name == "end_call":
                return " ".join(said)
        raise AssertionError("the agent calls tools without end")

    async def step(self) -> tuple[str, ToolCall | None]:
        """One answer of the responder."""
        pieces = [piece async for piece in self.responder.respond(self.messages, self.runner.specs)]
        text = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
        calls = tuple(piece for piece in pieces if isinstance(piece, ToolCall))
        assert len(calls) <= 1
        self.messages.append(Message("agent", text, tool_calls=calls))
        self.calls += calls
        return text, calls[0] if calls else None

    def interrupt(self, heard: str) -> None:
        """The caller spoke over the last answer, of which this much was heard."""
        last = self.messages.pop()
        assert last.role == "agent"
        self.messages.append(Message("agent", heard, interrupted=True, tool_calls=last.tool_calls))

    def kept_messages(self) -> list[dict[str, Any]]:
        """What is in messages.jsonl."""
        path = self.data_dir / "messages.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def bookings(self) -> list[dict[str, Any]]:
        """What is in calendar.json."""
        path = self.data_dir / "calendar.json"
        return list(orjson.loads(path.read_bytes())) if path.exists() else []


@pytest.fixture(scope="session")
def flow() -> Flow:
    return load_flow()


@pytest.fixture(scope="session")
def facts() -> Facts:
    return load_facts()


@pytest.fixture
def line(flow: Flow, facts: Facts, tmp_path: Path) -> Line:
    return Line(flow, facts, tmp_path)
