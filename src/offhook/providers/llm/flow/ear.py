"""Understands one utterance: what the caller wants, asks, affirms and tells."""

from dataclasses import dataclass, field
from datetime import datetime

from offhook.providers.llm.flow.answering import Answer, Answerer, is_question
from offhook.providers.llm.flow.extract import Extractor
from offhook.providers.llm.flow.mind import Mind
from offhook.providers.llm.flow.model import Flow
from offhook.providers.llm.flow.patterns import Phrase, Vocabulary
from offhook.providers.llm.flow.words import Utterance, hear
from offhook.providers.llm.flow.yesno import polarity

__all__ = ["Ear", "Heard", "Intents"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What an utterance was understood to say. `share` is how much of it the intent's phrase took."""

    utterance: Utterance
    polarity: bool | None = None
    intent: str = ""
    share: float = 0.0
    question: bool = False
    answer: Answer | None = None
    found: dict[str, str] = field(default_factory=dict)


class Intents:
    """The phrases of a flow's intents, read once for all calls."""

    def __init__(self, flow: Flow):
        self._phrases = {name: [Phrase(text) for text in intent.phrases] for name, intent in flow.intents.items()}
        self._vocabulary = Vocabulary.of(phrase for phrases in self._phrases.values() for phrase in phrases)

    def best(self, utterance: Utterance, allowed: list[str]) -> tuple[str, float]:
        """The allowed intent whose phrase takes the most words; the earlier one of equals."""
        words = self._vocabulary.corrected(word for word in utterance.words if word)
        text, present = " ".join(words), frozenset(words)
        best, most, share = "", 0, 0.0
        for name in allowed:
            fits = [fit for phrase in self._phrases[name] if (fit := phrase.fit(text, present))]
            top = max(fits, key=lambda fit: fit.words, default=None)
            if top and top.words > most:
                best, most, share = name, top.words, top.share
        return best, share


class Ear:
    """Listens to one call."""

    def __init__(self, flow: Flow, intents: Intents, answerer: Answerer, extractor: Extractor):
        self.flow = flow
        self.intents = intents
        self.answerer = answerer
        self.extractor = extractor

    def listen(self, text: str, mind: Mind, now: datetime) -> Heard:
        """Understand `text` where the conversation stands."""
        utterance = hear(text, self.flow.heard)
        if not utterance.tokens:
            return Heard(utterance)
        on = self.flow.states[mind.state].on
        anywhere = [name for name, intent in self.flow.intents.items() if intent.anywhere]
        intent, share = self.intents.best(utterance, [name for name in on if name in self.flow.intents] + anywhere)
        return Heard(
            utterance,
            polarity(utterance),
            intent,
            share,
            is_question(utterance),
            self.answerer.answer(utterance, now, mind.turns),
            self.extractor.find(utterance, mind, now),
        )
