import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.calls.spoken import spell, spoken


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Call (415) 555-0199 now.", "Call four one five, five five five, oh one nine nine now."),
        ("415-555-0123", "four one five, five five five, oh one two three"),
        ("415.555.0123", "four one five, five five five, oh one two three"),
        ("415 555 0123", "four one five, five five five, oh one two three"),
        ("4155550123", "four one five, five five five, oh one two three"),
        ("555-0142", "five five five, oh one four two"),
        ("415-555", "four one five, five five five"),
        ("1-415-555-0123", "one, four one five, five five five, oh one two three"),
        ("+44 20 7946 0123", "plus four four, two oh, seven nine four six, oh one two three"),
        ("Your code is #48271.", "Your code is number four eight two seven one."),
        ("We are #1", "We are number 1"),
        ("AB-1234", "A, B, one two three four"),
        ("ABC123", "A, B, C, one two three"),
        ("0042", "oh oh four two"),
        ("Mail tom@gmail.com.", "Mail tom at gmail dot com."),
        ("tom.b-1@mail.acme.co.uk", "tom dot b dash one at mail dot acme dot co dot uk"),
        ("See https://www.acme.com/help.", "See w w w dot acme dot com slash help."),
        ("acme.com", "acme dot com"),
        ("22 Maple St. in Springfield, IL 62704.", "22 Maple Street in Springfield, IL six two seven oh four."),
        ("zip code 94107-1234", "zip code nine four one oh seven, one two three four"),
        ("9 Oak Ave, Apt. 5", "9 Oak Avenue, apartment 5"),
        ("at 22 Maple St. Come in", "at 22 Maple Street. Come in"),
        ("Dr. Smith of St. Mary", "Doctor Smith of Saint Mary"),
        ("$85", "85 dollars"),
        ("$85.50", "85 dollars and 50 cents"),
        ("$1,250.00", "1250 dollars"),
        ("$1", "1 dollar"),
        ("\u00a32.01", "2 pounds and 1 penny"),
        ("\u20ac5.20", "5 euros and 20 cents"),
        ("9:30 am", "9:30 am"),
        ("16:00", "4 PM"),
        ("12:00", "noon"),
        ("12:30 pm", "12:30 pm"),
        ("08:15", "8:15 AM"),
        ("2026-03-03", "March 3rd, 2026"),
        ("3/22/2026", "March 22nd, 2026"),
        ("22/3/26", "March 22nd, 2026"),
        ("10% off", "10 percent off"),
        ("5 lbs or 1 lb", "5 pounds or 1 pound"),
        ("70\u00b0F", "70 degrees Fahrenheit"),
        ("takes 2 hrs.", "takes 2 hours."),
        ("approx. 20 km", "approximately 20 kilometers"),
        ("Smith & Sons", "Smith and Sons"),
        ("me @ home", "me at home"),
        ("24/7 and/or yes/no", "24 7 and or yes or no"),
        ("Mon-Fri 8-6", "Monday to Friday 8 to 6"),
        ("2025-2026", "2025 to 2026"),
        ("S-A-R-A-H.", "S, A, R, A, H."),
        ("**Bold** `code`", "Bold code"),
        ("ok \U0001f600!", "ok !"),
        ("1,250 people, 3.50 each, the 3rd of March, 8 AM", "1,250 people, 3.50 each, the 3rd of March, 8 AM"),
        ("in 1995 and 48 of 94107", "in 1995 and 48 of 94107"),
        ("", ""),
    ],
)
def test_spoken(written: str, words: str) -> None:
    assert spoken(written).text == words


def test_spoken_words_lead_back_to_written_ones() -> None:
    written = "Dial 415-555-0123 by 16:00."
    made = spoken(written)
    assert made.text == "Dial four one five, five five five, oh one two three by 4 PM."

    def heard(words: str) -> str:
        return written[: made.written_at(made.text.index(words) + len(words))]

    assert heard("Dial") == "Dial"
    assert heard("four one") == "Dial 41"
    assert heard("five five five,") == "Dial 415-555"
    assert heard("three") == "Dial 415-555-0123"
    assert heard("by") == "Dial 415-555-0123 by"
    assert heard("by 4") == "Dial 415-555-0123 by "
    assert heard("PM") == "Dial 415-555-0123 by 16:00"
    assert made.written_at(0) == 0
    assert made.written_at(10_000) == len(written)


def test_spell() -> None:
    assert spell("Sara h2") == "S, A, R, A, H, two"
    assert spell("Sam", hints=True) == "S as in Sam, A, M as in Mary"


_BITS = [
    "415",
    "-",
    "555",
    " ",
    "(",
    ")",
    "$",
    "3.50",
    ":",
    "/",
    "@",
    ".com",
    "a",
    "St.",
    "#",
    "%",
    "&",
    "9",
    "Dr.",
    "AB",
    "+",
    "lb",
    "IL 62704",
    "2026-03-03",
    "Mon",
    "\u0661",
    "\u00b2",
]
_TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_BITS), max_size=15).map("".join))


@given(_TEXTS)
def test_the_spans_follow_one_another_and_cover_both_texts(written: str) -> None:
    made = spoken(written)
    ends = [(span.end, span.written_end) for span in made.spans]
    starts = [(span.start, span.written_start) for span in made.spans]
    assert starts[:1] in ([], [(0, 0)])
    assert starts[1:] == ends[:-1]
    assert (ends or [(0, 0)])[-1] == (len(made.text), len(written))
    assert all(span.start <= span.end and span.written_start <= span.written_end for span in made.spans)


@given(_TEXTS)
def test_the_way_back_never_goes_backwards(written: str) -> None:
    made = spoken(written)
    places = [made.written_at(place) for place in range(-1, len(made.text) + 2)]
    assert all(a <= b for a, b in itertools.pairwise(places))
    assert all(0 <= place <= len(written) for place in places)


@given(st.text())
def test_spell_never_raises(text: str) -> None:
    spell(text, hints=True)
