"""Tools made of Python functions: the schema is their type hints and docstring, and arguments come as those types."""

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from docstring_parser import Docstring, DocstringStyle, parse
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.fields import FieldInfo

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.calls.tools.schemas import faults_of, inlined, schema_of
from offhook.errors import ConfigError, ToolError
from offhook.providers.llm.base import ToolSpec

__all__ = ["FunctionTool"]

_WANTED = "as in `async def look_up(day: date, context: ToolContext) -> list[str]`"
_CONFIG = ConfigDict(extra="forbid", str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of the function; `field` is its name in the model of the arguments, where any name may be used."""

    name: str
    field: str
    hint: Any
    default: Any


class FunctionTool(Tool):
    """The async function `function`, by its own name if none is given. Raises ConfigError with the function's file and
    line if no tool can be made of it. `shared` gives what all calls of it have in common."""

    def __init__(
        self,
        function: Callable[..., Awaitable[Any]],
        rules: ToolRules,
        name: str = "",
        shared: Callable[[], Any] = lambda: None,
    ):
        self._function = function
        self._shared = shared
        code = inspect.unwrap(function).__code__
        self.file, self.line = Path(code.co_filename), code.co_firstlineno
        self.rules = rules
        if not inspect.iscoroutinefunction(function):
            raise self._wrong("is not async", "write `async def`; in it, asyncio.to_thread runs what blocks")
        known = [*self._parameters()]
        self._contexts = [each.name for each in known if each.hint is ToolContext]
        self._parts = [each for each in known if each.hint is not ToolContext]
        told = parse(inspect.getdoc(function) or "", DocstringStyle.GOOGLE)
        self._model = self._model_of(told)
        self.spec = ToolSpec(name or function.__name__, _description(told), self._schema())

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Call the function with what the model gave it. Raises ToolError."""
        try:
            taken = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            raise ToolError(faults_of(error)) from error
        given = {each.name: getattr(taken, each.field) for each in self._parts}
        known = replace(context, shared=self._shared())
        return await self._function(**given, **dict.fromkeys(self._contexts, known))

    def _parameters(self) -> Iterator[_Parameter]:
        try:
            hints = get_type_hints(self._function, include_extras=True)
        except Exception as error:  # a hint may be any expression
            raise self._wrong(f"has a type that is not known: {error}", "import it at the top of the file") from error
        for place, (name, each) in enumerate(inspect.signature(self._function).parameters.items()):
            if each.kind not in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY):
                raise self._wrong(f"has the parameter {name}, which a model cannot give by its name", _WANTED)
            if name not in hints:
                raise self._wrong(f"has the parameter {name} without a type", _WANTED)
            yield _Parameter(name, f"argument_{place}", hints[name], each.default)

    def _model_of(self, told: Docstring) -> type[BaseModel]:
        described = {each.arg_name: each.description for each in told.params}
        fields: dict[str, Any] = {each.field: _field(each, described.get(each.name)) for each in self._parts}
        try:
            return create_model("Arguments", __config__=_CONFIG, **fields)
        except (PydanticUserError, TypeError, RuntimeError) as error:
            problem = str(error).partition("\n")[0]
            raise self._wrong(f"has a parameter of a type that has no JSON: {problem}", _WANTED) from error

    def _schema(self) -> dict[str, Any]:
        try:
            return inlined(schema_of(self._model))
        except PydanticUserError as error:
            problem = str(error).partition("\n")[0]
            raise self._wrong(f"has a parameter of a type that has no JSON: {problem}", _WANTED) from error

    def _wrong(self, problem: str, hint: str) -> ConfigError:
        return ConfigError(f"{self._function.__name__} {problem}", file=self.file, line=self.line, hint=hint)


def _field(each: _Parameter, told: str | None) -> Any:
    """The hint and default of a parameter as a field of a model; what `Field` says of it goes before the docstring."""
    hint = Annotated[each.hint, each.default] if isinstance(each.default, FieldInfo) else each.hint
    named = Field(alias=each.name) if _describes(hint) or not told else Field(alias=each.name, description=told)
    plain = each.default is inspect.Parameter.empty or isinstance(each.default, FieldInfo)
    return Annotated[hint, named] if plain else (Annotated[hint, named], each.default)


def _describes(hint: Any) -> bool:
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return any(isinstance(extra, FieldInfo) and extra.description for extra in extras)


def _description(told: Docstring) -> str:
    return "\n\n".join(part for part in (told.short_description, told.long_description) if part)
