"""Decides how one utterance, key press or tool result is answered."""

from collections.abc import Mapping
from typing import Any

from offhook.providers.llm.flow.answers import Answers
from offhook.providers.llm.flow.ear import Heard
from offhook.providers.llm.flow.keys import Keys
from offhook.providers.llm.flow.puzzled import Puzzled
from offhook.providers.llm.flow.questions import Questions
from offhook.providers.llm.flow.turn import Turn
from offhook.providers.llm.flow.wants import Wants
from offhook.providers.llm.flow.words import hear

__all__ = ["Dialogue"]


class Dialogue:
    """Answers one message. The order of its steps is the order in which an utterance is read."""

    def __init__(self, turn: Turn):
        self.turn = turn
        self.wants, self.questions = Wants(turn), Questions(turn)
        self.answers, self.puzzled = Answers(turn), Puzzled(turn)

    def said(self, text: str) -> None:
        """The caller said `text`."""
        self.turn.begin()
        if self._over():
            return
        heard = self.turn.ear.listen(text, self.turn.mind, self.turn.now)
        if not heard.utterance.tokens or not self._understands(heard):
            self.puzzled.not_understood()

    def keyed(self, keys: str) -> None:
        """The caller pressed keys."""
        self.turn.begin()
        if self._over():
            return
        digits = keys.rsplit("*", maxsplit=1)[-1].rstrip("#")
        if digits in {"1", "2"} and self.answers.reply(Heard(hear(""), polarity=digits == "1")):
            return
        if not Keys(self.turn).keyed_number(digits, restart="*" in keys, finished=keys.endswith("#")):
            self.puzzled.not_understood()

    def result(self, result: Mapping[str, Any]) -> None:
        """The tool that was called has this result."""
        if not self.turn.mind.ended:
            self.turn.progress.result(result)

    def _understands(self, heard: Heard) -> bool:
        steps = (
            self.wants.strong_intent,
            self.questions.asked_fact,
            self.answers.reply,
            self.answers.told,
            self.wants.intent,
            self.questions.fact,
            self.questions.unknown,
        )
        return any(step(heard) for step in steps)

    def _over(self) -> bool:
        """The caller speaks after the goodbye: say it again."""
        if self.turn.mind.ended:
            self.turn.progress.reply.say(self.turn.mind.said)
            self.turn.progress.advance()
        return self.turn.mind.ended
