"""One of several things that a caller may mean, each with the phrases for it."""

from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.patterns import Phrase, Vocabulary
from offhook.providers.llm.flow.words import Utterance

__all__ = ["Choices"]


class Choices:
    """The phrases of a flow's slots of kind choice, read once for all calls."""

    def __init__(self, flow: Flow):
        self._phrases = {
            name: {value: [Phrase(text) for text in (value, *phrases)] for value, phrases in slot.choices.items()}
            for name, slot in flow.slots.items()
            if slot.kind == "choice"
        }
        every = (each for values in self._phrases.values() for phrases in values.values() for each in phrases)
        self._vocabulary = Vocabulary.of(every)

    def find(self, slot: str, utterance: Utterance) -> str | None:
        """The value whose phrase takes the most words; the earlier one of equals."""
        words = self._vocabulary.corrected(word for word in utterance.words if word)
        text, present = " ".join(words), frozenset(words)
        best, most = None, 0
        for value, phrases in self._phrases[slot].items():
            top = max((fit.words for phrase in phrases if (fit := phrase.fit(text, present))), default=0)
            if top > most:
                best, most = value, top
        return best
