import pytest

from offhook.providers.llm.flow.numbers import cardinal_at, ordinal_at


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("seven", 7),
        ("twenty five", 25),
        ("a hundred and ninety", 190),
        ("two hundred", 200),
        ("three thousand four hundred and five", 3405),
        ("42", 42),
        ("none", None),
    ],
)
def test_cardinals(text: str, value: int | None) -> None:
    found = cardinal_at(tuple(text.split()), 0)
    assert (found and found[0]) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("first", 1), ("twenty first", 21), ("thirtieth", 30), ("12th", 12), ("fourteenth", 14), ("ten", None)],
)
def test_ordinals(text: str, value: int | None) -> None:
    found = ordinal_at(tuple(text.split()), 0)
    assert (found and found[0]) == value
