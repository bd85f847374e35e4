from typing import Any

import orjson
import pytest
from mcp_types import (
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)

from offhook.calls.tools.schemas import checked, checker_of
from offhook.errors import ToolError
from offhook.toolkits.mcp_results import MOST_BYTES, result_of, spec_of


def text(*texts: str, **more: Any) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=each) for each in texts], **more)


def test_structured_content_comes_first() -> None:
    assert result_of(text("for people", structured_content={"n": 1})) == {"n": 1}
    assert result_of(text("for people", structured_content=[])) == []


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["plain"], "plain"),
        (["one", "two"], "one\ntwo"),
        (['{"n": 1}'], {"n": 1}),
        (["17"], 17),
        ([], {"status": "done"}),
    ],
)
def test_text(texts: list[str], value: Any) -> None:
    assert result_of(text(*texts)) == value


def test_what_cannot_be_said_is_named() -> None:
    resource = TextResourceContents(uri="shop://terms", text="our terms")
    content = [
        ImageContent(type="image", data="AAAA", mime_type="image/png"),
        EmbeddedResource(type="resource", resource=resource),
        ResourceLink(type="resource_link", name="more", uri="shop://more"),
    ]
    assert result_of(CallToolResult(content=content)) == "[image]\nour terms\n[resource_link]"


@pytest.mark.parametrize("words", ["x" * 50_000, '"\\' * 20_000, "ö" * 30_000, "[1," + "2," * 20_000 + "3]"])
def test_long_texts_are_cut(words: str) -> None:
    cut = result_of(text(words))
    assert cut.endswith(" … (cut)")
    assert len(orjson.dumps(cut)) <= MOST_BYTES + 20


def test_structured_content_that_is_too_long_gives_way_to_the_text() -> None:
    assert result_of(text("in short", structured_content={"n": "x" * 50_000})) == "in short"
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    assert result_of(text("in short", structured_content=deep)) == "in short"


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (text("no such order", is_error=True), "no such order"),
        (text(is_error=True), "it failed, and did not say why"),
        (text("x" * 50_000, is_error=True), "… (cut)"),
    ],
)
def test_failures(result: CallToolResult, problem: str) -> None:
    with pytest.raises(ToolError) as caught:
        result_of(result)
    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    ("name", "prefix", "seen"),
    [
        ("stock", "", "stock"),
        ("order.status/v2", "", "order_status_v2"),
        ("stock", "shop", "shop_stock"),
        ("größe", "", "gr__e"),
        ("x" * 100, "shop", "shop_" + "x" * 59),
    ],
)
def test_names_are_such_as_models_take(name: str, prefix: str, seen: str) -> None:
    assert spec_of(Tool(name=name, input_schema={"type": "object"}), prefix).name == seen


def test_descriptions() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    spec = spec_of(Tool(name="a", title="A title", input_schema=schema))
    assert (spec.description, spec.parameters) == ("A title", schema)
    assert len(spec_of(Tool(name="a", description="x" * 5_000, input_schema=schema)).description) == 1_024


def test_a_schema_is_told_without_references() -> None:
    place = {"type": "object", "properties": {"zip": {"type": "string"}}}
    schema = {"type": "object", "properties": {"to": {"$ref": "#/$defs/Place"}}, "$defs": {"Place": place}}
    assert spec_of(Tool(name="a", input_schema=schema)).parameters == {"type": "object", "properties": {"to": place}}


@pytest.mark.parametrize(
    "schema",
    [{"$defs": 3, "properties": {"a": {"$ref": "#/$defs/X"}}}, {"$defs": {"X": 3}, "a": {"$ref": "#/$defs/X"}}],
)
def test_references_that_lead_nowhere_stay(schema: dict[str, Any]) -> None:
    assert spec_of(Tool(name="a", input_schema=schema)).parameters == schema


def test_a_schema_that_cannot_be_written_takes_no_call_down() -> None:
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"items": deep}
    links = {f"d{n}": {"items": {"items": {"$ref": f"#/$defs/d{n + 1}"}}} for n in range(150)}
    chain = {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": links}
    for hostile in ({"properties": {"a": {"maximum": 10**30}}}, {"properties": {"a": deep}}, chain):
        spec = spec_of(Tool(name="find", input_schema={"type": "object", **hostile}))
        assert checked(checker_of(spec.parameters), {"b": 3}) == {"b": 3}
