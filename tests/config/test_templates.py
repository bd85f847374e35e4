import pytest

from offhook.config.templates import Place, parts_of, places_in


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("{phone}", (Place("argument", "phone"),)),
        ("a{first-name}b{n_2}", ("a", Place("argument", "first-name"), "b", Place("argument", "n_2"))),
        ("{call.id}", (Place("call", "id"),)),
        ("{call.caller_number}{call.called_number}", (Place("call", "caller_number"), Place("call", "called_number"))),
        ("{call.variables.account.id}", (Place("call", "variables.account.id"),)),
        ("Bearer {env.CRM_TOKEN}", ("Bearer ", Place("env", "CRM_TOKEN"))),
        ("{env.URL:http://a:1/b}/c", (Place("env", "URL", "http://a:1/b"), "/c")),
        ("{env.KEY:}", (Place("env", "KEY", ""),)),
        ("{{phone}}", ("{", "phone", "}")),
        ("{{{phone}}}", ("{", Place("argument", "phone"), "}")),
    ],
)
def test_a_text_is_taken_apart(text: str, parts: tuple[str | Place, ...]) -> None:
    assert parts_of(text) == parts
    assert [str(part) for part in parts_of(text) if isinstance(part, Place)] == [
        str(part) for part in parts if isinstance(part, Place)
    ]


@pytest.mark.parametrize("place", ["{phone}", "{call.id}", "{call.variables.x}", "{env.KEY}"])
def test_a_place_is_shown_as_it_was_written(place: str) -> None:
    assert [str(part) for part in parts_of(place)] == [place]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", 'a single "{"; write "{{"'),
        ("a}b", 'a single "}"; write "}}"'),
        ("{}", '"{}" is no place'),
        ("{call.number}", '"{call.number}" is no place'),
        ("{call.variables.}", "is no place"),
        ("{env.MY KEY}", "is no place"),
        ("{env.}", "is no place"),
        ("{env.:x}", "is no place"),
        ("{other.thing}", "is no place"),
        ("{two words}", "is no place"),
    ],
)
def test_what_is_no_place(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r"single|no place") as caught:
        parts_of(text)
    assert fault in str(caught.value)


def test_places_are_found_wherever_they_are() -> None:
    value = {"a": "{x}", "b": [1, True, None, {"c": "-{y}-"}], "d": ("{env.Z}",)}
    assert [str(place) for place in places_in(value)] == ["{x}", "{y}", "{env.Z}"]
