"""The flow engine as a responder: one object per call, the flow and the facts shared by all."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolSpec
from offhook.providers.llm.flow.answering import Answerer
from offhook.providers.llm.flow.choices import Choices
from offhook.providers.llm.flow.dialogue import Dialogue
from offhook.providers.llm.flow.ear import Ear, Intents
from offhook.providers.llm.flow.extract import Extractor
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.mind import Mind
from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.progress import Progress, Reply
from offhook.providers.llm.flow.speech import Speech
from offhook.providers.llm.flow.turn import Turn
from offhook.providers.llm.flow.words import plain
from offhook.providers.usage import OnUsage, not_counted

__all__ = ["FlowFactory", "FlowResponder"]

_KEPT = 16
_HEARD_END = 12
_CALL_ID = "flow-"
_SENTENCE_ENDS = (".", "!", "?", "…")


class FlowResponder:
    """Answers one call from a flow. Deterministic, and does no I/O."""

    def __init__(self, flow: Flow, ear: Ear, fixed: Mapping[str, str], now: Callable[[], datetime]):
        self._flow = flow
        self._ear = ear
        self._fixed = dict(fixed)
        self._now = now
        self._mind = Mind(flow.start)
        self._before: dict[int, Mind] = {}
        self._seen = 0
        self._calls = 0

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncIterator[Piece]:
        """Answer what is new in `messages`. The same or a changed last message again takes the last answer back.

        What another responder answered meanwhile is listened to in silence. An answer that it left `unfinished` stands
        if it ends with a sentence; half a sentence is none, and the caller's last message is answered anew."""
        messages = [message for message in _since_restart(messages) if message.role != "note"]
        if messages and messages[-1].unfinished:
            if messages[-1].text.endswith(_SENTENCE_ENDS):
                return
            messages = messages[:-1]
        for piece in self._pieces(messages, frozenset(tool.name for tool in tools)):
            yield piece

    def instruct(self, instructions: str) -> None:
        """The script stays what it is."""

    async def close(self) -> None:
        """Nothing is held."""

    def _pieces(self, messages: Sequence[Message], tools: frozenset[str]) -> Iterator[Piece]:
        self._take_back(len(messages))
        reply, owed = Reply(), False
        for place in range(self._seen, len(messages)):
            self._before[place] = self._mind.copy()
            if messages[place].role == "agent" and reply.lines:
                # Another responder has answered that, so that it does not matter what this one would have said.
                reply = Reply()
                self._mind.lost = self._mind.tries = 0
            step = self._answer(messages, place, tools, owed=owed)
            owed = step.call is not None or (owed and messages[place].role == "agent")
            reply.lines += step.lines
            reply.call = step.call
        self._seen = len(messages)
        if not reply.lines and not reply.call and messages and _wants_answer(messages[-1]):
            reply.say(self._mind.asked or self._mind.said)
        yield from _texts(reply.lines)
        if reply.call:
            yield reply.call

    def _take_back(self, length: int) -> None:
        """Forget what followed from messages that are given again."""
        for place in sorted(self._before):
            if place >= length - 1 and length <= self._seen:
                self._mind, self._seen = self._before[place], place
                break
        self._before = {place: mind for place, mind in self._before.items() if self._seen - _KEPT < place < self._seen}

    def _answer(self, messages: Sequence[Message], place: int, tools: frozenset[str], *, owed: bool) -> Reply:
        """What follows from one message. `owed` is whether the last answer called a tool that did not run."""
        message, now = messages[place], self._now()
        self._calls += 1
        speech = Speech(self._flow, self._mind, now.date(), self._fixed)
        progress = Progress(self._flow, self._mind, speech, tools, f"{_CALL_ID}{self._calls}")
        heard = _heard_of_question(messages[:place], self._mind.asked)
        dialogue = Dialogue(Turn(self._flow, self._ear, progress, now, heard))
        if message.role == "caller":
            _hear(dialogue, message)
            if owed and progress.state.tool and not progress.reply.call and self._mind.question.kind != "offer":
                progress.advance()
        elif message.role == "tool" and message.tool_call_id == self._mind.pending:
            dialogue.result(_result(message.text))
        if progress.reply.lines and not progress.reply.repeats:
            self._mind.said = " ".join(progress.reply.lines)
        return progress.reply


class FlowFactory:
    """Opens a responder for each call. `now` is the local time with its zone; the start of the call if not given."""

    name = "flow"
    scripted = True

    def __init__(self, flow: Flow, facts: Facts, now: Callable[[], datetime] | None = None):
        self.flow = flow
        self.facts = facts
        self._now = now
        self._intents = Intents(flow)
        self._choices = Choices(flow)
        self._answerer = Answerer(facts)

    def open(self, call: CallFacts, on_usage: OnUsage = not_counted) -> FlowResponder:
        """A responder for a new call."""
        extractor = Extractor(self.flow, self.facts, self._choices, call.caller_number)
        ear = Ear(self.flow, self._intents, self._answerer, extractor)
        fixed = {"business": self.facts.business.name, "caller_number": call.caller_number}
        return FlowResponder(self.flow, ear, fixed, self._now or (lambda: call.started_at))


def _hear(dialogue: Dialogue, message: Message) -> None:
    if message.keypad:
        dialogue.keyed(message.keypad)
    else:
        dialogue.said(message.text)


def _wants_answer(message: Message) -> bool:
    """Whether silence will not do: to the caller, and to a tool that another responder called."""
    return message.role == "caller" or (message.role == "tool" and not message.tool_call_id.startswith(_CALL_ID))


def _texts(lines: Sequence[str]) -> Iterator[TextDelta]:
    for place, line in enumerate(lines):
        yield TextDelta(line if place == len(lines) - 1 else line + " ")


def _heard_of_question(before: Sequence[Message], asked: str) -> str | None:
    """What the caller heard of an interrupted answer; None if the question came across."""
    said: list[Message] = []
    for message in reversed(before):
        if message.role == "caller":
            break
        said.append(message)
    spoken = [message for message in said if message.role == "agent"]
    if not asked or not any(message.interrupted for message in spoken[:1]):
        return None
    text = plain(" ".join(message.text for message in reversed(spoken)))
    return None if plain(asked)[-_HEARD_END:] in text else text


def _result(text: str) -> Mapping[str, Any]:
    try:
        result = json.loads(text)
    except ValueError:
        return {"error": "the result is not JSON"}
    return result if isinstance(result, dict) else {"status": "ok", "value": result}


def _since_restart(messages: Sequence[Message]) -> Sequence[Message]:
    """What was said since the script began; at first the caller's words that it begins with."""
    at = max((place for place, message in enumerate(messages, 1) if message.restarts), default=0)
    if not at or len(messages) > at:
        return messages[at:]
    return [message for message in messages if message.role == "caller"][-1:]
