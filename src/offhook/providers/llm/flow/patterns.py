"""Phrases as a user writes them, and how well they fit what was said.

(leave|take) [me] a message     one of, optional
book* ... plumber               a word that begins so; up to five words in between
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from offhook.providers.llm.flow.words import plain

__all__ = ["Fit", "Phrase", "Vocabulary"]

_PARTS = re.compile(r"\.\.\.|[\[\]()|]|[^\s\[\]()|]+")
_CLOSING = {"[": "]", "(": ")"}
_LONG_WORD = 6
_LIKENESS = 0.83


@dataclass(frozen=True, slots=True)
class Fit:
    """How a phrase fits: how many of its words are in the text, and what share of the whole they are."""

    words: int
    share: float


class Phrase:
    """One written phrase. Raises ValueError if its brackets do not close."""

    def __init__(self, written: str):
        self.written = written
        self.vocabulary: set[str] = set()
        self._needs: set[str] = set()
        parts = _PARTS.findall(written.replace(". . .", "..."))
        regex, rest = self._sequence(parts, "")
        if rest or not self.vocabulary:
            raise ValueError(f'phrase "{written}" has no words, or a bracket too many')
        self._regex = re.compile(regex + r"(?= |$)")

    def fit(self, text: str, words: frozenset[str]) -> Fit | None:
        """How the phrase fits `text`, which is made of `words`. None if it does not."""
        if not self._needs <= words:
            return None
        match = self._regex.search(f" {text}")
        if match is None:
            return None
        taken = match[0].count(" ") - sum((gap or "").count(" ") for gap in match.groups())
        return Fit(taken, taken / (text.count(" ") + 1))

    def _sequence(self, parts: list[str], closing: str) -> tuple[str, list[str]]:
        choices, regex = [], ""
        while parts and parts[0] != closing:
            part, *parts = parts
            if part in _CLOSING:
                inner, parts = self._sequence(parts, _CLOSING[part])
                regex += f"(?:{inner})" + ("?" if part == "[" else "")
            elif part == "|" and closing:
                choices.append(regex)
                regex = ""
            elif part in {"]", ")", "|"}:
                raise ValueError(f'phrase "{self.written}" has a stray "{part}"')
            else:
                regex += self._word(part, needed=not closing)
        if closing and not parts:
            raise ValueError(f'phrase "{self.written}" lacks a "{closing}"')
        return "|".join([*choices, regex]), parts[1:]

    def _word(self, part: str, *, needed: bool) -> str:
        if part == "...":
            return r"((?: \S+){0,5}?)"
        words = plain(part.rstrip("*")).split()
        if not words:
            raise ValueError(f'phrase "{self.written}": "{part}" is not a word')
        self.vocabulary.update(words)
        if part.endswith("*"):
            return "".join(f" {re.escape(word)}" for word in words) + r"\S*"
        if needed:
            self._needs.update(words)
        return "".join(f" {re.escape(word)}" for word in words)


@dataclass(slots=True)
class Vocabulary:
    """All the words of a flow, to which a misheard longer word is corrected."""

    words: frozenset[str]
    _known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, phrases: Iterable[Phrase]) -> "Vocabulary":
        """The words of these phrases."""
        return cls(frozenset(word for phrase in phrases for word in phrase.vocabulary))

    def corrected(self, words: Iterable[str]) -> tuple[str, ...]:
        """The same words, the misheard ones replaced."""
        return tuple(self._corrected(word) for word in words)

    def _corrected(self, word: str) -> str:
        if len(word) < _LONG_WORD or word in self.words or not word.isalpha():
            return word
        if word not in self._known:
            if len(self._known) > 2_000:
                self._known.clear()
            near = [
                known
                for known in self.words
                if known[0] == word[0] and len(known) >= _LONG_WORD and abs(len(known) - len(word)) <= 2
            ]
            self._known[word] = next(iter(get_close_matches(word, sorted(near), n=1, cutoff=_LIKENESS)), word)
        return self._known[word]
