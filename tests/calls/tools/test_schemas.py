from typing import Any

import pytest

from offhook.calls.tools.builtin import builtin_tools
from offhook.calls.tools.schemas import checked, checker_of, inlined
from offhook.errors import ToolError
from offhook.providers.llm.flow import load_facts

_SCHEMA = {
    "type": "object",
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"]},
        "count": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        "tags": {"type": "array"},
        "more": {"type": "object"},
        "any": {},
    },
    "required": ["size"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": "small"},
        {"size": "large", "count": 2, "note": None, "tags": [1], "more": {"a": 1}, "any": 4.5},
        {"size": "small", "count": "3"},
    ],
)
def test_good_arguments(arguments: dict[str, Any]) -> None:
    assert checked(checker_of(_SCHEMA), arguments).keys() == arguments.keys()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "size: Field required"),
        ({"size": "medium"}, "size: Input should be 'small' or 'large'"),
        ({"size": "small", "count": 0}, "count: "),
        ({"size": "small", "count": "many"}, "count: "),
        ({"size": "small", "note": "too long"}, "note"),
        ({"size": "small", "other": 1}, "other: Extra inputs"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], fault: str) -> None:
    with pytest.raises(ToolError, match=fault):
        checked(checker_of(_SCHEMA), arguments)


def test_a_schema_that_says_nothing_allows_everything() -> None:
    assert checked(checker_of({"type": "object"}), {"a": 1}) == {"a": 1}


def test_our_schemas_are_plain() -> None:
    for tool in builtin_tools(load_facts()):
        parameters = tool.spec.parameters
        assert parameters["type"] == "object"
        assert parameters["additionalProperties"] is False
        assert "$defs" not in parameters
        assert "title" not in parameters
        assert all(
            "description" in shape or name in {"date", "number", "name", "reason", "part"}
            for name, shape in parameters["properties"].items()
        )


def test_a_schema_is_made_into_a_checker_once() -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
    assert checker_of(schema) is checker_of(dict(reversed(schema.items())))


@pytest.mark.parametrize("name", ["_hidden", "json", "model_config", "copy", "with space", "class", "argument_0", "ä"])
def test_an_argument_may_have_any_name(name: str) -> None:
    checker = checker_of({"type": "object", "properties": {name: {"type": "integer"}, "b": {}}, "required": [name]})
    assert checked(checker, {name: "3", "b": 1, "more": 2}) == {name: 3, "b": 1, "more": 2}
    with pytest.raises(ToolError, match=f"{name}: Field required"):
        checked(checker, {})


@pytest.mark.parametrize(
    "schema",
    [
        True,
        None,
        {"anyOf": []},
        {"anyOf": 3},
        {"anyOf": [True]},
        {"type": "string", "pattern": "(?<=a)b("},
        {"type": ["string", {}]},
        {"type": {}},
        {"$ref": "#/$defs/Thing"},
        {"type": "thing"},
    ],
)
def test_what_is_not_understood_of_a_schema_is_not_checked(schema: Any) -> None:
    checker = checker_of({"type": "object", "properties": {"a": schema}})
    assert checked(checker, {"a": "anything"}) == {"a": "anything"}


def test_several_types() -> None:
    checker = checker_of({"type": "object", "properties": {"a": {"type": ["integer", "null"], "minimum": 2}}})
    assert checked(checker, {"a": None}) == {"a": None}
    assert checked(checker, {"a": 2}) == {"a": 2}
    with pytest.raises(ToolError, match="a"):
        checked(checker, {"a": 1})


@pytest.mark.parametrize("value", [1.5, None])
def test_choices_of_any_type(value: Any) -> None:
    checker = checker_of({"type": "object", "properties": {"a": {"enum": [value]}}})
    assert checked(checker, {"a": value}) == {"a": value}
    with pytest.raises(ToolError, match="a: Input should be"):
        checked(checker, {"a": "other"})


def test_a_schema_that_would_be_huge_stays_as_it_is() -> None:
    defined = {f"d{n}": {"properties": {key: {"$ref": f"#/$defs/d{n + 1}"} for key in "ab"}} for n in range(30)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**defined, "d30": {"type": "string"}}}
    assert inlined(schema) == schema
