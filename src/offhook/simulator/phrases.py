"""Whether what was heard holds what was expected, forgiving what a speech recogniser writes differently.

A phrase is words (`"how can I help"`), alternatives (`"hello | good day"`), or a regular expression between slashes
(`"/\\b\\d+ dollars/"`), which is tried on the normalised text.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

__all__ = ["contains", "normalise", "phrase_problem"]

LIKENESS = 0.82
"""Above it are 'Mabel Street' and 'Maple Street', below it 'your number' and 'your name'."""
_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_ROUND = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = {word: number for number, word in enumerate(_SMALL)}
_TENS = {word: 10 * number for number, word in enumerate(_ROUND, 2)}
_ORDINALS = {"first": "1st", "second": "2nd", "third": "3rd", "fifth": "5th", "eighth": "8th", "ninth": "9th"}
_REWRITES = (
    (re.compile(r"[$]\s?(\d+)"), r"\1 dollars"),
    (re.compile(r"£\s?(\d+)"), r"\1 pounds"),
    (re.compile(r"€\s?(\d+)"), r"\1 euros"),
    (re.compile(r"%"), " percent"),
    (re.compile(r"\b([ap])\.\s?m\b\.?"), r"\1m"),
    (re.compile(r"(\d)([ap]m)\b"), r"\1 \2"),
    (re.compile(r"(\d),(\d{3})\b"), r"\1\2"),
    (re.compile(r":00\b"), ""),
    (re.compile(r"['’]"), ""),  # noqa: RUF001 - recognisers write both
)
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)|\d+|[^\W\d_]+")


def normalise(text: str) -> str:
    """Lower case, no punctuation, numbers as digits, digits that follow each other as one word.

    >>> normalise("It's $85, call 555-0142 at eight thirty a.m.")
    'its 85 dollars call 5550142 at 830 am'
    """
    text = text.lower()
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    tokens = (_ORDINALS.get(token, token) for token in _TOKEN.findall(text))
    return " ".join(_joined_digits(_digits_for_words(list(tokens))))


def contains(said: str, phrase: str) -> bool:
    """Whether `said` holds `phrase`; a word misheard by a letter or two still counts, a wrong digit does not."""
    heard = normalise(said)
    if (pattern := _pattern(phrase)) is not None:
        return re.search(pattern, heard, re.IGNORECASE) is not None
    return any(_holds(heard, normalise(choice)) for choice in phrase.split("|"))


def phrase_problem(phrase: str) -> str:
    """What is wrong with a phrase as an author wrote it; empty when nothing is."""
    if (pattern := _pattern(phrase)) is None:
        return "" if all(normalise(choice) for choice in phrase.split("|")) else "has no words to listen for"
    try:
        re.compile(pattern)
    except re.error as error:
        return f"is not a regular expression: {error}"
    return ""


def _pattern(phrase: str) -> str | None:
    return phrase[1:-1] if len(phrase) > 2 and phrase[0] == phrase[-1] == "/" else None


def _holds(heard: str, wanted: str) -> bool:
    if f" {wanted} " in f" {heard} ":
        return True
    words = wanted.split()
    return any(_alike(window, words) for window in _windows(heard.split(), len(words)))


def _windows(words: list[str], size: int) -> Iterator[list[str]]:
    for length in {max(1, size - 1), size, size + 1}:
        for start in range(max(1, len(words) - length + 1)):
            yield words[start : start + length]


def _alike(window: list[str], words: list[str]) -> bool:
    if any(word[0].isdigit() and not any(word in other for other in window) for word in words):
        return False
    return SequenceMatcher(None, " ".join(window), " ".join(words), autojunk=False).ratio() >= LIKENESS


def _digits_for_words(tokens: list[str]) -> Iterator[str]:
    position = 0
    while position < len(tokens):
        token, following = tokens[position], tokens[position + 1 : position + 2]
        position += 1
        if token in _TENS and following and 0 < _UNITS.get(following[0], 0) < 10:
            yield str(_TENS[token] + _UNITS[following[0]])
            position += 1
        elif token in ("oh", "o") and following and _is_digit(following[0]):
            yield "0"
        else:
            yield str(_TENS.get(token, _UNITS.get(token, token)))


def _is_digit(token: str) -> bool:
    return token.isdigit() or _UNITS.get(token, 10) < 10


def _joined_digits(tokens: Iterator[str]) -> Iterator[str]:
    run = ""
    for token in tokens:
        if token.isdigit():
            run += token
            continue
        if run:
            yield run
            run = ""
        yield token
    if run:
        yield run
