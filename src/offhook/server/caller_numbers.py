"""Numbers of callers as names of people: what is the same for all ways to write one, and who withholds it."""

__all__ = ["caller_key"]

_KEYS = {
    letter: str(key) for key, letters in enumerate("abc def ghi jkl mno pqrs tuv wxyz".split(), 2) for letter in letters
}
_WITHHELD = {
    "+" + "".join(_KEYS[letter] for letter in word)
    for word in ("anonymous", "blocked", "restricted", "unavailable", "unknown")
}
"""Carriers that must give a number spell such words with the letters on a telephone's keys, as in +266696687."""


def caller_key(number: str) -> str:
    """The digits of a caller's number; empty for one that is withheld or not told."""
    return "" if number.strip() in _WITHHELD else "".join(filter(str.isdecimal, number))
