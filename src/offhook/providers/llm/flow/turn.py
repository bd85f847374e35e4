"""One turn: what it is about, and what all its parts need."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from offhook.providers.llm.flow.ear import Ear, Heard
from offhook.providers.llm.flow.mind import Mind, Question
from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.progress import Progress

__all__ = ["Turn"]


class Turn:
    """A turn of one call.

    `heard_of_it` is what the caller had heard when they spoke into the open question; None if they heard it all."""

    def __init__(self, flow: Flow, ear: Ear, progress: Progress, now: datetime, heard_of_it: str | None = None):
        self.flow = flow
        self.ear = ear
        self.progress = progress
        self.now = now
        self.unheard = heard_of_it is not None
        self.heard_nothing = heard_of_it == ""
        self.implied = ""

    @property
    def mind(self) -> Mind:
        """What the conversation remembers."""
        return self.progress.mind

    def begin(self) -> None:
        """The caller did something."""
        self.mind.turns += 1
        self.implied, self.mind.implied = self.mind.implied, ""
        self.mind.pending = ""
        self.mind.uses.pop("tool runs", None)

    def say(self, key: str, lines: Iterable[str], **values: str) -> None:
        """Say the next of `lines`."""
        self.progress.reply.say(self.progress.speech.line(key, lines, **values))

    def understood(self) -> bool:
        """Something was understood: failed tries are forgotten. True, for steps that end so."""
        self.mind.lost = self.mind.tries = 0
        return True

    def offer(self, line: str) -> None:
        """Ask whether to go to the flow's fallback."""
        self.progress.open(Question("offer", self.flow.fallback), line)

    def ask_again(self, *, back: bool = False) -> None:
        """Ask the open question again."""
        if self.mind.question.kind in {"offer", "suggest"}:
            self.progress.reply.say(self.mind.asked)
        else:
            self.progress.advance(back=back)

    def take(self, heard: Heard, only_slots: tuple[str, ...] = ()) -> None:
        """Take the values that were found, of these kinds of slots or of all."""
        kinds = only_slots or tuple(slot.kind for slot in self.flow.slots.values())
        self.fill({name: value for name, value in heard.found.items() if self.flow.slots[name].kind in kinds})

    def fill(self, found: Mapping[str, str]) -> None:
        """Put values into slots."""
        for name, value in found.items():
            if self.flow.slots[name].kind == "phone":
                self._fill_number(name, value)
                continue
            self.note_change(name)
            self.mind.fill(name, value)

    def note_change(self, name: str) -> None:
        """A slot has another value now: say so if it was settled, and go where the state sends such changes."""
        if name in self.mind.sure and name in self.mind.slots:
            self.say("changed", self.flow.lines.changed)
        if to := self.progress.state.changed.get(name):
            self.progress.go(to)

    def _fill_number(self, name: str, value: str, *, sure: bool = False) -> None:
        slot = self.flow.slots[name]
        digits = self.mind.partial + value
        if len(value) >= slot.min_digits or len(digits) > slot.max_digits:
            digits = value
        if len(digits.lstrip("+")) < slot.min_digits or len(digits) > slot.max_digits + 1:
            self.mind.partial = digits if len(digits) <= slot.max_digits else ""
            return
        self.mind.partial = ""
        self.note_change(name)
        self.mind.fill(name, digits, sure=sure)
