import datetime as dt
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from offhook.calls.tools.base import ToolContext, ToolRules
from offhook.calls.tools.functions import FunctionTool
from offhook.calls.tools.runner import ToolRunner
from offhook.errors import ConfigError, ToolError
from offhook.providers.llm.base import ToolCall
from tests.calls.tools.conftest import Calls


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Address(BaseModel):
    street: str
    size: Size = Size.SMALL


class Node(BaseModel):
    below: list["Node"] = []


def tool_of(function: Callable[..., Any], name: str = "") -> FunctionTool:
    return FunctionTool(function, ToolRules(), name)


async def order(
    day: dt.date,
    context: ToolContext,
    *,
    part: Literal["am", "pm"] = "am",
    size: Size = Size.LARGE,
    copy: Address | None = None,
    count: Annotated[int, Field(ge=1, description="how many")] = 2,
    addresses: list[Address] = [],  # noqa: B006 - users write it, and pydantic copies it
    most: int = Field(3, le=9),
    tags: list[str] = Field(default_factory=list),  # noqa: B008 - users write it
    _note: str = "",
) -> Any:
    """Order something.

    More of it
    on two lines.

    Args:
        day: the day wanted
        count: not this one
        part: which half
            of the day

    Returns:
        What it was called with.
    """
    return [day, context.call_id, part, size, copy, count, addresses, most, tags, _note]


async def test_a_function_gets_its_arguments_as_its_types(calls: Calls) -> None:
    given = {
        "day": "2026-03-02",
        "part": "pm",
        "size": "small",
        "copy": {"street": "High Street", "size": "large"},
        "count": "7",
        "addresses": [{"street": "Low Street"}],
        "_note": "x",
    }
    got = await tool_of(order)(given, calls.context())
    high, low = Address(street="High Street", size=Size.LARGE), Address(street="Low Street")
    assert got == [dt.date(2026, 3, 2), "call-1", "pm", Size.SMALL, high, 7, [low], 3, [], "x"]


async def test_what_is_not_given_is_as_the_function_has_it(calls: Calls) -> None:
    got = await tool_of(order)({"day": "2026-03-02"}, calls.context())
    assert got == [dt.date(2026, 3, 2), "call-1", "am", Size.LARGE, None, 2, [], 3, [], ""]


def test_the_schema_is_the_hints_and_the_docstring() -> None:
    spec = tool_of(order).spec
    assert (spec.name, spec.description) == ("order", "Order something.\n\nMore of it\non two lines.")
    properties = spec.parameters["properties"]
    assert list(properties) == [
        "day", "part", "size", "copy", "count", "addresses", "most", "tags", "_note",
    ]  # fmt: skip
    assert spec.parameters["required"] == ["day"]
    assert spec.parameters["additionalProperties"] is False
    assert "$defs" not in spec.parameters
    assert properties["day"] == {"description": "the day wanted", "format": "date", "type": "string"}
    assert properties["part"]["description"] == "which half\nof the day"
    assert properties["count"] == {"default": 2, "description": "how many", "minimum": 1, "type": "integer"}
    assert properties["addresses"]["items"]["properties"]["size"]["enum"] == ["small", "large"]
    assert properties["most"]["maximum"] == 9


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({}, "day: Field required"),
        ({"day": "tomorrow"}, "day: Input should be a valid date"),
        ({"part": "noon"}, "part: Input should be 'am' or 'pm'"),
        ({"copy": {"street": "x", "size": "huge"}}, "copy.object.size: Input should be 'small' or 'large'|copy.size: "),
        ({"count": 0}, "count: Input should be greater than or equal to 1"),
        ({"most": 10}, "most: Input should be less than or equal to 9"),
        ({"addresses": [{}]}, "addresses.0.street: Field required"),
        ({"context": "x"}, "context: Extra inputs"),
    ],
)
async def test_what_is_wrong_goes_back_by_its_name(calls: Calls, wrong: dict[str, Any], fault: str) -> None:
    given = {"day": "2026-03-02", **wrong} if wrong else wrong
    with pytest.raises(ToolError, match=fault):
        await tool_of(order)(given, calls.context())
    run = await ToolRunner([tool_of(order)], calls.context()).run(ToolCall("1", "order", given))
    assert next(iter(wrong), "day") in run.error


async def test_the_runner_takes_what_the_function_does(calls: Calls) -> None:
    given = {"day": "2026-03-02", "count": "3", "copy": None}
    run = await ToolRunner([tool_of(order)], calls.context()).run(ToolCall("1", "order", given))
    assert run.text == '["2026-03-02","call-1","am","large",null,3,[],3,[],""]'


async def test_a_function_without_parameters_or_docstring(calls: Calls) -> None:
    async def ping() -> str:
        return "pong"

    tool = tool_of(ping, "say_ping")
    assert (tool.spec.name, tool.spec.description) == ("say_ping", "")
    assert tool.spec.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
    assert await tool({}, calls.context()) == "pong"


async def test_a_type_that_holds_itself_keeps_its_references(calls: Calls) -> None:
    async def grow(tree: Node) -> int:
        return len(tree.below)

    tool = tool_of(grow)
    assert "$defs" in tool.spec.parameters
    run = await ToolRunner([tool], calls.context()).run(ToolCall("1", "grow", {"tree": {"below": [{"below": []}]}}))
    assert run.text == "1"


def plain(day: dt.date) -> None:
    """Not async."""


async def untyped(day) -> None:  # type: ignore[no-untyped-def]
    """No type."""


async def unknown(day: "Undefined") -> None:  # type: ignore[name-defined]  # noqa: F821 - it is what is tested
    """No such type."""


async def many(*days: dt.date) -> None:
    """No names."""


async def by_place(day: dt.date, /) -> None:
    """No name that may be given."""


async def odd(thing: ToolRunner) -> None:
    """A type without JSON."""


async def called(back: Callable[[], None]) -> None:
    """A type without a schema."""


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (plain, "plain is not async"),
        (untyped, "untyped has the parameter day without a type"),
        (unknown, "unknown has a type that is not known: name 'Undefined'"),
        (many, "many has the parameter days, which a model cannot give"),
        (by_place, "by_place has the parameter day, which a model cannot give"),
        (odd, "odd has a parameter of a type that has no JSON"),
        (called, "called has a parameter of a type that has no JSON"),
    ],
)
def test_no_tool_can_be_made_of_it(function: Callable[..., Any], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault) as caught:
        tool_of(function)
    assert (str(caught.value.file), caught.value.line) == (__file__, function.__code__.co_firstlineno)
    assert caught.value.hint
