"""Numbers as callers say them: cardinals, ordinals, single digits."""

from collections.abc import Sequence

__all__ = ["MULTIPLES", "TENS", "UNITS", "cardinal_at", "ordinal_at", "small_at"]

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
UNITS = {word: value for value, word in enumerate(_DIGITS)} | {"oh": 0, "o": 0, "nought": 0, "nil": 0, "niner": 9}
_TEENS = {
    word: value
    for value, word in enumerate(
        (
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ),
        10,
    )
}
TENS = {
    word: value * 10
    for value, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
} | {"fourty": 40}
MULTIPLES = {"hundred": 100, "thousand": 1000}
_ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fifth": 5,
    "eighth": 8,
    "ninth": 9,
    "twelfth": 12,
    "twentieth": 20,
    "thirtieth": 30,
}
_REGULAR = {4, 6, 7, 10, 11, *range(13, 20)}
_ORDINALS |= {word + "th": value for word, value in (UNITS | _TEENS).items() if value in _REGULAR}


def small_at(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """A number below one hundred said in words at `at`: its value and the place after it."""
    word = words[at] if at < len(words) else ""
    if word in UNITS or word in _TEENS:
        return (UNITS | _TEENS)[word], at + 1
    if word not in TENS:
        return None
    unit = UNITS.get(words[at + 1], 0) if at + 1 < len(words) else 0
    return TENS[word] + unit, at + (2 if unit else 1)


def cardinal_at(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """A cardinal in words or figures at `at`, up to the thousands: its value and the place after it."""
    if at < len(words) and words[at].isdecimal() and len(words[at]) < 10:
        return int(words[at]), at + 1
    if at < len(words) and words[at] in {"a", "an"} and at + 1 < len(words) and words[at + 1] in MULTIPLES:
        found: tuple[int, int] | None = (1, at + 1)
    else:
        found = small_at(words, at)
    return None if found is None else _multiplied(words, *found)


def _multiplied(words: Sequence[str], value: int, at: int) -> tuple[int, int]:
    total = 0
    while at < len(words) and words[at] in MULTIPLES:
        total += value * MULTIPLES[words[at]]
        at += 2 if at + 2 < len(words) and words[at + 1] == "and" and small_at(words, at + 2) else 1
        found = small_at(words, at)
        if found is None:
            return total, at
        value, at = found
    return total + value, at


def ordinal_at(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """An ordinal up to thirty-first at `at`, in words or as 3rd: its value and the place after it."""
    word = words[at] if at < len(words) else ""
    if word[:-2].isdecimal() and word[-2:] in {"st", "nd", "rd", "th"}:
        return int(word[:-2]), at + 1
    if word in _ORDINALS:
        return _ORDINALS[word], at + 1
    if word in TENS and at + 1 < len(words) and 0 < _ORDINALS.get(words[at + 1], 0) < 10:
        return TENS[word] + _ORDINALS[words[at + 1]], at + 2
    return None
