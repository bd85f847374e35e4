"""What the caller asks: answers from the facts, or that there is none."""

from offhook.providers.llm.flow.ear import Heard
from offhook.providers.llm.flow.turn import Turn

__all__ = ["Questions"]

_SURE_ANSWER = 2.0
_SHORT, _FEW = 4, 3


class Questions:
    """Answers questions."""

    def __init__(self, turn: Turn):
        self.turn = turn

    def asked_fact(self, heard: Heard) -> bool:
        sure = heard.answer is not None and heard.answer.score >= _SURE_ANSWER
        return sure and heard.question and self.fact(heard)

    def fact(self, heard: Heard) -> bool:
        if heard.answer is None:
            return False
        short = len(heard.utterance.words) <= _SHORT
        if heard.answer.score < _SURE_ANSWER and not heard.question and not short:
            return False
        self.turn.understood()
        self.turn.take(heard, only_slots=("name",))
        self.turn.progress.reply.say(heard.answer.text)
        self.turn.ask_again(back=True)
        return True

    def unknown(self, heard: Heard) -> bool:
        if not heard.question or len(heard.utterance.words) < _FEW:
            return False
        self.turn.understood()
        if self.turn.mind.question.kind == "menu":
            self.turn.offer(self.turn.progress.speech.line("don't know", self.turn.flow.lines.dont_know))
        else:
            self.turn.say("don't know now", self.turn.flow.lines.dont_know_now)
            self.turn.ask_again(back=True)
        return True
