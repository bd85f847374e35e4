"""Checks from a JSON schema, as deep as it goes: the schema's own words made into those of pydantic's core.

What is left out is allowed: formats, conditions, unique items, references to other documents, several `allOf` that are
no objects, and patterns that look ahead or back: what cannot be matched in one pass over a text might, with the right
text, keep all calls waiting. Source: JSON Schema, draft 2020-12.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import structlog
from pydantic_core import CoreSchema, SchemaError, SchemaValidator, core_schema

__all__ = ["validator_of"]

log = structlog.get_logger(__name__)

_LIMITS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_SCALARS = (str, int, float, bool, type(None))


def validator_of(schema: Mapping[str, Any]) -> SchemaValidator:
    """What checks values against `schema`, and takes "3" for a number. Of a schema that makes no sense it checks
    nothing."""
    try:
        return SchemaValidator(_Schema(schema).core())
    except (SchemaError, RecursionError, TypeError, AttributeError, ValueError) as error:
        problem = str(error).partition("\n")[0]
        log.warning("a tool's schema cannot be read; its arguments are not checked", error=problem)
        return SchemaValidator(core_schema.dict_schema())


class _Schema:
    """One document, with the parts of it that are referred to."""

    def __init__(self, document: Mapping[str, Any]):
        self._document = document
        self._defined: dict[str, CoreSchema | None] = {}

    def core(self) -> CoreSchema:
        """The document as a schema of the core."""
        whole = self._core(self._document)
        defined = [each for each in self._defined.values() if each is not None]
        return core_schema.definitions_schema(whole, defined) if defined else whole

    def _core(self, schema: Any) -> CoreSchema:
        if not isinstance(schema, Mapping):
            return core_schema.any_schema()
        if "$ref" in schema:
            return self._referred(str(schema["$ref"]))
        if "enum" in schema or "const" in schema:
            return _one_of(schema.get("enum", [schema.get("const")]))
        kind = schema.get("type") or _kind_of(schema)
        if isinstance(kind, list):
            return self._any_of([{**schema, "type": each} for each in kind])
        if kind is not None:
            return self._of_kind(kind, schema)
        choices = schema.get("anyOf") or schema.get("oneOf")
        return self._any_of(choices) if choices else self._all_of(schema.get("allOf", []))

    def _referred(self, pointer: str) -> CoreSchema:
        if pointer not in self._defined:
            target = _at(self._document, pointer)
            if target is None:
                return core_schema.any_schema()
            if "$ref" in target:
                return self._referred(str(target["$ref"]))
            # First its name: it may refer to itself.
            self._defined[pointer] = None
            self._defined[pointer] = {**self._core(target), "ref": pointer}
        return core_schema.definition_reference_schema(pointer)

    def _any_of(self, choices: list[Any]) -> CoreSchema:
        some = [each for each in choices if not (isinstance(each, Mapping) and each.get("type") == "null")]
        labelled: list[tuple[CoreSchema, str]] = [(self._core(each), _label(each)) for each in some]
        if len(labelled) == 1:
            kind = labelled[0][0]
        else:
            kind = core_schema.union_schema([*labelled]) if some else core_schema.none_schema()
        return core_schema.nullable_schema(kind) if len(some) < len(choices) else kind

    def _all_of(self, parts: list[Any]) -> CoreSchema:
        if len(parts) == 1:
            return self._core(parts[0])
        objects = [_at(self._document, part["$ref"]) if "$ref" in part else part for part in parts]
        if not objects or not all(isinstance(each, Mapping) and _is_object(each) for each in objects):
            return core_schema.any_schema()
        properties = {name: shape for each in objects if each for name, shape in each.get("properties", {}).items()}
        required = [name for each in objects if each for name in each.get("required", ())]
        return self._object({"properties": properties, "required": required})

    def _of_kind(self, kind: str, schema: Mapping[str, Any]) -> CoreSchema:
        kinds: dict[str, Callable[[Mapping[str, Any]], CoreSchema]] = {
            "string": _string,
            "integer": _integer,
            "number": _number,
            "boolean": lambda _: core_schema.bool_schema(),
            "null": lambda _: core_schema.none_schema(),
            "array": self._array,
            "object": self._object,
        }
        return kinds[kind](schema) if kind in kinds else core_schema.any_schema()

    def _array(self, schema: Mapping[str, Any]) -> CoreSchema:
        items = None if "prefixItems" in schema else self._core(schema.get("items"))
        least, most = _size(schema, "minItems"), _size(schema, "maxItems")
        return core_schema.list_schema(items, min_length=least, max_length=most)

    def _object(self, schema: Mapping[str, Any]) -> CoreSchema:
        shapes = dict(schema.get("properties", {}))
        required = set(schema.get("required", ()))
        more = schema.get("additionalProperties", True)
        if not shapes and not required and more is not False:
            values = self._core(more)
            return core_schema.dict_schema(core_schema.str_schema(), values)
        fields = {
            name: core_schema.typed_dict_field(self._core(shapes.get(name)), required=name in required)
            for name in (*shapes, *sorted(required - shapes.keys()))
        }
        if more is False:
            return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.typed_dict_schema(fields, extra_behavior="allow", extras_schema=self._core(more))


def _kind_of(schema: Mapping[str, Any]) -> str | None:
    """The kind of a schema that does not name it."""
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else None


def _is_object(schema: Mapping[str, Any]) -> bool:
    return (schema.get("type") or _kind_of(schema)) == "object"


def _label(schema: Any) -> str:
    """What an error calls a choice."""
    if not isinstance(schema, Mapping):
        return "anything"
    return str(schema.get("title") or schema.get("type") or schema.get("$ref", "choice").rpartition("/")[2])


def _at(document: Mapping[str, Any], pointer: str) -> Mapping[str, Any] | None:
    """The part of the document that `pointer` leads to; None if it leads elsewhere."""
    if not pointer.startswith("#"):
        return None
    found: Any = document
    for step in _steps(pointer[1:]):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _steps(path: str) -> Iterator[str]:
    for step in path.split("/")[1:]:
        yield step.replace("~1", "/").replace("~0", "~")


def _one_of(values: list[Any]) -> CoreSchema:
    if values and all(isinstance(value, _SCALARS) for value in values):
        return core_schema.literal_schema(values)
    return core_schema.any_schema()


def _string(schema: Mapping[str, Any]) -> CoreSchema:
    return core_schema.str_schema(
        pattern=_pattern(schema.get("pattern")),
        min_length=_size(schema, "minLength"),
        max_length=_size(schema, "maxLength"),
        coerce_numbers_to_str=True,
    )


def _number(schema: Mapping[str, Any]) -> CoreSchema:
    return core_schema.float_schema(**_limits(schema))


def _integer(schema: Mapping[str, Any]) -> CoreSchema:
    """Whole numbers, whose limits may be written with a fraction."""
    limits = _limits(schema)
    if limits.get("multiple_of", 1) % 1:
        del limits["multiple_of"]
    rounded = {name: (math.ceil if name in ("ge", "lt") else math.floor)(limit) for name, limit in limits.items()}
    return core_schema.int_schema(**rounded)


def _limits(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: schema[theirs] for theirs, ours in _LIMITS.items() if _is_number(schema.get(theirs))}


def _size(schema: Mapping[str, Any], name: str) -> int | None:
    size = schema.get(name)
    return int(size) if size is not None and _is_number(size) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _pattern(pattern: Any) -> str | None:
    """A pattern, if it can be matched without going back."""
    if not isinstance(pattern, str):
        return None
    try:
        SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return None
    return pattern
