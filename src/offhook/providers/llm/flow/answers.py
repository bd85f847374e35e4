"""What the caller answers: a yes or no, and values for slots."""

from offhook.providers.llm.flow.ear import Heard
from offhook.providers.llm.flow.mind import Question
from offhook.providers.llm.flow.turn import Turn

__all__ = ["Answers"]

_REFUSALS = ("rather not", "do not want", "prefer not", "do not have", "no thank", "will not", "not going to")


class Answers:
    """Takes answers."""

    def __init__(self, turn: Turn):
        self.turn = turn

    def reply(self, heard: Heard) -> bool:
        kind = self.turn.mind.question.kind
        if kind == "confirm":
            return self._confirmed(heard)
        if kind == "suggest":
            return self._suggested(heard)
        return kind == "offer" and self._offered(heard)

    def _confirmed(self, heard: Heard) -> bool:
        name = self.turn.mind.question.subject
        if name in heard.found and not heard.polarity:
            return False
        if heard.polarity is None or (heard.polarity and self.turn.heard_nothing):
            return False
        others = {slot: value for slot, value in heard.found.items() if slot != name}
        if heard.polarity:
            self.turn.mind.sure.add(name)
        elif not others:
            self.turn.mind.forget(name)
            self.turn.say(f"wrong {name}", self.turn.flow.slots[name].wrong)
            if self.turn.flow.slots[name].wrong:
                self.turn.mind.open(Question("slot", name), self.turn.progress.reply.lines[-1])
                return self.turn.understood()
        self.turn.understood()
        self.turn.fill(others)
        self.turn.progress.advance()
        return True

    def _suggested(self, heard: Heard) -> bool:
        name = self.turn.mind.question.subject
        if name in heard.found or heard.polarity is None:
            return False
        self.turn.understood()
        if heard.polarity:
            self.turn.mind.fill(name, self.turn.ear.extractor.caller_number, sure=True)
        self.turn.progress.advance()
        return True

    def _offered(self, heard: Heard) -> bool:
        if heard.polarity is None:
            return False
        self.turn.understood()
        to = self.turn.mind.question.subject
        if heard.polarity:
            self.turn.progress.go(to)
        self.turn.progress.advance(back=not heard.polarity)
        return True

    def told(self, heard: Heard) -> bool:
        """Slots were named, asked for or not."""
        if not heard.found:
            return self._denied(heard)
        if self.turn.mind.question.kind in {"menu", "offer"} and self._leaves_menu(heard):
            return False
        if self.turn.mind.question.kind == "menu" and not heard.intent and self._guesses(heard):
            return True
        self.turn.understood()
        self.turn.take(heard)
        self.turn.progress.advance(back=True)
        return True

    def _guesses(self, heard: Heard) -> bool:
        """What was told without saying what for: go to the one state of the menu that wants it, if there is one."""
        wants = {
            to: len(heard.found.keys() & set(self.turn.flow.states[to].collect))
            for to in self.turn.progress.state.on.values()
        }
        best = max(wants.values(), default=0)
        states = [to for to, count in wants.items() if count == best > 0]
        if len(states) != 1:
            return False
        self.turn.understood()
        self.turn.take(heard)
        self.turn.progress.go(states[0])
        self.turn.progress.advance()
        return True

    def _leaves_menu(self, heard: Heard) -> bool:
        """In a menu an intent comes first, and takes the slots with it."""
        changed = heard.found.keys() & self.turn.progress.state.changed.keys() & self.turn.mind.slots.keys()
        if heard.intent:
            return not changed
        texts = [slot for slot in heard.found if self.turn.flow.slots[slot].kind != "text"]
        return not texts and not changed

    def _denied(self, heard: Heard) -> bool:
        """ "No" right after something was read back in passing, or to the question itself."""
        if self.turn.mind.question.kind != "slot" or heard.polarity is not False:
            return False
        if self.turn.implied:
            self.turn.mind.forget(self.turn.implied)
            self.turn.mind.partial = ""
            self.turn.progress.ask(self.turn.implied)
            return self.turn.understood()
        return self._refused(heard, self.turn.mind.question.subject)

    def _refused(self, heard: Heard, name: str) -> bool:
        refused = any(words in heard.utterance.text for words in _REFUSALS)
        if not refused or self.turn.flow.slots[name].give_up != "skip":
            return False
        self.turn.mind.skipped.add(name)
        self.turn.progress.advance()
        return self.turn.understood()
