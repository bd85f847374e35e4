import pytest

from offhook.calls.placeholders import fill


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {name}, about {order-id}.", "Hello Ada, about {name}."),
        ("{unknown} {name} {", "{unknown} Ada {"),
        ("{} { name } {{name}}", "{} { name } {Ada}"),
        ('{"name": 1}', '{"name": 1}'),
        ("", ""),
    ],
)
def test_known_places_are_filled_once_and_all_else_stays(text: str, filled: str) -> None:
    assert fill(text, {"name": "Ada", "order-id": "{name}"}) == filled
