from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from offhook.calls.tools.base import ToolContext
from offhook.errors import ToolError
from offhook.toolkits.http_template import HttpRequest, HttpTemplate
from offhook.toolkits.secrets import Secrets
from tests.toolkits.conftest import http_settings

SECRETS = Secrets({"TOKEN": SecretStr("secret/1")})
ARGUMENTS = {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["a", "b"]}


def filled(context: ToolContext, arguments: dict[str, Any], **settings: Any) -> HttpRequest:
    template = HttpTemplate(http_settings(parameters=ARGUMENTS, **settings), SECRETS)
    return template.filled(arguments, context)


def address(context: ToolContext, arguments: dict[str, Any], url: str, **settings: Any) -> str:
    return str(filled(context, arguments, url=url, **settings).url)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("+1 415", "%2B1%20415"),
        ("../x", "..%2Fx"),
        ("//evil.example", "%2F%2Fevil.example"),
        ("/etc/passwd", "%2Fetc%2Fpasswd"),
        ("..\\x", "..%5Cx"),
        ("@evil.example", "%40evil.example"),
        ("x?admin=1", "x%3Fadmin%3D1"),
        ("x#y", "x%23y"),
        ("a;b&c=d", "a%3Bb%26c%3Dd"),
        ("x\r\nHost: evil.example", "x%0D%0AHost%3A%20evil.example"),
        ("%2e%2e%2f", "%252e%252e%252f"),
        ("\x00", "%00"),
        ("Zoë", "Zo%C3%AB"),
        ("\ud800", "%3F"),
        ("...", "..."),
        (7, "7"),
        (True, "true"),
        (2.5, "2.5"),
        (["a", 1], "%5B%22a%22%2C1%5D"),
    ],
)
def test_an_argument_stays_one_segment_of_the_path(context: ToolContext, value: Any, segment: str) -> None:
    url = address(context, {"a": value}, "https://crm.example/customers/{a}/orders")
    assert url == f"https://crm.example/customers/{segment}/orders"


@pytest.mark.parametrize("value", [".", "..", "", None, []])
def test_what_would_change_the_path_is_refused(context: ToolContext, value: Any) -> None:
    if value == []:
        assert "%5B%5D" in address(context, {"a": value}, "https://crm.example/{a}")
        return
    with pytest.raises(ToolError, match="must not be"):
        address(context, {"a": value}, "https://crm.example/customers/{a}/orders")


def test_dots_may_not_come_together_from_two_arguments(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="dots alone"):
        address(context, {"a": ".", "b": "."}, "https://crm.example/{a}{b}/x")


def test_an_argument_at_the_end_of_the_host_is_none(context: ToolContext) -> None:
    assert address(context, {"a": ".evil.example"}, "https://crm.example/{a}") == "https://crm.example/.evil.example"


def test_facts_of_the_call_and_secrets_fill_the_address(context: ToolContext) -> None:
    url = "https://crm.example/{env.TOKEN}/{call.id}/{call.caller_number}/{call.variables.account}?to={call.called_number}"
    assert address(context, {}, url) == ("https://crm.example/secret%2F1/call-1/%2B14155550199/A%2F7?to=%2B14155550100")


def test_a_fact_that_is_not_known_is_refused_in_the_path(context: ToolContext) -> None:
    with pytest.raises(ToolError, match=r"\{call.variables.order\} is not known"):
        address(context, {}, "https://crm.example/{call.variables.order}")


@pytest.mark.parametrize(
    ("query", "arguments", "text"),
    [
        ({"q": "{a}", "x": "{b}"}, {"a": "a&b=c"}, "?q=a%26b%3Dc"),
        ({"q": "{a}"}, {"a": ["x", "y z"]}, "?q=x&q=y%20z"),
        ({"q": "{a}"}, {"a": None}, ""),
        ({"q": "n {a}"}, {}, "?q=n%20"),
        ({"n": 3, "b": True, "f": 0.5, "s": "ä b"}, {}, "?n=3&b=true&f=0.5&s=%C3%A4%20b"),
        ({"odd name": "{call.id}"}, {}, "?odd%20name=call-1"),
        ({"k": "{env.TOKEN}"}, {}, "?k=secret%2F1"),
    ],
)
def test_a_query(context: ToolContext, query: dict[str, Any], arguments: dict[str, Any], text: str) -> None:
    assert address(context, arguments, "https://crm.example/x", query=query) == f"https://crm.example/x{text}"


def test_a_query_beside_one_in_the_address(context: ToolContext) -> None:
    url = address(context, {"a": "1&2"}, "https://crm.example/x?a={a}&b=%20c", query={"d": "{b}"})
    assert url == "https://crm.example/x?a=1%262&b=%20c"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://crm.example", "https://crm.example/"),
        ("https://crm.example?x=1", "https://crm.example/?x=1"),
        ("http://CRM.example:8080/ä/%2F", "http://crm.example:8080/%C3%A4/%2F"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("https://crm.example/{{x}}", "https://crm.example/%7Bx%7D"),
    ],
)
def test_what_is_written_is_sent(context: ToolContext, url: str, sent: str) -> None:
    assert address(context, {}, url) == sent


def test_headers(context: ToolContext) -> None:
    headers = {"Authorization": "Bearer {env.TOKEN}", "X-Call": "{call.id}", "X-A": "{a}"}
    assert filled(context, {"a": "b: c"}, headers=headers).headers == {
        "Authorization": "Bearer secret/1",
        "X-Call": "call-1",
        "X-A": "b: c",
    }


@pytest.mark.parametrize("value", ["x\r\nX-Admin: 1", "x\ny", "x\x00", "x\x7f"])
def test_no_argument_makes_a_header_of_its_own(context: ToolContext, value: str) -> None:
    with pytest.raises(ToolError, match="line breaks"):
        filled(context, {"a": value}, headers={"X-A": "{a}"})


def test_a_body_keeps_the_types_of_arguments(context: ToolContext) -> None:
    body = {
        "n": "{a}",
        "text": "n is {a}",
        "call": {"from": "{call.caller_number}", "account": "{call.variables.account}"},
        "list": ["{b}", "{c}", 5],
        "left_out": "{c}",
        "unknown": "{call.variables.order}",
        "fixed": True,
        "brace": "{{a}}",
    }
    request = filled(context, {"a": 3, "b": {"x": [1]}}, method="POST", body=body)
    assert orjson.loads(request.body) == {
        "n": 3,
        "text": "n is 3",
        "call": {"from": "+14155550199", "account": "A/7"},
        "list": [{"x": [1]}, 5],
        "fixed": True,
        "brace": "{a}",
    }


def test_null_is_a_value_in_a_body(context: ToolContext) -> None:
    assert filled(context, {"a": None}, method="PUT", body={"a": "{a}"}).body == b'{"a":null}'


@pytest.mark.parametrize(("method", "twice"), [("GET", True), ("PUT", True), ("DELETE", True), ("POST", False)])
def test_what_may_be_asked_twice(context: ToolContext, method: str, twice: bool) -> None:
    request = filled(context, {}, method=method)
    assert (request.repeatable, request.body) == (twice, b"")
