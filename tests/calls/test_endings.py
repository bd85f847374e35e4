import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.calls.endings import is_backchannel, is_unfinished, plain_words
from offhook.config import TurnSettings


@pytest.mark.parametrize(
    "text",
    [
        "My name is",
        "My name is.",
        "I'd like to book a plumber for",
        "It's about the, um",
        "My number is 415",
        "415-555",
        "four one five five five",
        "I was wondering...",
        "So,",
    ],
)
def test_expects_more(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes please.",
        "No, thank you.",
        "My name is Tom.",
        "My number is 415-555-0123.",
        "four one five five five five oh one two three",
        "At 10.",
        "What is it for?",
        "Tomorrow at nine.",
    ],
)
def test_is_complete(text: str) -> None:
    assert not is_unfinished(text)


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    assert is_unfinished(text) in {True, False}


def listening(text: str, heard: str = "We are open from eight", remaining_ms: float = 3000) -> bool:
    return is_backchannel(text, TurnSettings().backchannels, heard=heard, remaining_ms=remaining_ms)


@pytest.mark.parametrize("text", ["Mm-hm.", "mhm", "Right.", "Okay, right.", "Uh-huh. Yeah.", "I see."])
def test_shows_only_that_the_caller_listens(text: str) -> None:
    assert listening(text)


@pytest.mark.parametrize("text", ["No.", "Right, but I need it today.", "Wait.", "Is that okay?"])
def test_asks_for_the_floor(text: str) -> None:
    assert not listening(text)


def test_yes_is_an_answer_to_a_question_and_near_the_end() -> None:
    assert not listening("Yes.", heard="Is that right? I ask because")
    assert not listening("Yes.", remaining_ms=600)


def test_words_of_other_languages_are_words() -> None:
    assert plain_words("Hola, buenos días. 予約を") == ["hola", "buenos", "días", "予約を"]
    assert not is_unfinished("Hola, buenos días.")


def test_function_words_are_known_of_english_only() -> None:
    assert is_unfinished("Ich weiß nicht was")
    assert not is_unfinished("Ich weiß nicht was", "de")
    assert is_unfinished("Mi número es el 415", "es") is False
    assert is_unfinished("415", "es")
    assert is_unfinished("Mi número es…", "es")
