"""Days as callers say them: tomorrow, next Tuesday, the third of March, in two days, 3/3."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from offhook.providers.llm.flow.numbers import cardinal_at, ordinal_at
from offhook.providers.llm.flow.words import Utterance

__all__ = ["DAYS", "FoundDate", "find_date", "said_date"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_OF = {day: place for place, day in enumerate(DAYS)}
_DAY_OF |= {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
} | {day + "s": place for place, day in enumerate(DAYS)}
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_OF = {month: place for place, month in enumerate(_MONTHS, 1)}
_MONTH_OF |= {month[:3]: place for place, month in enumerate(_MONTHS, 1) if month != "may"} | {"sept": 9}
Words = tuple[str, ...]
_NEXT = {"next", "following"}


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A day and the words it was said in."""

    day: date
    first: int
    last: int


def find_date(utterance: Utterance, today: date, *, asked: bool = False) -> FoundDate | None:
    """The first day named in an utterance. "The 3rd" alone and a bare ordinal count if a day was `asked` for."""
    words = utterance.words
    for at in range(len(words)):
        for reader in _READERS:
            found = reader(words, at, today)
            if found is not None:
                return FoundDate(found[0], at, found[1])
    return (_soonest(words, today) or _bare_ordinal(words, today)) if asked else None


def said_date(day: date, today: date) -> str:
    """A day the way one says it: "tomorrow, Tuesday, March 3rd"."""
    near = {0: "today, ", 1: "tomorrow, "}.get((day - today).days, "")
    year = f", {day.year}" if abs((day - today).days) > 300 else ""
    return f"{near}{DAYS[day.weekday()].title()}, {_MONTHS[day.month - 1].title()} {_with_ending(day.day)}{year}"


def _with_ending(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_Read = tuple[date, int] | None


def _near(words: Words, at: int, today: date) -> _Read:
    rest = tuple(words[at : at + 4])
    if rest == ("day", "after", "tomorrow") or rest[:3] == ("day", "after", "tomorrow"):
        return today + timedelta(days=2), at + 3
    if rest[:1] in {("today",), ("tonight",)} or rest[:2] in {("this", "afternoon"), ("this", "evening")}:
        return today, at + 1
    if rest[:2] == ("this", "morning"):
        return today, at + 1
    if rest[:1] == ("tomorrow",):
        if len(rest) >= 2 and rest[1] == "week":
            return today + timedelta(days=8), at + 2
        return today + timedelta(days=1), at + 1
    return None


def _in_a_while(words: Words, at: int, today: date) -> _Read:
    """ "In two days", "a week from today", "in a week"."""
    if words[at] not in {"in", "a", "two", "three", "one"}:
        return None
    start = at + 1 if words[at] == "in" else at
    found = cardinal_at(words, start) or ((1, start + 1) if words[start : start + 1] == ("a",) else None)
    if found is None or found[1] >= len(words):
        return None
    days = {"day": 1, "days": 1, "week": 7, "weeks": 7}.get(words[found[1]], 0) * found[0]
    from_now = tuple(words[found[1] + 1 : found[1] + 3]) in {("from", "today"), ("from", "now")}
    if not 0 < days <= 800 or not (words[at] == "in" or from_now):
        return None
    return today + timedelta(days=days), found[1] + (3 if from_now else 1)


def _weekday(words: Words, at: int, today: date) -> _Read:
    """A weekday is the next one to come; "next Friday" is not the Friday of this week."""
    if words[at] not in _DAY_OF or (words[at] in {"mon", "wed"} and at + 1 == len(words) and at):
        return None
    day = today + timedelta(days=(_DAY_OF[words[at]] - today.weekday() - 1) % 7 + 1)
    after = at + 1
    said_next = at > 0 and words[at - 1] in _NEXT
    if said_next and day.isocalendar()[:2] == today.isocalendar()[:2]:
        day += timedelta(days=7)
    if "week" in words[max(0, at - 3) : at] or words[after : after + 1] == ("week",):
        day = _in_next_week(words, at, day, today)
    elif words[at + 1 : at + 2] == ("next",):
        day = day if day.isocalendar()[:2] != today.isocalendar()[:2] else day + timedelta(days=7)
    return _with_day_of_month(words, after, day, today)


def _in_next_week(words: Words, at: int, day: date, today: date) -> date:
    """ "Tuesday week", "a week on Tuesday", but "next week, Tuesday" is the Tuesday of next week."""
    if at >= 2 and words[at - 2] == "next":
        return day if day.isocalendar()[:2] != today.isocalendar()[:2] else day + timedelta(days=7)
    return day + timedelta(days=7)


def _with_day_of_month(words: Words, at: int, day: date, today: date) -> _Read:
    """ "Tuesday the third of March" is the third of March; "Tuesday the third" the third if it is a Tuesday."""
    skip = at + 1 if at < len(words) and words[at] == "the" else at
    exact = _day_month(words, skip, today) or _month_day(words, skip, today) if skip < len(words) else None
    if exact:
        return exact
    found = ordinal_at(words, skip)
    if found:
        coming = _coming(found[0], None, today)
        if coming and coming.weekday() == day.weekday():
            return coming, found[1]
    return day, at


def _day_month(words: Words, at: int, today: date) -> _Read:
    """ "Third of March", "3 March"."""
    found = ordinal_at(words, at) or cardinal_at(words, at)
    if found is None:
        return None
    at = found[1] + (1 if words[found[1] : found[1] + 1] == ("of",) else 0)
    if at >= len(words) or words[at] not in _MONTH_OF:
        return None
    return _with_year(words, at + 1, found[0], _MONTH_OF[words[at]], today)


def _month_day(words: Words, at: int, today: date) -> _Read:
    """ "March 3rd", "March the third", "March third"."""
    if words[at] not in _MONTH_OF:
        return None
    at, month = at + 1, _MONTH_OF[words[at]]
    at += 1 if words[at : at + 1] == ("the",) else 0
    found = ordinal_at(words, at) or cardinal_at(words, at)
    return None if found is None else _with_year(words, found[1], found[0], month, today)


def _with_year(words: Words, at: int, day: int, month: int, today: date) -> _Read:
    if at < len(words) and words[at].isdecimal() and len(words[at]) == 4:
        exact = _made(int(words[at]), month, day)
        return None if exact is None else (exact, at + 1)
    coming = _coming(day, month, today)
    return None if coming is None else (coming, at)


def _coming(day: int, month: int | None, today: date) -> date | None:
    """The next day that has this number, in `month` or in whichever month it comes first."""
    for ahead in range(13):
        year, place = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        made = _made(year, place + 1, day)
        if made and made >= today and month in (None, place + 1):
            return made
    return None


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _written(words: Words, at: int, today: date) -> _Read:
    """ "2026-03-03" and "3/3/2026"; month first, unless only the day can be first."""
    if match := re.fullmatch(r"(\d{4})-(\d+)-(\d+)", words[at]):
        made = _made(*(int(part) for part in match.groups()))
        return None if made is None else (made, at + 1)
    if not (match := re.fullmatch(r"(\d+)/(\d+)(?:/(\d+))?", words[at])):
        return None
    month, day = int(match[1]), int(match[2])
    month, day = (day, month) if month > 12 else (month, day)
    if match[3] is None:
        made = _coming(day, month, today)
    else:
        made = _made(int(match[3]) + (2000 if len(match[3]) == 2 else 0), month, day)
    return None if made is None else (made, at + 1)


def _the_ordinal(words: Words, at: int, today: date) -> _Read:
    """ "On the 3rd", but not "the first one"."""
    if words[at] != "the" or at == 0 or words[at - 1] not in {"on", "for", "until", "by"}:
        return None
    found = ordinal_at(words, at + 1)
    if found is None or words[found[1] : found[1] + 1] in {("one",), ("time",), ("floor",)}:
        return None
    coming = _coming(found[0], None, today)
    return None if coming is None else (coming, found[1])


def _soonest(words: Words, today: date) -> FoundDate | None:
    """ "As soon as possible" begins the search today."""
    place = next((at for at, word in enumerate(words) if word in {"asap", "soon", "soonest", "earliest"}), None)
    return None if place is None else FoundDate(today, place, place + 1)


def _bare_ordinal(words: Words, today: date) -> FoundDate | None:
    for at in range(len(words)):
        found = ordinal_at(words, at)
        if found and words[found[1] : found[1] + 1] != ("one",):
            coming = _coming(found[0], None, today)
            return None if coming is None else FoundDate(coming, at, found[1])
    return None


_Reader = Callable[[Words, int, date], _Read]
_READERS: tuple[_Reader, ...] = (_near, _written, _in_a_while, _day_month, _month_day, _weekday, _the_ordinal)
