"""Text cut into the pieces that a synthesiser is given one at a time, each with its place in the text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

__all__ = ["Clause", "Word", "clauses"]

_WORD = re.compile(r"\S{1,60}")
_SENTENCE_END = re.compile(r"[.!?…][\"'”\u2019)\]]*$")
_CLAUSE_END = re.compile(r"[,;:—\u2013][\"'”\u2019)\]]*$")
_ABBREVIATION = re.compile(r"(?:[A-Z]|Mrs?|Ms|Dr|Prof|St|Sr|Jr|Lt|Col|Gen|No|vs|approx)\.$")
_WHOLE = 80
_FIRST = 20
_LATER = 60
_HARD = 180
_SCRAP = 12
_PAUSES_MS = {
    ",": 140.0,
    ";": 200.0,
    ":": 200.0,
    "—": 180.0,
    "\u2013": 180.0,
    ".": 250.0,
    "!": 250.0,
    "?": 250.0,
    "…": 250.0,
}


@dataclass(frozen=True, slots=True)
class Word:
    """A whitespace-separated word, or 60 characters of one beyond all measure, at characters `[start, end)`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clause:
    """Words spoken in one breath."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The words, with single spaces."""
        return " ".join(word.text for word in self.words)

    @property
    def pause_ms(self) -> float:
        """The silence that its punctuation asks for, where another clause follows."""
        return _PAUSES_MS.get(self.text.rstrip("\"'”\u2019)]")[-1:], 60.0)


def clauses(text: str) -> list[Clause]:
    """Cut `text` at the ends of sentences, and sentences over 80 characters at their commas, the first one early."""
    return [Clause(tuple(words)) for sentence in _sentences(text) for words in _cut(sentence)]


def _sentences(text: str) -> Iterator[list[Word]]:
    words = [Word(match[0], *match.span()) for match in _WORD.finditer(text)]
    sentence: list[Word] = []
    for word, following in zip_longest(words, words[1:]):
        sentence.append(word)
        if following is None or _ends_sentence(word, following, text):
            yield sentence
            sentence = []


def _ends_sentence(word: Word, following: Word, text: str) -> bool:
    if "\n" in text[word.end : following.start]:
        return True
    ends = _SENTENCE_END.search(word.text) and not _ABBREVIATION.search(word.text)
    return bool(ends) and following.start > word.end and not following.text[0].islower()


def _cut(sentence: Sequence[Word]) -> list[list[Word]]:
    if sentence[-1].end - sentence[0].start <= _WHOLE:
        return [list(sentence)]
    pieces: list[list[Word]] = [[]]
    for word in sentence:
        size = _size(pieces[-1])
        if size and _ends_piece(pieces[-1][-1], size, _FIRST if len(pieces) == 1 else _LATER):
            pieces.append([])
        pieces[-1].append(word)
    if len(pieces) > 1 and _size(pieces[-1]) < _SCRAP:
        pieces[-2:] = [pieces[-2] + pieces[-1]]
    return pieces


def _ends_piece(word: Word, size: int, least: int) -> bool:
    return size >= _HARD or (size >= least and _CLAUSE_END.search(word.text) is not None)


def _size(words: Sequence[Word]) -> int:
    return words[-1].end - words[0].start if words else 0
