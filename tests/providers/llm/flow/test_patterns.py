from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.llm.flow.patterns import Phrase, Vocabulary
from offhook.providers.llm.flow.words import plain


@pytest.mark.parametrize(
    ("phrase", "text", "words"),
    [
        ("(leave|take) [me] a message", "can you take a message", 3),
        ("(leave|take) [me] a message", "take me a message", 4),
        ("(leave|take) [me] a message", "leave message", None),
        ("book* ... plumber", "booking me a good plumber", 2),
        ("book* ... plumber", "plumber book", None),
        ("what's your (name|number)", "what is your number", 4),
        ("[a|one] second", "second", 1),
        ("call [me [right] back]", "call me back", 3),
        ("art", "start", None),
    ],
)
def test_fit(phrase: str, text: str, words: int | None) -> None:
    fit = Phrase(phrase).fit(text, frozenset(text.split()))
    assert (fit and fit.words) == words


def test_share() -> None:
    fit = Phrase("hold on").fit("please hold on now", frozenset(["please", "hold", "on", "now"]))
    assert fit
    assert fit.share == 0.5


@pytest.mark.parametrize("phrase", ["(a|b", "a]", "[a", "a | b", "", "...", "(", "[)", "!"])
def test_unreadable(phrase: str) -> None:
    with pytest.raises(ValueError, match="phrase"):
        Phrase(phrase)


def test_misheard_longer_words_are_corrected() -> None:
    vocabulary = Vocabulary.of([Phrase("book an appointment with a plumber")])
    assert vocabulary.corrected(["an", "apointment", "plumer", "with", "sarah"]) == (
        "an",
        "appointment",
        "plumber",
        "with",
        "sarah",
    )


@given(st.text("ab[]()|.* ", max_size=12))
def test_reads_or_says_why_not(written: str) -> None:
    with suppress(ValueError):
        Phrase(written).fit(plain("a b ab"), frozenset({"a", "b", "ab"}))
