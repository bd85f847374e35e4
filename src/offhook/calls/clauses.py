"""Cuts a growing text into clauses that can be spoken, the first as early as sounds natural."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Clause", "ClauseSplitter"]

_TITLES = {"dr", "mr", "mrs", "ms", "prof", "nr", "vs", "approx", "e.g", "i.e", "st", "mt"}
_ABBREVIATIONS = {"ave", "blvd", "rd", "apt", "etc", "dept", "inc", "ltd", "jr", "sr", "ft", "a.m", "p.m", "u.s", "u.k"}
_SENTENCE_END, _PAUSES = ".!?…", ",;:\u2013\u2014"
_CLOSERS = "\"'\u201d\u2019)]"
_FIRST_WORDS, _LATER_WORDS = 3, 6


@dataclass(frozen=True, slots=True)
class Clause:
    """A piece of text ready to be spoken, and where it begins in the whole. Clauses joined are the whole."""

    text: str
    start: int


class ClauseSplitter:
    """Feed it text as it comes; it gives clauses as soon as they are certain, whichever way the text was cut."""

    def __init__(self, *, first_words: int = _FIRST_WORDS, later_words: int = _LATER_WORDS):
        self._first_words = first_words
        self._later_words = later_words
        self._text = ""
        self._start = 0
        self._looked = 0

    def feed(self, delta: str) -> list[Clause]:
        """Add text; returns the clauses that are now complete."""
        self._text += delta
        return list(self._ready())

    def flush(self) -> list[Clause]:
        """The text is over; returns what is left of it."""
        rest, start = self._text, self._start
        self._start += len(rest)
        self._text, self._looked = "", 0
        return [Clause(rest, start)] if rest else []

    def _ready(self) -> Iterator[Clause]:
        while (end := self._next_end()) is not None:
            clause = Clause(self._text[:end], self._start)
            self._text, self._looked = self._text[end:], 0
            self._start += end
            yield clause

    def _next_end(self) -> int | None:
        """Where the first clause ends, past the space after it; None if more text is needed to tell."""
        while self._looked < len(self._text):
            after = self._space_after(self._looked)
            if after is None and self._text[self._looked] in _SENTENCE_END + _PAUSES + "\n":
                return None
            if after and self._breaks(self._looked):
                return after
            self._looked += 1
        return None

    def _space_after(self, at: int) -> int | None:
        """The end of the white space after a mark and its closing quotes. None if it is not there, or may go on."""
        if self._text[at] not in _SENTENCE_END + _PAUSES + "\n":
            return None
        end = at + 1
        while end < len(self._text) and self._text[end] in _CLOSERS + _SENTENCE_END:
            end += 1
        begin = end
        while end < len(self._text) and self._text[end].isspace():
            end += 1
        if end == len(self._text):
            return None
        return end if end > begin or self._text[at] in "\n\u2014" else 0

    def _breaks(self, at: int) -> bool:
        mark, words = self._text[at], len(self._text[:at].split())
        if mark == "\n" or (mark in _SENTENCE_END and not self._abbreviates(at)):
            return words > 0
        return mark in _PAUSES and words >= self._enough()

    def _enough(self) -> int:
        return self._first_words if self._start == 0 else self._later_words

    def _abbreviates(self, at: int) -> bool:
        """Whether this full stop belongs to a word such as "Dr.", a letter such as "J.", or a number."""
        if self._text[at] != ".":
            return False
        word = re.split(r"[\s(\"'“]", self._text[:at])[-1].casefold()
        following = self._text[at + 1 :].lstrip()[:1]
        if word in _TITLES or (len(word) == 1 and word.isalpha() and word != "i"):
            return True
        if word == "no":
            return following.isdecimal()
        return word in _ABBREVIATIONS and not following.isupper()
