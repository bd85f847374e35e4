"""Tool arguments as JSON schema and back: a schema from a pydantic model, and checks from any schema."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import SchemaValidator

from offhook.calls.tools.json_schema import validator_of
from offhook.errors import ToolError

__all__ = ["Arguments", "checked", "checker_of", "faults_of", "inlined", "schema_of"]

_MOST_FAULTS = 3
_MOST_PARTS = 10_000
"""A schema of a few lines can refer to itself in more parts than there is memory for."""


class Arguments(BaseModel):
    """Arguments of a tool of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a model, as language models want it: no titles."""
    return {
        key: _untitled(value) for key, value in model.model_json_schema().items() if key not in {"title", "description"}
    }


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without references, which not every model reads; one that refers to itself, or would be huge, stays as
    it is."""
    defined = schema.get("$defs", {})
    parts = count(1)

    def put_in(value: Any, inside: tuple[str, ...]) -> Any:
        if next(parts) > _MOST_PARTS:
            raise RecursionError("too many parts")
        if isinstance(value, list):
            return [put_in(each, inside) for each in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("$ref", "")).removeprefix("#/$defs/")
        if name in inside:
            raise RecursionError(name)
        rest = {key: put_in(inner, inside) for key, inner in value.items() if key not in ("$ref", "$defs")}
        return {**put_in(defined[name], (*inside, name)), **rest} if name in defined else rest

    try:
        plain: dict[str, Any] = put_in(dict(schema), ())
    except RecursionError:
        return dict(schema)
    return plain


def checker_of(parameters: Mapping[str, Any]) -> SchemaValidator:
    """What checks arguments against a JSON schema of type object; the same one for the same schema."""
    return _checker_of(orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS))


# Made once a schema, not once a call.
@lru_cache(maxsize=1_024)
def _checker_of(schema: bytes) -> SchemaValidator:
    return validator_of(orjson.loads(schema))


def checked(checker: SchemaValidator, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, checked. Raises ToolError that names the argument at fault."""
    try:
        found: dict[str, Any] = checker.validate_python(dict(arguments))
    except ValidationError as error:
        raise ToolError(faults_of(error)) from error
    return found


def faults_of(error: ValidationError) -> str:
    """What is wrong with arguments, each by its name, without its value."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(str(step) for step in fault['loc']) or 'arguments'}: {fault['msg']}" for fault in faults]
    more = f"; and {len(told) - _MOST_FAULTS} more" if len(told) > _MOST_FAULTS else ""
    return "; ".join(told[:_MOST_FAULTS]) + more


def _untitled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _untitled(inner) for key, inner in value.items() if not (key == "title" and isinstance(inner, str))
        }
    return [_untitled(inner) for inner in value] if isinstance(value, list) else value
