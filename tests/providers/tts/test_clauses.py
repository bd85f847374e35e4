import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.providers.tts.clauses import clauses


def texts(text: str) -> list[str]:
    return [clause.text for clause in clauses(text)]


def test_sentences_are_spoken_one_by_one() -> None:
    assert texts("Hello there. How are you? Fine!") == ["Hello there.", "How are you?", "Fine!"]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith can see you.",
        "Ask for J. K. Rowling.",
        "It costs 3.50 in all.",
        "We open at 9 a.m. on Mondays.",
        "No. 7 is free, Mrs. Carter.",
    ],
)
def test_a_full_stop_is_not_always_an_end(text: str) -> None:
    assert texts(text) == [text]


def test_a_short_sentence_stays_whole() -> None:
    text = "Thanks for calling Ace Plumbing, how can I help you today?"
    assert texts(text) == [text]


def test_a_long_sentence_begins_with_a_short_clause() -> None:
    parts = texts(
        "I have looked at the calendar, and the earliest appointment that I can offer you with our plumber would be "
        "on Thursday afternoon at half past three, if that is convenient for you."
    )
    assert parts[0] == "I have looked at the calendar,"
    assert len(parts) == 3


def test_a_scrap_at_the_end_joins_what_it_belongs_to() -> None:
    text = "Would it be possible to let me have the name of the person who rang you up this morning, please?"
    assert texts(text) == [text]


def test_a_sentence_without_commas_is_cut_somewhere() -> None:
    assert all(len(part) < 260 for part in texts("word " * 400))


def test_a_word_beyond_all_measure_is_cut() -> None:
    assert all(len(word.text) <= 60 for clause in clauses("x" * 2000) for word in clause.words)


def test_lines_are_breaths() -> None:
    assert texts("One\ntwo\n\nthree") == ["One", "two", "three"]


def test_pauses_follow_punctuation() -> None:
    pauses = [clause.pause_ms for clause in clauses("Yes.\nwell,\nbut")]
    assert pauses == [250.0, 140.0, 60.0]


@given(st.text(max_size=400))
def test_every_character_that_is_no_space_is_in_one_word(text: str) -> None:
    words = [word for clause in clauses(text) for word in clause.words]
    assert all(text[word.start : word.end] == word.text for word in words)
    assert "".join(word.text for word in words) == "".join(text.split())
