"""What an agent owes its caller when whoever talked for it is gone, and how the next one pays it."""

from offhook.calls.conversation import Conversation
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.engines.prompts import ANSWER_NOW, GO_ON, verbatim
from offhook.calls.engines.session_link import SessionLink
from offhook.calls.engines.so_far import SoFar
from offhook.calls.engines.utterances import Utterances

__all__ = ["Debt"]


class Debt:
    """`line` is one that was asked for and not begun. `broken` is whether the agent stopped in the middle of something.

    What the caller said and nobody understood comes first: whoever goes on has to hear it, and answers it by itself."""

    def __init__(self, conversation: Conversation, callers: CallerUtterances):
        self._conversation = conversation
        self._callers = callers
        self.line = ""
        self.broken = False

    @property
    def any(self) -> bool:
        """Whether anything is owed."""
        return self._callers.onset_ms is not None or bool(self.line) or self._words

    @property
    def _words(self) -> bool:
        messages = self._conversation.messages()
        return self.broken or (bool(messages) and messages[-1].role != "agent")

    def paid(self) -> None:
        """The agent speaks again, or is no longer wanted to."""
        self.line = ""
        self.broken = False

    def pass_on(self, link: SessionLink) -> None:
        """Have a new session, whose history is the conversation, do what is owed."""
        if self._callers.onset_ms is not None:
            for frame in self._callers.kept.since(self._callers.onset_ms)[1]:
                link.session.hear(frame)
        elif self.line:
            link.session.say(verbatim(self.line))
        elif self._words:
            link.session.say(GO_ON if self.broken else ANSWER_NOW)
        else:
            return
        link.owe()

    def so_far(self, utterances: Utterances) -> SoFar:
        """The same for another engine."""
        callers = self._callers
        answer = callers.onset_ms is None and self._words
        verdicts = tuple(callers.verdicts)
        return SoFar(self._conversation, utterances, callers.kept, callers.onset_ms, verdicts, answer, self.line)
