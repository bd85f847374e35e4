"""Moves a conversation through its states: what to say, ask or do next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from offhook.providers.llm.base import ToolCall
from offhook.providers.llm.flow.mind import Mind, Question
from offhook.providers.llm.flow.model import Flow, Outcome, Slot, State
from offhook.providers.llm.flow.phones import grouped, grouped_so_far
from offhook.providers.llm.flow.speech import Speech

__all__ = ["Progress", "Reply"]

_STEPS = 20
_TOOL_RUNS = 4
_LEAST_CALLER_DIGITS = 7


@dataclass(slots=True)
class Reply:
    """What a turn says, and the tool it then calls. `repeats` if it is not itself worth repeating."""

    lines: list[str] = field(default_factory=list)
    call: ToolCall | None = None
    repeats: bool = False

    def say(self, line: str) -> None:
        """Add a line; nothing is said twice in a row."""
        if line and self.lines[-1:] != [line]:
            self.lines.append(line)


class Progress:
    """Takes the next steps of one turn."""

    def __init__(self, flow: Flow, mind: Mind, speech: Speech, tools: frozenset[str], call_id: str):
        self.flow = flow
        self.mind = mind
        self.speech = speech
        self.tools = tools
        self.call_id = call_id
        self.reply = Reply()

    @property
    def state(self) -> State:
        """Where the conversation is."""
        return self.flow.states[self.mind.state]

    def go(self, name: str) -> None:
        """Enter the state `name`."""
        if name != self.mind.state or not self.state.ask:
            self.mind.forget(*self.state.forget)
            self.mind.state, self.mind.entered = name, False
            self.mind.tries, self.mind.partial = 0, ""

    def advance(self, *, back: bool = False) -> None:
        """Go on until there is something to wait for. `back` asks as one does after an interruption."""
        for _ in range(_STEPS):
            if self._rests(back=back):
                return
            self.go(self.state.next)
        self._end("error")

    def _rests(self, *, back: bool) -> bool:
        """Do what the state wants; whether it now waits for the caller or a tool."""
        state = self.state
        if not self.mind.entered:
            self.mind.entered = True
            self.reply.say(self.speech.line(f"say {self.mind.state}", state.say))
        elif state.ask and back:
            self.open(Question("menu"), self.speech.line(f"back {self.mind.state}", state.back or state.ask))
            return True
        return self._collects() or self._calls(state) or self._asks(state)

    def _asks(self, state: State) -> bool:
        if state.end:
            self._end("goodbye")
        elif state.ask:
            self.open(Question("menu"), self.speech.line(f"ask {self.mind.state}", state.ask))
        return bool(state.end or state.ask)

    def open(self, question: Question, line: str) -> None:
        """Ask the caller."""
        self.reply.say(line)
        self.mind.open(question, line)

    def _collects(self) -> bool:
        for name in self.state.collect:
            if name not in self.mind.slots and name not in self.mind.skipped:
                self.ask(name)
                return True
            if name in self.mind.slots and name not in self.mind.sure and self._confirms(name):
                return True
        return False

    def ask(self, name: str) -> None:
        """Ask for a slot."""
        slot = self.flow.slots[name]
        if slot.suggest and name not in self.mind.suggested and self._caller_number():
            self.mind.suggested.add(name)
            line = self.speech.line(f"suggest {name}", slot.suggest, value=self._caller_number())
            self.open(Question("suggest", name), line)
        elif self.mind.partial and slot.kind == "phone":
            self.open(Question("slot", name), self.so_far(name))
        else:
            self.open(Question("slot", name), self.speech.line(f"ask {name}", slot.ask))

    def so_far(self, name: str) -> str:
        """The digits of half a number, read back."""
        return self.speech.line(f"so far {name}", self.flow.slots[name].so_far, value=grouped_so_far(self.mind.partial))

    def _caller_number(self) -> str:
        number = self.speech.fixed.get("caller_number", "")
        return grouped(number) if sum(letter.isdecimal() for letter in number) >= _LEAST_CALLER_DIGITS else ""

    def _confirms(self, name: str) -> bool:
        """Read a slot back. True if the caller has to agree before anything else."""
        slot = self.flow.slots[name]
        if slot.confirm == "explicit":
            self.open(Question("confirm", name), self.read_back(name, slot))
            return True
        self.mind.sure.add(name)
        if slot.confirm == "implicit":
            self.mind.implied = name
            self.reply.say(self.read_back(name, slot))
        return False

    def read_back(self, name: str, slot: Slot) -> str:
        """The slot's value as a sentence."""
        return self.speech.line(f"read {name}", slot.read_back, value=self.speech.slot(name))

    def _calls(self, state: State) -> bool:
        if not state.tool:
            return False
        runs = self.mind.uses.get("tool runs", 0) + 1
        self.mind.uses["tool runs"] = runs
        if runs > _TOOL_RUNS or state.tool not in self.tools:
            self.result({"error": f"{state.tool} is not to be had"}, looped=runs > _TOOL_RUNS)
            return True
        arguments = {key: self.speech.argument(template) for key, template in state.arguments.items()}
        self._call(state.tool, {key: value for key, value in arguments.items() if value})
        return True

    def _call(self, tool: str, arguments: Mapping[str, str]) -> None:
        self.mind.pending = self.call_id
        self.reply.call = ToolCall(self.call_id, tool, arguments)

    def result(self, result: Mapping[str, Any], *, looped: bool = False) -> None:
        """Go where a tool's result leads, and on from there."""
        self.mind.result, self.mind.pending = dict(result), ""
        outcome = self._outcome("error" if "error" in result else str(result.get("status", "else")))
        for slot, template in outcome.fill.items():
            if value := self.speech.argument(template):
                self.mind.fill(slot, value, sure=True)
        self.reply.say(self.speech.line(f"outcome {self.mind.state} {result.get('status')}", outcome.say))
        self.mind.forget(*outcome.forget)
        self.go(self.flow.lost if looped else outcome.to or self.state.next)
        self.advance()

    def _outcome(self, status: str) -> Outcome:
        outcomes = self.state.outcomes
        if status in outcomes:
            return outcomes[status]
        otherwise = outcomes.get("else", Outcome())
        if status != "error":
            return otherwise
        return Outcome(say=self.flow.lines.tool_failed, to=otherwise.to, forget=otherwise.forget)

    def _end(self, reason: str) -> None:
        self.mind.ended = True
        if "end_call" in self.tools:
            self._call("end_call", {"reason": reason})
