from datetime import UTC, datetime

import pytest

from offhook.providers.llm.flow import load_facts
from offhook.providers.llm.flow.answering import Answerer, is_question
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.words import hear

_MONDAY = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
_ANSWERER = Answerer(load_facts())


def _answer(text: str, now: datetime = _MONDAY) -> str:
    answer = _ANSWERER.answer(hear(text), now)
    return answer.text if answer else ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's your address?", "22 Maple Street"),
        ("where are you guys located", "22 Maple Street"),
        ("how much would a visit cost", "85 dollars"),
        ("what are your prices", "85 dollars"),
        ("is there a call-out fee", "85 dollars"),
        ("do you fix water heaters", "water heaters"),
        ("do you take credit cards", "by card"),
        ("are you licensed", "insured"),
        ("do you have an emergency service", "day and night"),
        ("what areas do you cover", "25 miles"),
        ("how long does it take", "about an hour"),
        ("who am I speaking to", "Ace Plumbing"),
        ("opening hours?", "Monday to Friday 8 AM to 6 PM"),
        ("when do you open tomorrow", "open tomorrow, Tuesday, March 3rd"),
        ("what time do you close on Saturday", "9 AM to 1 PM"),
        ("are you open on Christmas, December 25th", "closed Friday, December 25th"),
        ("the weather is nice", ""),
        ("do you have anything open on Thursday", ""),
    ],
)
def test_answers(text: str, words: str) -> None:
    answer = _answer(text)
    assert words in answer
    assert bool(words) == bool(answer)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("2026-03-02T09:15", "open now, until 6 PM"),
        ("2026-03-02T07:00", "open today at 8 AM"),
        ("2026-03-02T19:00", "open tomorrow, Tuesday, March 3rd, at 8 AM"),
        ("2026-03-07T14:00", "open Monday, March 9th, at 8 AM"),
        ("2026-12-24T20:00", "open Saturday, December 26th, at 9 AM"),
    ],
)
def test_open_now(now: str, words: str) -> None:
    assert words in _answer("are you open now?", datetime.fromisoformat(now).replace(tzinfo=UTC))


def test_a_business_without_hours_does_not_answer_about_them() -> None:
    facts = Facts.model_validate({"business": {"name": "X"}})
    assert Answerer(facts).answer(hear("are you open now"), _MONDAY) is None


def test_a_lunch_break() -> None:
    facts = Facts.model_validate({"business": {"name": "X"}, "hours": {"monday": ["08:00-12:00", "13:00-17:00"]}})
    answer = Answerer(facts).answer(hear("are you open now"), _MONDAY.replace(hour=12, minute=30))
    assert answer
    assert answer.text == "Not at the moment. We open today at 1 PM."
    assert facts.hours.said() == "Monday 8 AM to noon and 1 PM to 5 PM, closed Tuesday to Sunday"


@pytest.mark.parametrize(
    ("text", "asks"),
    [("um how much", True), ("my tap leaks", False), ("tap leaks?", True), ("I was wondering if", True)],
)
def test_questions(text: str, asks: bool) -> None:
    assert is_question(hear(text)) is asks
