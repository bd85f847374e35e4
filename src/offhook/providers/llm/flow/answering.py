"""Answers from the facts: by phrase, by keyword, and the opening hours by reckoning."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from offhook.providers.llm.flow.dates import find_date, said_date
from offhook.providers.llm.flow.facts import Fact, Facts
from offhook.providers.llm.flow.patterns import Phrase, Vocabulary
from offhook.providers.llm.flow.tables import pick
from offhook.providers.llm.flow.times import said_time
from offhook.providers.llm.flow.words import Utterance, plain

__all__ = ["Answer", "Answerer", "is_question"]

_ASKING_FIRST = frozenset(
    [
        "what",
        "when",
        "where",
        "who",
        "why",
        "how",
        "which",
        "do",
        "does",
        "did",
        "is",
        "are",
        "can",
        "could",
        "will",
        "would",
        "should",
        "have",
        "has",
        "any",
    ]
)
_ASKING = (
    "tell me",
    "wondering",
    "do you know",
    "question about",
    "what is",
    "what are",
    "how much",
    "do you",
    "are you",
)
_LEADING = {
    "and",
    "so",
    "hi",
    "hello",
    "hey",
    "uh",
    "um",
    "er",
    "ok",
    "well",
    "oh",
    "sorry",
    "yes",
    "yeah",
    "but",
    "also",
    "just",
    "please",
}
_HOURS_WORDS = {"open", "opened", "opening", "close", "closed", "closing", "hours", "closes", "opens", "shut"}
_BOOKING_WORDS = {"any", "anything", "available", "availability", "slot", "slots", "book", "appointment", "come"}
_PLACES = {"door", "window", "valve", "tap", "it"}
_SURE, _FAIR = 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and how sure it is that this was asked: 2 and more is sure, below 1 is no answer."""

    text: str
    score: float


class Answerer:
    """Finds answers in the facts; one object serves all calls."""

    def __init__(self, facts: Facts):
        self.facts = facts
        self._known = [_Known(fact) for fact in facts.facts]
        self._vocabulary = Vocabulary.of(phrase for known in self._known for phrase in known.phrases)

    def answer(self, utterance: Utterance, now: datetime, turn: int = 0) -> Answer | None:
        """The best answer there is, or None."""
        words = self._vocabulary.corrected(word for word in utterance.words if word)
        hours = self._hours(utterance, words, now)
        text, present = " ".join(words), frozenset(words)
        stems = frozenset(_stem(word) for word in words)
        scored = [(known.score(text, present, stems), known) for known in self._known]
        best = max(scored, key=lambda pair: pair[0], default=None)
        if best and best[0] >= _FAIR and (hours is None or best[0] > hours.score):
            return Answer(pick(best[1].fact.answer, turn), best[0])
        return hours

    def _hours(self, utterance: Utterance, words: tuple[str, ...], now: datetime) -> Answer | None:
        said = set(words)
        if not said & _HOURS_WORDS or said & (_BOOKING_WORDS | _PLACES) or not self.facts.hours.known:
            return None
        found = find_date(utterance, now.date())
        if found is None and {"now", "currently", "still"} & said:
            return Answer(self._now(now), _SURE + 2)
        if found is None:
            return Answer(f"We are open {self.facts.hours.said()}.".replace("open closed", "closed"), _SURE)
        return Answer(self._on(found.day, now), _SURE + 2)

    def _now(self, now: datetime) -> str:
        hours, today = self.facts.hours, now.date()
        if hours.is_open(now):
            closes = next(closes for opens, closes in hours.on(today) if opens <= now.time() < closes)
            return f"Yes, we are open now, until {said_time(closes)}."
        later = next((opens for opens, _ in hours.on(today) if opens > now.time()), None)
        if later:
            return f"Not at the moment. We open today at {said_time(later)}."
        return f"We are closed at the moment. {self._next(now)}"

    def _on(self, day: date, now: datetime) -> str:
        hours = self.facts.hours
        text = f"We are {hours.said_on(day, now.date())}."
        if hours.on(day) or not (after := hours.next_open(day)):
            return text
        return f"{text} The next open day is {said_date(after, now.date())}."

    def _next(self, now: datetime) -> str:
        day = self.facts.hours.next_open(now.date() + timedelta(days=1))
        if day is None:
            return ""
        opens, _ = self.facts.hours.limits(day)
        return f"We open {said_date(day, now.date())}, at {said_time(opens)}."


class _Known:
    """A fact with its phrases read and its keywords as stems."""

    def __init__(self, fact: Fact):
        self.fact = fact
        self.phrases = [Phrase(written) for written in fact.ask]
        self._keywords = [tuple(_stem(word) for word in plain(keyword).split()) for keyword in fact.keywords]

    def score(self, text: str, words: frozenset[str], stems: frozenset[str]) -> float:
        """Two and more for a phrase, by its length; one for each keyword."""
        fits = [fit.words for phrase in self.phrases if (fit := phrase.fit(text, words))]
        keywords = sum(1.0 for keyword in self._keywords if stems.issuperset(keyword))
        return (_SURE + max(fits) / 10 if fits else 0.0) + keywords


def is_question(utterance: Utterance) -> bool:
    """Whether the words are put as a question."""
    words = [word for word in utterance.words if word]
    while words and words[0] in _LEADING:
        words.pop(0)
    if words[:1] and words[0] in _ASKING_FIRST:
        return True
    return utterance.raw.rstrip().endswith("?") or any(phrase in utterance.text for phrase in _ASKING)


def _stem(word: str) -> str:
    """A word without its common endings; crude, but the same for both sides."""
    for ending in ("ings", "ing", "ers", "er", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
