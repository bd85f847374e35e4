import pytest

from offhook.server.caller_numbers import caller_key


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("+14155550142", "14155550142"),
        ("14155550142", "14155550142"),
        ("+1 (415) 555-0142", "14155550142"),
        ("2562533", "2562533"),
        ("", ""),
        ("anonymous", ""),
        ("+266696687", ""),
        ("+7378742833", ""),
        ("+2562533", ""),
        ("+86282452253", ""),
        ("+8656696", ""),
    ],
)
def test_numbers_are_their_digits_unless_withheld(number: str, key: str) -> None:
    assert caller_key(number) == key
