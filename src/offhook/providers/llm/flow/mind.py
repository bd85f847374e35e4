"""What one call's conversation remembers from turn to turn."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Mind", "Question"]


@dataclass(frozen=True, slots=True)
class Question:
    """The question that is open.

    `menu`: what the caller wants. `slot`: the slot `subject`. `confirm`: whether `subject` was heard rightly.
    `suggest`: whether `subject` is the number the caller calls from. `offer`: whether to go to the state `subject`."""

    kind: Literal["menu", "slot", "confirm", "suggest", "offer"]
    subject: str = ""


@dataclass(slots=True)
class Mind:
    """Everything a turn may change. A turn that is taken back is undone by putting the copy from before it back."""

    state: str
    question: Question = Question("menu")
    asked: str = ""
    said: str = ""
    entered: bool = True
    slots: dict[str, str] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    suggested: set[str] = field(default_factory=set)
    partial: str = ""
    implied: str = ""
    tries: int = 0
    lost: int = 0
    turns: int = 0
    uses: dict[str, int] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    pending: str = ""
    ended: bool = False

    def copy(self) -> "Mind":
        """One that shares nothing with this."""
        return deepcopy(self)

    def open(self, question: Question, asked: str) -> None:
        """Make this the open question; the count of failed answers starts anew if it is another one."""
        if question != self.question:
            self.tries = 0
        self.question, self.asked = question, asked

    def fill(self, slot: str, value: str, *, sure: bool = False) -> None:
        """Take `value` for a slot."""
        self.slots[slot] = value
        self.skipped.discard(slot)
        (self.sure.add if sure else self.sure.discard)(slot)

    def forget(self, *slots: str) -> None:
        """Empty these slots."""
        for slot in slots:
            self.slots.pop(slot, None)
            self.sure.discard(slot)
            self.skipped.discard(slot)
