import pytest

from offhook.providers.llm.flow.phones import amended, digit_runs, grouped, grouped_so_far
from offhook.providers.llm.flow.words import hear


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four one five, five five five, oh one two three", "4155550123"),
        ("415-555-0123", "4155550123"),
        ("(415) 555 0123", "4155550123"),
        ("415, 555, 01 23", "4155550123"),
        ("four one five double five five zero one double two", "4155550122"),
        ("triple five", "555"),
        ("double 5", "55"),
        ("five hundred", "500"),
        ("five hundred and fifty five", "555"),
        ("eight hundred five five five", "800555"),
        ("five thousand", "5000"),
        ("fifty five nineteen", "5519"),
        ("four fifteen", "415"),
        ("area code four one five and then uh 555 0123", "4155550123"),
        ("four one five to five", "41525"),
        ("one two three for", "1234"),
        ("seven ate nine", "789"),
        ("I want to book for two", "2"),
        ("no digits", ""),
    ],
)
def test_digits(text: str, digits: str) -> None:
    assert "".join(run.digits for run in digit_runs(hear(text).words)) == digits


@pytest.mark.parametrize(
    ("old", "said", "new"),
    [
        ("4155550123", "no, it's five five five oh one two four", "4155550124"),
        ("4155550123", "the last four digits are 0199", "4155550199"),
        ("4155550123", "it ends in double nine", "4155550199"),
        ("4155550123", "the area code is 416", "4165550123"),
        ("4155550123", "the first three are 510", "5105550123"),
        ("4155550123", "no 416", "4165550123"),
        ("4155550123", "no 0132", "4155550132"),
        ("4255550123", "it's a 4 not a 1", "4255550423"),
        ("4155550123", "it is four not three", "4155550124"),
        ("4155550123", "no, 212 555 0000", "2125550000"),
        ("5550123", "no, 555 0124", "5550124"),
        ("415555", "0123", "4155550123"),
        ("4155550123", "that is wrong", None),
    ],
)
def test_amended(old: str, said: str, new: str | None) -> None:
    assert amended(old, hear(said), 10) == new


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("4155550123", "415-555-0123"),
        ("5550123", "555-0123"),
        ("14155550123", "1-415-555-0123"),
        ("+14155550123", "+1-415-555-0123"),
        ("123", "123"),
    ],
)
def test_grouped(number: str, written: str) -> None:
    assert grouped(number) == written


def test_grouped_so_far() -> None:
    assert grouped_so_far("41555") == "415-55"
