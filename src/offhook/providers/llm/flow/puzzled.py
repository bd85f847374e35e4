"""What to say when nothing was understood: more help each time, and an end to it."""

from offhook.providers.llm.flow.turn import Turn

__all__ = ["Puzzled"]

_UNHEARD = 2
_CONFIRMS = 3


class Puzzled:
    """Gets out of misunderstandings."""

    def __init__(self, turn: Turn):
        self.turn = turn

    def not_understood(self) -> None:
        mind = self.turn.mind
        mind.lost += 1
        mind.tries += 1
        if mind.lost >= self.turn.flow.patience:
            self.turn.progress.go(self.turn.flow.lost)
            self.turn.progress.advance()
        elif self.turn.unheard and mind.tries <= _UNHEARD:
            self.turn.progress.reply.say(mind.asked)
        else:
            {"confirm": self._confirm_again, "menu": self._menu_again, "slot": self._slot_again}.get(
                mind.question.kind, self._yes_or_no
            )()

    def _confirm_again(self) -> None:
        name = self.turn.mind.question.subject
        if self.turn.mind.tries >= _CONFIRMS:
            self.turn.mind.sure.add(name)
            self.turn.progress.advance()
            return
        self.turn.say("yes or no", self.turn.flow.lines.yes_or_no)
        self.turn.progress.reply.say(self.turn.progress.read_back(name, self.turn.flow.slots[name]))

    def _yes_or_no(self) -> None:
        if self.turn.mind.tries < _CONFIRMS:
            self.turn.say("yes or no", self.turn.flow.lines.yes_or_no)
            self.turn.progress.reply.say(self.turn.mind.asked.rpartition(". ")[2])
            return
        self.turn.progress.advance(back=True)

    def _menu_again(self) -> None:
        state = self.turn.progress.state
        if self.turn.mind.tries < state.tries:
            self.turn.progress.reply.say(self.turn.progress.speech.step(state.again, self.turn.mind.tries))
            return
        self.turn.offer(self.turn.progress.speech.line("give up", self.turn.flow.lines.give_up))

    def _slot_again(self) -> None:
        name = self.turn.mind.question.subject
        slot = self.turn.flow.slots[name]
        if self.turn.mind.tries < slot.tries:
            self.turn.progress.reply.say(self.turn.progress.speech.step(slot.again, self.turn.mind.tries))
            return
        if slot.give_up == "skip":
            self.turn.mind.skipped.add(name)
        else:
            self.turn.progress.go(slot.give_up)
        self.turn.mind.tries = 0
        self.turn.progress.advance()
