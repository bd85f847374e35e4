"""Telephone numbers as callers say them, and as they put them right."""

from dataclasses import dataclass

from offhook.providers.llm.flow.numbers import MULTIPLES, UNITS, small_at
from offhook.providers.llm.flow.words import Utterance

__all__ = ["DigitRun", "amended", "digit_runs", "grouped", "grouped_so_far"]

_TIMES = {"double": 2, "triple": 3, "treble": 3}
_SOUNDS = {"to": "2", "too": "2", "for": "4", "fore": "4", "won": "1", "ate": "8", "tree": "3", "fife": "5"}
_ALWAYS_SOUNDS = {"won", "ate", "fife", "tree"}
_FILLERS = {"", "and", "then", "uh", "um", "er", "dash", "hyphen", "space", "point", "area", "code", "it", "is", "the"}
_TAIL_WORDS = {"last", "ends", "ending", "end", "final"}
_HEAD_WORDS = {"first", "area", "starts", "starting", "begins", "beginning"}
_COUNTS = {"two", "three", "four", "five", "six", "seven", "2", "3", "4", "5", "6", "7"}
_LOCAL = 7


@dataclass(frozen=True, slots=True)
class DigitRun:
    """Digits said one after the other, and which words they were."""

    digits: str
    first: int
    last: int


def digit_runs(words: tuple[str, ...]) -> list[DigitRun]:
    """Every run of digits; small words in between do not break a run."""
    runs: list[DigitRun] = []
    at = 0
    while at < len(words):
        digits, after = _digits_at(words, at)
        if not digits and runs and _is_sound(words, at, runs[-1]):
            digits, after = _SOUNDS[words[at]], at + 1
        if digits:
            _put(runs, words, DigitRun(digits, at, after))
        at = max(after, at + 1)
    return runs


def _put(runs: list[DigitRun], words: tuple[str, ...], run: DigitRun) -> None:
    if runs and all(word in _FILLERS and word for word in words[runs[-1].last : run.first]):
        last = runs.pop()
        run = DigitRun(last.digits + run.digits, last.first, run.last)
    runs.append(run)


def _is_sound(words: tuple[str, ...], at: int, last: DigitRun) -> bool:
    """Whether a word like "to" stands where only a digit makes sense."""
    if words[at] not in _SOUNDS or last.last != at:
        return False
    follows = at + 1 < len(words) and (words[at + 1] in _SOUNDS or bool(_digits_at(words, at + 1)[0]))
    enough = 1 if words[at] in _ALWAYS_SOUNDS else 2
    return (follows and len(last.digits) >= enough) or (at + 1 == len(words) and len(last.digits) >= 3)


def _digits_at(words: tuple[str, ...], at: int) -> tuple[str, int]:
    word = words[at]
    if word.isdecimal() and word.isascii():
        return word, at + 1
    if word in _TIMES:
        return _repeated(words, at)
    small = small_at(words, at)
    if small is None:
        return "", at
    value, after = small
    if after < len(words) and words[after] in MULTIPLES and value:
        return _round_number(words, value, after)
    return str(value), after


def _repeated(words: tuple[str, ...], at: int) -> tuple[str, int]:
    following = words[at + 1] if at + 1 < len(words) else ""
    digit = str(UNITS[following]) if following in UNITS else following
    if len(digit) == 1 and digit.isdecimal():
        return digit * _TIMES[words[at]], at + 2
    return "", at


def _round_number(words: tuple[str, ...], value: int, at: int) -> tuple[str, int]:
    """ "Five hundred" is 500 and "five hundred fifty five" 555, but "eight hundred five five five" is 800 555."""
    total = value * MULTIPLES[words[at]]
    follows = at + 2 if words[at + 1 : at + 2] == ("and",) else at + 1
    small = small_at(words, follows) if words[at] == "hundred" else None
    if small and small[0] >= 10:
        return str(total + small[0]), small[1]
    return str(total), at + 1


def grouped_so_far(digits: str) -> str:
    """The beginning of a number, in threes."""
    return "-".join(digits[place : place + 3] for place in range(0, len(digits), 3))


def grouped(number: str) -> str:
    """A number the way it is written: 415-555-0123. Keeps a leading +."""
    sign, digits = ("+", number[1:]) if number.startswith("+") else ("", number)
    if len(digits) <= 4:
        return sign + digits
    head = digits[:-4]
    cut = len(head) % 3
    groups = [head[:cut], *(head[place : place + 3] for place in range(cut, len(head), 3)), digits[-4:]]
    return sign + "-".join(group for group in groups if group)


def amended(old: str, utterance: Utterance, usual: int) -> str | None:
    """`old` put right by what the caller said: all of it, its end, its beginning, or one digit."""
    words = tuple(word for place, word in enumerate(utterance.words) if not _is_count(utterance.words, place))
    runs = digit_runs(words)
    if not runs:
        return None
    swapped = _one_not_other(old, words)
    if swapped:
        return swapped
    new = "".join(run.digits for run in runs)
    if any(word in _TAIL_WORDS for word in words) and len(new) < len(old):
        return old[: -len(new)] + new
    if any(word in _HEAD_WORDS for word in words) and len(new) < len(old):
        return new + old[len(new) :]
    return _fitted(old, new, usual)


def _is_count(words: tuple[str, ...], at: int) -> bool:
    """The "four" of "the last four digits"."""
    before = at > 0 and words[at - 1] in {"last", "first", "final"}
    after = at + 1 < len(words) and words[at + 1] in {"digits", "numbers", "figures"}
    return words[at] in _COUNTS and (before or after)


def _one_not_other(old: str, words: tuple[str, ...]) -> str | None:
    if "not" not in words:
        return None
    place = words.index("not")
    right = "".join(run.digits for run in digit_runs(words[:place]))
    wrong = "".join(run.digits for run in digit_runs(words[place:]))
    if right and len(right) == len(wrong) < _LOCAL and old.count(wrong) == 1:
        return old.replace(wrong, right)
    return None


def _fitted(old: str, new: str, usual: int) -> str:
    if len(new) >= len(old) or (len(new) >= _LOCAL and len(old) != usual):
        return new
    if len(old) < usual and len(old) + len(new) == usual:
        return old + new
    if len(new) >= _LOCAL:
        return old[: -len(new)] + new
    places = range(len(old) - len(new), -1, -1)
    best = min(places, key=lambda place: sum(a != b for a, b in zip(old[place:], new, strict=False)))
    return old[:best] + new + old[best + len(new) :]
