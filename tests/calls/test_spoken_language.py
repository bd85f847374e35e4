from collections.abc import Mapping
from typing import Literal

import pytest

from offhook.calls.spoken_language import SpokenLanguage
from offhook.providers.stt.base import Transcript


def judged(
    text: str,
    languages: Mapping[str, float],
    *,
    ms: int = 1_500,
    mode: Literal["off", "first", "always"] = "first",
    spoken: tuple[str, ...] = ("en", "es", "ja"),
) -> str:
    return SpokenLanguage(mode, spoken).judge(Transcript(text, 0.9, languages), ms)


def test_words_in_another_language_are_told() -> None:
    assert judged("Hola, quiero una cita.", {"es": 0.93, "en": 0.02}) == "es"
    assert judged("I want an appointment.", {"es": 0.01, "en": 0.97}) == "en"


@pytest.mark.parametrize(
    ("text", "languages", "ms"),
    [
        ("Okay.", {"es": 0.99}, 1_500),
        ("Hola, sí.", {"es": 0.99}, 600),
        ("Maria Garcia Lopez.", {"es": 0.55, "en": 0.35}, 1_500),
        ("Gute Nacht allerseits.", {"es": 0.04, "en": 0.001}, 1_500),
        ("Who knows what?", {}, 1_500),
        ("", {"es": 0.9}, 1_500),
    ],
    ids=["one word", "short", "uncertain", "none of them", "not told", "no words"],
)
def test_what_is_short_or_uncertain_tells_nothing(text: str, languages: Mapping[str, float], ms: int) -> None:
    assert judged(text, languages, ms=ms) == ""


def test_words_without_spaces_are_counted_by_their_letters() -> None:
    assert judged("予約をお願いします", {"ja": 0.98}) == "ja"
    assert judged("はい", {"ja": 0.98}) == ""


def test_nothing_is_asked_where_there_is_no_choice() -> None:
    assert SpokenLanguage("off", ("en", "es")).asked == ()
    assert SpokenLanguage("always", ("en",)).asked == ()
    assert judged("Hola, quiero una cita.", {"es": 0.9}, mode="off") == ""


def test_the_first_clear_words_settle_it_or_nothing_does() -> None:
    first, always = SpokenLanguage("first", ("en", "es")), SpokenLanguage("always", ("en", "es"))
    for each in (first, always):
        each.settle("")
        assert each.asked == ("en", "es")
        each.settle("en")
    assert (first.asked, always.asked) == ((), ("en", "es"))
