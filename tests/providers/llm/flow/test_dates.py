from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.llm.flow.dates import find_date, said_date
from offhook.providers.llm.flow.words import hear

_WEDNESDAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2026-03-04"),
        ("tomorrow at ten", "2026-03-05"),
        ("the day after tomorrow", "2026-03-06"),
        ("on Friday", "2026-03-06"),
        ("this Friday", "2026-03-06"),
        ("next Friday", "2026-03-13"),
        ("next Tuesday", "2026-03-10"),
        ("Wednesday", "2026-03-11"),
        ("a week on Friday", "2026-03-13"),
        ("Friday week", "2026-03-13"),
        ("next week Monday", "2026-03-09"),
        ("the third of April", "2026-04-03"),
        ("April 3rd", "2026-04-03"),
        ("April the third", "2026-04-03"),
        ("3 April", "2026-04-03"),
        ("April third 2027", "2027-04-03"),
        ("March 3rd", "2027-03-03"),
        ("on the 20th", "2026-03-20"),
        ("on the twenty first", "2026-03-21"),
        ("Tuesday the tenth", "2026-03-10"),
        ("Friday the third of April", "2026-04-03"),
        ("in two days", "2026-03-06"),
        ("in a week", "2026-03-11"),
        ("two weeks from today", "2026-03-18"),
        ("2026-05-01", "2026-05-01"),
        ("5/1", "2026-05-01"),
        ("5/1/2026", "2026-05-01"),
        ("25/12/2026", "2026-12-25"),
        ("February 30th", None),
        ("may I ask", None),
        ("the first one", None),
        ("whenever", None),
    ],
)
def test_find(text: str, day: str | None) -> None:
    found = find_date(hear(text), _WEDNESDAY)
    assert (found and found.day.isoformat()) == day


def test_a_bare_ordinal_only_when_a_day_was_asked_for() -> None:
    assert find_date(hear("the tenth"), _WEDNESDAY) is None
    found = find_date(hear("the tenth"), _WEDNESDAY, asked=True)
    assert found
    assert found.day == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (_WEDNESDAY, "today, Wednesday, March 4th"),
        (date(2026, 3, 5), "tomorrow, Thursday, March 5th"),
        (date(2026, 3, 11), "Wednesday, March 11th"),
        (date(2026, 3, 22), "Sunday, March 22nd"),
        (date(2027, 3, 3), "Wednesday, March 3rd, 2027"),
    ],
)
def test_said(day: date, said: str) -> None:
    assert said_date(day, _WEDNESDAY) == said


@given(st.dates(date(2026, 3, 5), date(2026, 12, 25)))
def test_what_is_said_is_understood(day: date) -> None:
    found = find_date(hear(said_date(day, _WEDNESDAY).removeprefix("tomorrow, ")), _WEDNESDAY)
    assert found
    assert found.day == day


@given(st.text(), st.dates())
def test_never_raises(text: str, today: date) -> None:
    if today.year < 9990:
        find_date(hear(text), today, asked=True)
