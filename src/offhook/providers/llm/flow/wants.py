"""What the caller wants: the intents."""

from collections.abc import Sequence

from offhook.providers.llm.flow.ear import Heard
from offhook.providers.llm.flow.names import spelled
from offhook.providers.llm.flow.phones import grouped
from offhook.providers.llm.flow.turn import Turn

__all__ = ["Wants"]

_STRONG, _FAIR, _SLIGHT = 0.6, 0.3, 0.1


class Wants:
    """Acts on intents."""

    def __init__(self, turn: Turn):
        self.turn = turn

    def strong_intent(self, heard: Heard) -> bool:
        return heard.share >= _STRONG and self._is_anywhere(heard) and self._do(heard)

    def _is_anywhere(self, heard: Heard) -> bool:
        return bool(heard.intent) and self.turn.flow.intents[heard.intent].anywhere

    def intent(self, heard: Heard) -> bool:
        on = self.turn.progress.state.on
        least = _SLIGHT if self.turn.mind.question.kind == "menu" else _FAIR
        if heard.intent in on or (self._is_anywhere(heard) and heard.share >= least):
            return self._do(heard)
        polarity = {True: "yes", False: "no", None: ""}[heard.polarity]
        if polarity in on and self.turn.mind.question.kind == "menu":
            self.turn.understood()
            self.turn.progress.go(on[polarity])
            self.turn.progress.advance()
            return True
        return False

    def _do(self, heard: Heard) -> bool:
        intent = self.turn.flow.intents[heard.intent]
        self.turn.understood()
        to = self.turn.progress.state.on.get(heard.intent, intent.to)
        if intent.does:
            self._does(intent.does, heard)
        self.turn.say(f"intent {heard.intent}", intent.say)
        self.turn.mind.forget(*intent.forget)
        self._fill_whole(intent.fills, heard)
        if to:
            self.turn.take(heard)
            self.turn.progress.go(to)
        if not intent.does:
            self.turn.progress.advance(back=not to and self.turn.mind.turns > 1)
        return True

    def _fill_whole(self, slot: str, heard: Heard) -> None:
        """Some intents are a matter in themselves: all that was said is what the call is about."""
        if slot and slot not in self.turn.mind.slots:
            self.turn.mind.fill(slot, heard.utterance.raw.strip(" .,;!?"))
            heard.found.pop(slot, None)

    def _does(self, what: str, heard: Heard) -> None:
        lines, reply = self.turn.flow.lines, self.turn.progress.reply
        if what == "repeat":
            self.turn.say("repeat", lines.repeat)
            reply.say(self.turn.mind.said)
            reply.repeats = True
        elif what == "hold":
            reply.repeats = True
            self.turn.say("hold", lines.hold)
        elif what == "help":
            self.turn.say("help", lines.help)
            self.turn.ask_again()
        else:
            self._spell(heard.utterance.words)

    def _spell(self, words: Sequence[str]) -> None:
        name = self._spellable(words)
        lines = self.turn.flow.lines
        if not name:
            self.turn.say("nothing to spell", lines.nothing_to_spell)
        else:
            value = self.turn.mind.slots[name]
            what = grouped(value) if self.turn.flow.slots[name].kind == "phone" else spelled(value)
            self.turn.say("spell", lines.spell, what=what)
        self.turn.ask_again()

    def _spellable(self, words: Sequence[str]) -> str:
        """The slot that the caller names, else the one in question if it can be spelled, else the newest that can."""
        able = [name for name in self.turn.mind.slots if self.turn.flow.slots[name].kind in {"name", "phone"}]
        if named := next((name for name in able if name in words), ""):
            return named
        subject = self.turn.mind.question.subject
        names = [name for name in able if self.turn.flow.slots[name].kind == "name"]
        return subject if subject in able else next(reversed(names or able), "")
