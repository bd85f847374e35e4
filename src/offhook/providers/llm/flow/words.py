"""What a caller said, as plain words that know where in the text they stood."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

__all__ = ["Token", "Utterance", "hear", "plain"]

_TOKEN = re.compile(
    r"""
    \d{4}-\d{1,2}-\d{1,2}                  # 2026-03-03
  | \d{1,2}/\d{1,2}(?:/\d{2,4})?           # 3/3/2026
  | (?<![\d.:])\d{1,2}[:.]\d{2}(?![\d.:])  # 9:30
  | \d+(?:st|nd|rd|th)\b
  | \+(?=\d)
  | \d+
  | (?<![\w.])[ap]\.\s?m\b\.?              # a.m.
  | [^\W\d_]+(?:['\u2019][^\W\d_]+)*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TAILS = {"'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would"}
_IS = {"it", "that", "what", "who", "where", "when", "how", "here", "there", "name", "he", "she", "everything"}
_WHOLE = {
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "let's": ("let", "us"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "+": ("plus",),
    "okay": ("ok",),
}


@dataclass(frozen=True, slots=True)
class Token:
    """One plain word and the part of the text it came from."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Utterance:
    """What the caller said: the text as transcribed, and its plain words. A used-up word is an empty one."""

    raw: str
    tokens: tuple[Token, ...]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The plain words."""
        return tuple(token.word for token in self.tokens)

    @cached_property
    def text(self) -> str:
        """The plain words, one space between them."""
        return " ".join(self.words)

    def part(self, first: int, last: int) -> str:
        """The transcribed text of the words from `first` up to but not including `last`."""
        if first >= last:
            return ""
        return self.raw[self.tokens[first].start : self.tokens[last - 1].end]

    def between(self, first: int) -> str:
        """What stands in the text between word `first` and the next one."""
        return self.raw[self.tokens[first].end : self.tokens[first + 1].start]

    def without(self, first: int, last: int) -> "Utterance":
        """The same with the words from `first` up to `last` used up."""
        used = tuple(
            replace(token, word="") if first <= place < last else token for place, token in enumerate(self.tokens)
        )
        return Utterance(self.raw, used)

    def tail(self, first: int) -> "Utterance":
        """The words from `first` on."""
        return Utterance(self.raw, self.tokens[first:])


def hear(text: str, sounds_like: Mapping[str, str] | None = None) -> Utterance:
    """Split `text` into plain words and replace what is often misheard by what was meant."""
    tokens = [Token(word, match.start(), match.end()) for match in _TOKEN.finditer(text) for word in _fold(match[0])]
    return Utterance(text, tuple(_replaced(tokens, sounds_like or {})))


def plain(text: str) -> str:
    """The plain words of `text`, one space between them."""
    return hear(text).text


def _fold(written: str) -> Sequence[str]:
    word = written.casefold().replace("\u2019", "'")
    if word in _WHOLE:
        return _WHOLE[word]
    if word[0].isdecimal():
        return (re.sub(r"(?<=\d)\.(?=\d)", ":", word),)
    if "." in word:
        return (word.replace(".", "").replace(" ", ""),)
    return _without_contraction(word) if "'" in word else (word,)


def _without_contraction(word: str) -> Sequence[str]:
    if word.endswith("n't"):
        return (word[:-3], "not")
    stem, _, tail = word.rpartition("'")
    if "'" + tail in _TAILS:
        return (stem, _TAILS["'" + tail])
    if tail == "s" and stem in _IS:
        return (stem, "is")
    return (stem,) if tail == "s" else (word.replace("'", ""),)


def _replaced(tokens: list[Token], sounds_like: Mapping[str, str]) -> list[Token]:
    for heard, meant in sounds_like.items():
        sound, words = heard.split(), meant.split()
        place = 0
        while place + len(sound) <= len(tokens):
            if [token.word for token in tokens[place : place + len(sound)]] == sound:
                start, end = tokens[place].start, tokens[place + len(sound) - 1].end
                tokens[place : place + len(sound)] = [Token(word, start, end) for word in words]
                place += len(words) - 1
            place += 1
    return tokens
