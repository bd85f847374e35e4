import re
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from offhook.calls.tools.json_schema import validator_of
from offhook.calls.tools.schemas import faults_of

ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string", "minLength": 1}, "number": {"type": "integer"}},
    "required": ["street"],
    "additionalProperties": False,
}
ZIP = {"type": "object", "properties": {"zip": {"type": "string"}}, "required": ["zip"]}
TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/$defs/Node"}},
    "required": ["root"],
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#/$defs/Node"}}},
            "required": ["name"],
        },
        "Alias": {"$ref": "#/$defs/Node"},
        "a/b": {"type": "integer"},
    },
}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (of(a=ADDRESS), {"a": {"street": "High Street", "number": 3}}),
        (of(a={"type": "array", "items": ADDRESS}), {"a": [{"street": "High Street"}]}),
        (of(a={"type": ["string", "null"]}), {"a": None}),
        (of(a={"type": ["string", "integer"]}), {"a": 3}),
        (of(a={"enum": ["x", 1, None]}), {"a": None}),
        (of(a={"enum": [["x"], {"y": 1}]}), {"a": "anything"}),
        (of(a={"const": "x"}), {"a": "x"}),
        (of(a={"anyOf": [ADDRESS, {"type": "string"}, {"type": "null"}]}), {"a": "High Street 3"}),
        (of(a={"anyOf": [{"type": "null"}]}), {"a": None}),
        (of(a={"oneOf": [True, {"type": "string"}]}), {"a": [1]}),
        (of(a={"allOf": [ADDRESS]}), {"a": {"street": "High Street"}}),
        (of(a={"allOf": [{"type": "string"}, {"minLength": 3}]}), {"a": "anything"}),
        (of(a={"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}), {"a": 1.5}),
        (of(a={"type": "integer", "minimum": 0.5, "maximum": 3.5, "exclusiveMaximum": True}), {"a": 3}),
        (of(a={"type": "string", "pattern": "^(?!x)"}), {"a": "xyz"}),
        (of(a={"type": "string", "pattern": r"(a)\1"}), {"a": "b"}),
        (of(a={"type": "string", "pattern": "(", "maxLength": "3"}), {"a": "anything"}),
        (of(a={"type": "string", "format": "date"}), {"a": "anything"}),
        (of(a={"type": "array", "prefixItems": [{"type": "string"}]}), {"a": [1, "x"]}),
        (of(a={"items": {"type": "string"}}), {"a": ["x"]}),
        (of(a={"type": "object", "additionalProperties": {"type": "integer"}}), {"a": {"x": 1}}),
        (of(a={"type": "odd"}), {"a": object}),
        (
            of(a=True, b={}, _c={"type": "boolean"}, schema={"type": "null"}),
            {"a": 1, "b": 2, "_c": True, "schema": None},
        ),
        (of(a={"$ref": "https://example.com/other.json"}), {"a": 1}),
        (of(a={"$ref": "#/$defs/missing"}), {"a": 1}),
        (TREE, {"root": {"name": "a", "below": [{"name": "b", "below": [{"name": "c"}]}]}}),
        (
            {**TREE, "required": [], **of(a={"$ref": "#/$defs/Alias"}, b={"$ref": "#/$defs/a~1b"})},
            {"a": {"name": "x"}, "b": 7},
        ),
        ({"type": "object"}, {"anything": [1]}),
        ({"properties": {"a": {"type": "string"}}}, {"a": "x", "more": 1}),
        ({"type": "object", "properties": {}, "required": ["a"]}, {"a": object}),
    ],
)
def test_what_fits(schema: dict[str, Any], value: Any) -> None:
    assert validator_of(schema).validate_python(value) == value


@pytest.mark.parametrize(
    ("schema", "value", "fault"),
    [
        (of(a=ADDRESS), {"a": {"number": 3}}, "a.street: Field required"),
        (of(a=ADDRESS), {"a": {"street": ""}}, "a.street: String should have at least 1 character"),
        (of(a=ADDRESS), {"a": {"street": "x", "city": "y"}}, "a.city: Extra inputs are not permitted"),
        (of(a=ADDRESS), {"a": "High Street"}, "a: Input should be a valid dictionary"),
        (of(a={"type": "array", "items": ADDRESS}), {"a": [{"street": "x"}, {}]}, "a.1.street: Field required"),
        (of(a={"type": "array", "minItems": 2}), {"a": [1]}, "a: List should have at least 2 items"),
        (of(a={"type": ["string", "null"]}), {"a": []}, "a: Input should be a valid string"),
        (of(a={"type": "null"}), {"a": 1}, "a: Input should be None"),
        (of(a={"const": "x"}), {"a": "y"}, "a: Input should be 'x'"),
        (of(a={"anyOf": [ADDRESS, {"type": "integer"}]}), {"a": "x"}, "a.object: .*; a.integer: "),
        (of(a={"type": "number", "exclusiveMinimum": 0}), {"a": 0}, "a: Input should be greater than 0"),
        (of(a={"type": "integer", "minimum": 0.5}), {"a": 0}, "a: Input should be greater than or equal to 1"),
        (of(a={"type": "string", "pattern": r"^(\w+\s?)*$"}), {"a": "a" * 40 + "!"}, "a: String should match"),
        (of(a={"type": "object", "additionalProperties": {"type": "integer"}}), {"a": {"x": "y"}}, "a.x: "),
        (of(a={"type": "object", "additionalProperties": False}), {"a": {"x": 1}}, "a.x: Extra inputs"),
        (of(_c={"type": "boolean"}), {"_c": 7}, "_c: "),
        (TREE, {"root": {"name": "a", "below": [{"below": []}]}}, "root.below.0.name: Field required"),
        (
            of(a={"allOf": [ADDRESS, {"$ref": "#/properties/b"}]}, b=ZIP),
            {"a": {}},
            "a.street: .*; a.zip: Field required",
        ),
    ],
)
def test_what_does_not_fit(schema: dict[str, Any], value: Any, fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validator_of(schema).validate_python(value)
    assert re.search(fault, faults_of(caught.value)), faults_of(caught.value)


@pytest.mark.parametrize(
    ("schema", "value", "taken"),
    [
        (of(a={"type": "integer"}), {"a": "3"}, {"a": 3}),
        (of(a={"type": "number"}), {"a": "3.5"}, {"a": 3.5}),
        (of(a={"type": "boolean"}), {"a": "true"}, {"a": True}),
        (of(a={"type": "string"}), {"a": 4155550123}, {"a": "4155550123"}),
        (of(a={"type": "array", "items": {"type": "integer"}}), {"a": ["1", 2.0]}, {"a": [1, 2]}),
    ],
)
def test_what_is_taken_for_what_was_meant(schema: dict[str, Any], value: Any, taken: Any) -> None:
    assert validator_of(schema).validate_python(value) == taken


@pytest.mark.parametrize("schema", [{"type": "object", "properties": 7}, of(a={"allOf": 7}), of(a={"anyOf": 7})])
def test_a_schema_that_makes_no_sense_allows_everything_and_is_told(schema: dict[str, Any]) -> None:
    with capture_logs() as logs:
        assert validator_of(schema).validate_python({"a": 1}) == {"a": 1}
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_the_work_grows_with_the_schema_and_no_faster() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(60):
        schema = {"anyOf": [{"type": "object", "properties": {"a": schema}}, {"type": "null"}]}
    with pytest.raises(ValidationError, match="Input should be a valid dictionary"):
        validator_of(of(a=schema)).validate_python({"a": {"a": 1}})
