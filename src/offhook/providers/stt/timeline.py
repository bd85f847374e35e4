"""Words by the time they were said, each of them given to one utterance only."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum

from offhook.providers.stt.base import Transcript

__all__ = ["Segment", "TimedWord", "Timeline"]

_LEAD_MS = 600
_TAIL_MS = 400
_SLACK_MS = 150
_LONG_AGO_MS = 1_500
_KEPT = 500


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word as it is written, with ms of stream time. `confidence` is 0 to 1; `language` is empty if that is not
    known."""

    text: str
    start_ms: float
    end_ms: float
    confidence: float
    language: str = ""

    @property
    def middle_ms(self) -> float:
        """Where in the stream it counts as said."""
        return (self.start_ms + self.end_ms) / 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Words that were written together. `text` has them as the provider spaces and punctuates them."""

    text: str
    words: tuple[TimedWord, ...]


class Timeline:
    """What one caller said.

    The detector of voices and the recogniser do not agree to the millisecond on where speech begins and ends, so an
    utterance takes words from `_LEAD_MS` before its onset to `_TAIL_MS` after its end. What one utterance was given
    the next one does not get, whatever lies in its reach.
    """

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque(maxlen=_KEPT)
        self._pending: list[Segment] = []
        self._onset_ms: int | None = None
        self._given_ms = 0.0
        self._floor_ms = 0.0
        self._over_ms = 0.0

    def add(self, segment: Segment) -> None:
        """Add words that are final; they come in the order of time."""
        if segment.words:
            self._segments.append(segment)
            self._pending.append(segment)

    def between(self, onset_ms: int, end_ms: int, tentative: Segment | None = None) -> Transcript:
        """The utterance that began at `onset_ms`, as far as `end_ms`, with the words that are not final yet.

        Asked again for the same onset it gives the whole again."""
        if onset_ms != self._onset_ms:
            self._begin(onset_ms)
        first_ms, last_ms = max(self._floor_ms, onset_ms - _LEAD_MS), end_ms + _TAIL_MS
        found = [(part, _within(part, first_ms, last_ms)) for part in _with(self._segments, tentative)]
        words = [word for _, chosen in found for word in chosen]
        if words:
            self._given_ms = max(self._given_ms, words[-1].end_ms)
        return _transcript(found)

    def pending(self, tentative: Segment | None = None) -> Transcript:
        """The words since `end_turn`, without those that an earlier utterance was given."""
        parts = list(_with(self._pending, tentative))
        first_ms = self._since_ms(parts)
        return _transcript([(part, _within(part, first_ms, float("inf"))) for part in parts])

    def end_turn(self) -> str:
        """The pending words, which are no longer pending: the provider takes the turn for over."""
        text = self.pending().text
        if self._pending:
            self._over_ms = self._pending[-1].words[-1].end_ms
        self._pending.clear()
        return text

    def _begin(self, onset_ms: int) -> None:
        self._onset_ms = onset_ms
        self._floor_ms = self._given_ms
        # A voice that is detected late may begin after its word: only clearly later is it another utterance.
        if onset_ms >= self._over_ms + _SLACK_MS:
            self._floor_ms = max(self._floor_ms, self._over_ms)

    def _since_ms(self, parts: list[Segment]) -> float:
        later = (word.start_ms for part in parts for word in part.words if word.start_ms >= self._given_ms)
        resumed = next(later, self._given_ms) - self._given_ms
        return self._given_ms if self._given_ms and resumed >= _LONG_AGO_MS else self._floor_ms


def _with(segments: Iterable[Segment], tentative: Segment | None) -> Iterator[Segment]:
    yield from segments
    if tentative:
        yield tentative


def _within(segment: Segment, first_ms: float, last_ms: float) -> tuple[TimedWord, ...]:
    return tuple(word for word in segment.words if first_ms < word.middle_ms <= last_ms)


def _transcript(found: Sequence[tuple[Segment, tuple[TimedWord, ...]]]) -> Transcript:
    words = [word for _, chosen in found for word in chosen]
    if not words:
        return Transcript("", 0.0)
    text = " ".join(_text(part, chosen) for part, chosen in found if chosen)
    languages = Counter(word.language for word in words if word.language)
    shares = {language: count / len(words) for language, count in languages.items()}
    return Transcript(text, fsum(word.confidence for word in words) / len(words), shares)


def _text(segment: Segment, words: tuple[TimedWord, ...]) -> str:
    return segment.text if words == segment.words else " ".join(word.text for word in words)
