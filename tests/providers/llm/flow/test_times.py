from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.llm.flow.times import find_part, find_time, said_time
from offhook.providers.llm.flow.words import hear


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("half past nine", "09:30"),
        ("half nine", "09:30"),
        ("quarter to four", "15:45"),
        ("a quarter past two", "14:15"),
        ("ten past eleven", "11:10"),
        ("3 30", "15:30"),
        ("three thirty in the afternoon", "15:30"),
        ("nine oh five", "09:05"),
        ("noon", "12:00"),
        ("at four", "16:00"),
        ("four", "16:00"),
        ("16:00", "16:00"),
        ("sixteen hundred", "16:00"),
        ("9:30 a.m.", "09:30"),
        ("9.30", "09:30"),
        ("930", "09:30"),
        ("eight", "08:00"),
        ("eight in the evening", "20:00"),
        ("8 pm", "20:00"),
        ("4 p m", "16:00"),
        ("ten o'clock", "10:00"),
        ("seven", "07:00"),
        ("six", "18:00"),
        ("twelve", "12:00"),
        ("twelve thirty", "12:30"),
        ("whenever", None),
    ],
)
def test_when_a_time_was_asked_for(text: str, at: str | None) -> None:
    found = find_time(hear(text), asked=True)
    assert (found and found.at.isoformat("minutes")) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("tomorrow at ten", "10:00"),
        ("at 4 pm please", "16:00"),
        ("half past two", "14:30"),
        ("I have two taps", None),
        ("for one person", None),
    ],
)
def test_when_no_time_was_asked_for(text: str, at: str | None) -> None:
    found = find_time(hear(text), asked=False)
    assert (found and found.at.isoformat("minutes")) == at


def test_opening_hours_decide_between_morning_and_afternoon() -> None:
    found = find_time(hear("eight"), asked=True, opens=time(14), closes=time(22))
    assert found
    assert found.at == time(20)


@pytest.mark.parametrize(
    ("text", "part"), [("in the morning", "morning"), ("tonight", "evening"), ("good morning", None)]
)
def test_part(text: str, part: str | None) -> None:
    found = find_part(hear(text))
    assert (found and found[0]) == part


@given(st.times())
def test_what_is_said_is_understood(at: time) -> None:
    at = at.replace(second=0, microsecond=0)
    found = find_time(hear(said_time(at)), asked=False)
    assert found
    assert found.at == at


@given(st.text())
def test_never_raises(text: str) -> None:
    find_time(hear(text), asked=True)
