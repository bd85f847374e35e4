import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.llm.flow.words import hear, plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's Tom!", "it is tom"),
        ("I can't, won't and don't", "i can not will not and do not"),
        ("I\u2019d like that", "i would like that"),
        ("at 9:30 a.m.", "at 9:30 am"),
        ("at 9.30", "at 9:30"),
        ("4pm on 3/3/2026", "4 pm on 3/3/2026"),
        ("(415) 555-0123", "415 555 0123"),
        ("+44 20", "plus 44 20"),
        ("S-A-R-A-H", "s a r a h"),
        ("March 3rd", "march 3rd"),
        ("Tom's tap", "tom tap"),
        ("...", ""),
    ],
)
def test_plain(text: str, words: str) -> None:
    assert plain(text) == words


def test_what_is_misheard_is_replaced() -> None:
    assert hear("leave a massage on choose day", {"massage": "message", "choose day": "tuesday"}).text == (
        "leave a message on tuesday"
    )


def test_a_part_is_as_it_was_written() -> None:
    utterance = hear("Well, it's Mrs. O'Neil speaking")
    assert utterance.part(3, 5) == "Mrs. O'Neil"


@given(st.text())
def test_every_token_knows_its_place(text: str) -> None:
    utterance = hear(text)
    assert all(0 <= token.start < token.end <= len(text) for token in utterance.tokens)
    assert all(token.word for token in utterance.tokens)
