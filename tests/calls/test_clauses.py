import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.calls.clauses import ClauseSplitter


def _split(text: str) -> list[str]:
    splitter = ClauseSplitter()
    return [clause.text for clause in [*splitter.feed(text), *splitter.flush()]]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Hello. How are you?", ["Hello. ", "How are you?"]),
        ("Thanks for calling Ace, how can I help?", ["Thanks for calling Ace, ", "how can I help?"]),
        ("Yes, we are open.", ["Yes, we are open."]),
        ("It is $3.50, or 1,250 in all.", ["It is $3.50, ", "or 1,250 in all."]),
        ("It costs only 3.50, which is fair.", ["It costs only 3.50, ", "which is fair."]),
        (
            "Please ask Dr. Smith, e.g. tomorrow at 9 a.m. or later. Bye.",
            ["Please ask Dr. Smith, ", "e.g. tomorrow at 9 a.m. or later. ", "Bye."],
        ),
        ("We open at 9 a.m. We close at 5 p.m. today.", ["We open at 9 a.m. ", "We close at 5 p.m. today."]),
        (
            "Write to tom.b@acme.com or see www.acme.com/a.b today. Ok",
            ["Write to tom.b@acme.com or see www.acme.com/a.b today. ", "Ok"],
        ),
        ("No. We are closed.", ["No. ", "We are closed."]),
        ("It is No. 5 on the list. Bye", ["It is No. 5 on the list. ", "Bye"]),
        ('He said "stop." Then he left.', ['He said "stop." ', "Then he left."]),
        ("Really?! Yes.", ["Really?! ", "Yes."]),
        ("One\nTwo", ["One\n", "Two"]),
        ("Wait... what?", ["Wait... ", "what?"]),
        ("", []),
    ],
)
def test_clauses(text: str, clauses: list[str]) -> None:
    assert _split(text) == clauses


def test_the_first_clause_comes_before_the_rest_is_there() -> None:
    splitter = ClauseSplitter()
    assert [clause.text for clause in splitter.feed("Thanks for calling, h")] == ["Thanks for calling, "]
    assert splitter.feed("ow can I help") == []
    assert [clause.text for clause in splitter.feed("? I")] == ["how can I help? "]


def test_later_clauses_are_longer() -> None:
    assert _split("Let me see now, on Monday, or Tuesday, I am free.") == [
        "Let me see now, ",
        "on Monday, or Tuesday, I am free.",
    ]


def test_each_clause_knows_its_place() -> None:
    text = "Hello there. It is sunny today, and warm. Bye"
    splitter = ClauseSplitter()
    for clause in [*splitter.feed(text), *splitter.flush()]:
        assert text[clause.start :].startswith(clause.text)


def test_after_a_flush_it_goes_on() -> None:
    splitter = ClauseSplitter()
    splitter.feed("One moment.")
    assert [clause.text for clause in splitter.flush()] == ["One moment."]
    splitter.feed("Done.")
    assert splitter.flush()[0].start == len("One moment.")


_TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*"ab .,;:!?\u2014\n\"'39", "Dr.", " a.m. ", "e.g. ", " words ", "3.50"])).map("".join),
)


@given(_TEXTS, st.lists(st.integers(0, 60)))
def test_the_way_the_text_is_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    splitter = ClauseSplitter()
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    clauses = [clause for a, b in itertools.pairwise(places) for clause in splitter.feed(text[a:b])]
    clauses += splitter.flush()
    assert "".join(clause.text for clause in clauses) == text
    assert [clause.text for clause in clauses] == _split(text)
    assert all(text[clause.start : clause.start + len(clause.text)] == clause.text for clause in clauses)
