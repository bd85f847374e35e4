"""Tool arguments as JSON schema and back: a schema from a pydantic model, and checks from any schema."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from offhook.errors import ToolError

__all__ = ["Arguments", "checked", "checker_of", "schema_of"]

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[Any],
    "object": dict[str, Any],
    "null": None,
}
_LIMITS = {
    "pattern": "pattern",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minimum": "ge",
    "maximum": "le",
    "minItems": "min_length",
    "maxItems": "max_length",
}


class Arguments(BaseModel):
    """Arguments of a tool of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, as language models want it: no titles."""
    return {
        key: _untitled(value) for key, value in model.model_json_schema().items() if key not in {"title", "description"}
    }


def checker_of(parameters: Mapping[str, Any]) -> type[BaseModel]:
    """A model that checks arguments against a JSON schema of type object; the same one for the same schema."""
    return _checker_of(orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS))


# Making a model takes a millisecond and its class is never quite forgotten: once a schema, not once a call.
@lru_cache(maxsize=1_024)
def _checker_of(schema: bytes) -> type[BaseModel]:
    parameters: dict[str, Any] = orjson.loads(schema)
    required = set(parameters.get("required", ()))
    fields: dict[str, Any] = {
        name: (_type_of(schema), ... if name in required else None)
        for name, schema in parameters.get("properties", {}).items()
    }
    extra: Literal["forbid", "allow"] = "forbid" if parameters.get("additionalProperties") is False else "allow"
    return create_model("Checked", __config__=ConfigDict(extra=extra, strict=False), **fields)


def checked(checker: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, checked. Raises ToolError that names the argument at fault."""
    try:
        return checker.model_validate(dict(arguments)).model_dump(exclude_unset=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        raise ToolError(f"{where}: {first['msg']}") from error


def _type_of(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if "anyOf" in schema:
        kind: Any = _type_of(schema["anyOf"][0])
        for other in schema["anyOf"][1:]:
            kind = kind | _type_of(other)
        return kind
    limits = {ours: schema[theirs] for theirs, ours in _LIMITS.items() if theirs in schema}
    kind = _TYPES.get(schema.get("type", ""), Any)
    return Annotated[kind, Field(**limits)] if limits else kind


def _untitled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _untitled(inner) for key, inner in value.items() if not (key == "title" and isinstance(inner, str))
        }
    return [_untitled(inner) for inner in value] if isinstance(value, list) else value
