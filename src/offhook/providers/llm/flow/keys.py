"""What the caller keys in."""

from offhook.providers.llm.flow.mind import Question
from offhook.providers.llm.flow.turn import Turn

__all__ = ["Keys"]


class Keys:
    """Takes keys."""

    def __init__(self, turn: Turn):
        self.turn = turn

    def keyed_number(self, digits: str, *, restart: bool, finished: bool) -> bool:
        name = self._keyed_slot(digits)
        if not name or not (digits or finished) or not all(key.isdecimal() for key in digits):
            return False
        if restart:
            self.turn.mind.partial = ""
        slot = self.turn.flow.slots[name]
        if slot.kind == "number":
            self.turn.mind.fill(name, digits, sure=True)
        elif self._number_pending(slot.usual_digits, digits, finished=finished):
            self.turn.mind.partial += digits
            self.turn.progress.open(Question("slot", name), self.turn.progress.so_far(name))
            return self.turn.understood()
        elif not self._number_done(name, digits):
            return False
        self.turn.understood()
        self.turn.progress.advance()
        return True

    def _keyed_slot(self, digits: str) -> str:
        """The slot the keys are for: the one asked for, or another number of the state if it is all there."""
        asked = self.turn.mind.question.subject
        if self._takes_keys(asked):
            return asked
        others = (name for name in self.turn.progress.state.collect if self._takes_keys(name))
        return next((name for name in others if len(digits) >= self.turn.flow.slots[name].min_digits), "")

    def _takes_keys(self, name: str) -> bool:
        return name in self.turn.flow.slots and self.turn.flow.slots[name].kind in {"phone", "number"}

    def _number_pending(self, usual: int, digits: str, *, finished: bool) -> bool:
        return not finished and len(self.turn.mind.partial + digits) < usual

    def _number_done(self, name: str, digits: str) -> bool:
        """Take the keyed number. Keys are not misheard: it is read back, but needs no yes."""
        slot, number = self.turn.flow.slots[name], self.turn.mind.partial + digits
        self.turn.mind.partial = ""
        if not slot.min_digits <= len(number) <= slot.max_digits:
            return False
        self.turn.note_change(name)
        self.turn.mind.fill(name, number, sure=True)
        return True
