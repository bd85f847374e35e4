"""Times of day as callers say them, resolved to the hours in which the business is open."""

import re
from dataclasses import dataclass
from datetime import time

from offhook.providers.llm.flow.numbers import cardinal_at, small_at
from offhook.providers.llm.flow.words import Utterance

__all__ = ["PARTS", "FoundTime", "find_part", "find_time", "said_time"]

PARTS = {"morning": (time(0), time(12)), "afternoon": (time(12), time(17)), "evening": (time(17), time(23, 59))}
_NAMED = {"noon": time(12), "midday": time(12), "midnight": time(0), "lunchtime": time(12)}
_LEADS = {"at", "by", "around", "about", "for", "from", "say", "after", "before", "maybe", "make", "to"}
_MINUTES = {"quarter": 15, "half": 30}
_EARLIEST, _LATEST = time(7), time(19)


@dataclass(frozen=True, slots=True)
class FoundTime:
    """A time and the words it was said in."""

    at: time
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Clock:
    """A clock face: `hour` as said, and whether it can only mean the 24-hour clock."""

    hour: int
    minute: int
    after: int
    sure: bool


def find_time(utterance: Utterance, *, asked: bool, opens: time = time(8), closes: time = time(18)) -> FoundTime | None:
    """The first time of day in an utterance. A bare number counts only if a time was `asked` for."""
    words = utterance.words
    for at, word in enumerate(words):
        if word in _NAMED:
            return FoundTime(_NAMED[word], at, at + 1)
        clock = _clock_at(words, at)
        if clock and (clock.sure or asked or _led(words, at)) and (found := _resolved(words, clock, opens, closes)):
            return FoundTime(found[0], at, found[1])
    return None


def find_part(utterance: Utterance) -> tuple[str, int, int] | None:
    """Morning, afternoon or evening, and the words it was said in."""
    for at, word in enumerate(utterance.words):
        if word in PARTS and utterance.words[max(0, at - 1) : at] != ("good",):
            return word, at, at + 1
        if word == "tonight":
            return "evening", at, at + 1
    return None


def said_time(at: time) -> str:
    """A time the way one says it: 9 AM, 9:30 AM, noon."""
    if at == time(12):
        return "noon"
    minutes = f":{at.minute:02d}" if at.minute else ""
    return f"{(at.hour - 1) % 12 + 1}{minutes} {'AM' if at.hour < 12 else 'PM'}"


def _led(words: tuple[str, ...], at: int) -> bool:
    return at > 0 and words[at - 1] in _LEADS - {"to", "for", "from", "about", "make"}


def _clock_at(words: tuple[str, ...], at: int) -> _Clock | None:
    return _written(words, at) or _relative(words, at) or _spoken(words, at)


def _written(words: tuple[str, ...], at: int) -> _Clock | None:
    """ "9:30", "16:00", "930"; the last only by asking, as any bare number."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", words[at]) or re.fullmatch(r"(\d{1,2})([0-5]\d)", words[at])
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return _Clock(int(match[1]), int(match[2]), at + 1, ":" in words[at])


def _relative(words: tuple[str, ...], at: int) -> _Clock | None:
    """ "Half past nine", "quarter to four", "ten past nine", "half nine"."""
    found = (_MINUTES[words[at]], at + 1) if words[at] in _MINUTES else small_at(words, at) or cardinal_at(words, at)
    if found is None or found[1] >= len(words) or not 0 < found[0] < 60:
        return None
    minutes, place = found
    place += 1 if words[place] == "minutes" else 0
    joint = words[place] if place < len(words) else ""
    if joint in {"past", "after", "to", "till", "before", "of"}:
        hour = _hour_at(words, place + 1)
        return None if hour is None else _shifted(hour, minutes, early=joint in {"to", "till", "before", "of"})
    hour = _hour_at(words, place) if words[at] == "half" else None
    return None if hour is None else _shifted(hour, 30, early=False)


def _shifted(hour: tuple[int, int], minutes: int, *, early: bool) -> _Clock:
    return _Clock((hour[0] - 1) % 24, 60 - minutes, hour[1], True) if early else _Clock(hour[0], minutes, hour[1], True)


def _hour_at(words: tuple[str, ...], at: int) -> tuple[int, int] | None:
    found = cardinal_at(words, at) if at < len(words) else None
    return found if found and 0 < found[0] <= 12 else None


def _spoken(words: tuple[str, ...], at: int) -> _Clock | None:
    """ "Three thirty", "3 30", "nine oh five", "four o'clock", "sixteen hundred", "four pm"."""
    found = small_at(words, at)
    if found is None and words[at].isdecimal() and len(words[at]) <= 2:
        found = int(words[at]), at + 1
    if found is None or found[0] > 23 or words[at] in {"oh", "o"}:
        return None
    hour, after = found
    following = words[after] if after < len(words) else ""
    if following in {"oclock", "am", "pm", "hundred"} or words[after : after + 2] == ("o", "clock"):
        return _Clock(hour, 0, after + _unit_length(words, after), True)
    minute = _minute_at(words, after)
    if minute is not None:
        return _Clock(hour, minute[0], minute[1], False)
    return _Clock(hour, 0, after, False)


def _unit_length(words: tuple[str, ...], at: int) -> int:
    return 0 if words[at] in {"am", "pm"} else 2 if words[at] == "o" else 1


def _minute_at(words: tuple[str, ...], at: int) -> tuple[int, int] | None:
    if at >= len(words):
        return None
    if words[at] in {"oh", "o", "zero"}:
        found = small_at(words, at + 1)
        return found if found and found[0] < 10 else None
    found = (int(words[at]), at + 1) if words[at].isdecimal() and len(words[at]) == 2 else small_at(words, at)
    return found if found and 10 <= found[0] < 60 else None


def _resolved(words: tuple[str, ...], clock: _Clock, opens: time, closes: time) -> tuple[time, int] | None:
    """Choose between morning and afternoon: by what was said, else by the opening hours."""
    half, after = _half(words, clock.after)
    if clock.hour > 12 or (clock.hour == 0 and clock.minute == 0):
        return time(clock.hour, clock.minute), after
    morning, afternoon = time(clock.hour % 12, clock.minute), time(clock.hour % 12 + 12, clock.minute)
    if half:
        return (morning if half == "am" else afternoon), after
    return _likelier(morning, afternoon, opens, closes), after


def _likelier(morning: time, afternoon: time, opens: time, closes: time) -> time:
    if opens <= morning < closes:
        return morning
    if opens <= afternoon < closes:
        return afternoon
    return morning if morning >= _EARLIEST else afternoon


def _half(words: tuple[str, ...], at: int) -> tuple[str, int]:
    """Whether am or pm follows, in whichever words, and the place after it."""
    place = at
    while place < min(len(words), at + 4):
        if words[place] in {"am", "pm"}:
            return words[place], place + 1
        if words[place] in {"a", "p"} and words[place + 1 : place + 2] == ("m",):
            return words[place] + "m", place + 2
        if words[place] in {*PARTS, "night", "tonight"}:
            return ("am" if words[place] == "morning" else "pm"), place + 1
        if words[place] not in {"in", "at", "the", "o", "clock", "oclock", ""}:
            break
        place += 1
    return "", at
