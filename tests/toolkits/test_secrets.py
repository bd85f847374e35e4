import pytest
from pydantic import SecretStr

from offhook.toolkits.secrets import Secrets

SECRETS = Secrets({"TOKEN": SecretStr('to"ken/1'), "PIN": SecretStr("123")})


def test_texts_are_filled() -> None:
    assert SECRETS.filled("Bearer {env.TOKEN}{{}}") == 'Bearer to"ken/1{}'
    with pytest.raises(KeyError):
        SECRETS.filled("{env.OTHER}")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('it is to"ken/1!', "it is [secret]!"),
        ("GET /x?k=to%22ken%2F1", "GET /x?k=[secret]"),
        ('{"k":"to\\"ken/1"}', '{"k":"[secret]"}'),
        ("pin 123", "pin 123"),
    ],
)
def test_they_are_hidden_in_every_form(text: str, hidden: str) -> None:
    assert SECRETS.hidden(text) == hidden


def test_they_are_hidden_in_values() -> None:
    assert SECRETS.hidden_in({"a": ['x to"ken/1', 3, None]}) == {"a": ["x [secret]", 3, None]}
    plain = {"a": [1, 2.5, True, "ä"]}
    assert SECRETS.hidden_in(plain) is plain


def test_they_are_not_shown() -> None:
    assert repr(SECRETS) == "Secrets(TOKEN, PIN)"


def test_what_is_left_is_still_the_same_json() -> None:
    secrets = Secrets({"ACCOUNT": SecretStr("1234"), "FLAG": SecretStr("true"), "NAME": SecretStr('"id"')})
    found = {"price": 12345, "account": 1234, "id 1234": ["1234", 1234.5, True, None], "id": "true"}
    assert secrets.hidden_in(found) == {
        "price": 12345,
        "account": "[secret]",
        "id [secret]": ["[secret]", 1234.5, True, None],
        "id": "[secret]",
    }


def test_what_a_place_has_in_the_place_of_a_name_that_is_not_set() -> None:
    assert SECRETS.filled("{env.PIN:9} {env.OTHER:x} {env.OTHER:}.") == "123 x ."
    with pytest.raises(KeyError, match="OTHER"):
        SECRETS.filled("{env.OTHER}")
