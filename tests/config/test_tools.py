from typing import Any

import pytest
from pydantic import ValidationError

from offhook.config import HttpToolSettings, McpSettings, Settings
from offhook.config.tools import env_names, secret_names

PHONE = {"phone": {"type": "string", "required": True}}


def tool(**values: Any) -> HttpToolSettings:
    return HttpToolSettings.model_validate({"description": "Look.", "url": "https://crm.example/", **values})


def fault(error: ValidationError) -> str:
    found = error.errors()[0]
    return f"{found.get('ctx', {}).get('keys', found['loc'])}: {found['msg']}"


def test_the_short_form_of_parameters_is_a_schema() -> None:
    settings = tool(parameters={**PHONE, "year": {"type": "integer", "minimum": 2000}, "type": {"type": "string"}})
    assert settings.arguments_schema == {
        "type": "object",
        "properties": {
            "phone": {"type": "string"},
            "year": {"type": "integer", "minimum": 2000},
            "type": {"type": "string"},
        },
        "required": ["phone"],
        "additionalProperties": False,
    }


def test_a_schema_stays_as_it_is() -> None:
    schema = {"type": "object", "properties": {"phone": {"type": ["string", "null"]}}, "required": ["phone"]}
    assert tool(parameters=schema).arguments_schema == schema
    assert tool().arguments_schema["properties"] == {}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"description": ""}, "description"),
        ({"url": "ftp://crm.example/"}, "url"),
        ({"url": "https://{host}/", "parameters": {"host": {"type": "string", "required": True}}}, "its host is not"),
        ({"url": "https://me:secret@crm.example/"}, "its host is not"),
        ({"url": "https://crm.example:99999/"}, "its host is not"),
        ({"url": "https:///x"}, "its host is not"),
        ({"url": "https://[::1/x"}, "its host is not"),
        ({"url": "https://crm.example/#x"}, "its host is not"),
        ({"url": "https://crm.example/{phone}"}, '"{phone}" is none of its parameters; there are: none'),
        ({"query": {"q": "{x}"}, "parameters": PHONE}, '"{x}" is none of its parameters; there are: phone'),
        ({"headers": {"X-A": "{x}"}}, '"{x}" is none of its parameters'),
        ({"method": "POST", "body": {"a": [{"b": "{x}"}]}}, '"{x}" is none of its parameters'),
        ({"url": "https://crm.example/{env.}"}, "is no place"),
        ({"body": {"a": "{"}, "method": "POST"}, 'a single "{"'),
        ({"url": "https://crm.example/{p}", "parameters": {"p": {"type": "string"}}}, "must be required = true"),
        ({"parameters": {"p": "string"}}, '"p" is not a table'),
        ({"parameters": {"p": {"type": "text"}}}, 'the type of "p" is none of string,'),
        ({"parameters": {"p": {"type": "string", "required": "yes"}}}, 'required of "p" is not true or false'),
        ({"parameters": {"type": "object", "properties": []}}, "properties is not a table"),
        ({"parameters": {"type": "object", "properties": {"p": 1}}}, '"p" is not a table'),
        ({"headers": {"Authorization": "Bearer abcdef"}}, "secrets do not go in this file"),
        ({"headers": {"Authorization": "Bearer {env.KEY:abcdef}"}}, "secrets do not go in this file"),
        ({"headers": {"X-Api-Key": "abcdef"}}, "secrets do not go in this file"),
        ({"headers": {"Two Words": "x"}}, "it is not a header"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "it is not a header"),
        ({"body": {"a": 1}}, "a GET has no body"),
        ({"method": "HEAD"}, "method"),
        ({"result": "data"}, "result"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 61}, "timeout_s"),
        ({"max_result_bytes": 99}, "max_result_bytes"),
        ({"on_barge_in": "stop"}, "on_barge_in"),
        ({"retries": 3}, "retries"),
    ],
)
def test_a_wrong_http_tool(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        tool(**values)
    assert said in fault(caught.value)


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"url": "{env.CRM:http://127.0.0.1:8081}/a?b=c"}, "http://127.0.0.1:8081/a?b=c"),
        (
            {"url": "{env.CRM:http://127.0.0.1:8081}/a", "secrets": {"CRM": "https://crm.example/v2/"}},
            "https://crm.example/v2/a",
        ),
        ({"url": "{env.CRM}", "secrets": {"CRM": "https://crm.example"}}, "https://crm.example"),
        ({"url": "https://crm.example/{env.CRM}"}, "https://crm.example/{env.CRM}"),
    ],
)
def test_an_address_may_begin_with_one_of_the_environment(values: dict[str, Any], address: str) -> None:
    assert tool(**values).address == address


def test_an_address_of_the_environment_that_is_not_set() -> None:
    table = tool(url="{env.CRM}/a")
    assert table.shown_host == "{env.CRM}"
    with pytest.raises(KeyError, match="CRM"):
        _ = table.address


@pytest.mark.parametrize("said", ["crm.example", "https://", "https://{x}/", "https://a/?b", "https://a/#b", "ftp://a"])
def test_the_environment_must_say_an_address(said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        tool(url="{env.CRM}/a", secrets={"CRM": said})
    assert "{env.CRM} is not an address" in fault(caught.value)


@pytest.mark.parametrize("url", ["{env.CRM}.example/a", "{env.CRM}{phone}", "{env.CRM}@crm.example/"])
def test_nothing_joins_the_host_of_the_environment(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        tool(url=url, parameters=PHONE, secrets={"CRM": "https://crm"})
    assert "{env.CRM} is not an address" in fault(caught.value)


def test_a_table_in_the_place_of_a_built_in_tool() -> None:
    tables = {"tools": {"book_appointment": {"description": "x", "url": "http://x/"}}}
    assert "book_appointment" in Settings.model_validate(tables).tools


def test_the_host_may_be_shown_and_nothing_else_of_the_address() -> None:
    assert tool(url="https://crm.example:8443/{env.PATH_SECRET}?a=b").shown_host == "crm.example:8443"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "a command or a url"),
        ({"command": "x", "url": "http://mcp.example/"}, "a command or a url"),
        ({"command": ""}, "command"),
        ({"url": "mcp.example"}, "url"),
        ({"url": "http://mcp.example/", "headers": {"X-A": "{phone}"}}, "{phone} is not known between calls"),
        ({"url": "http://mcp.example/", "headers": {"X-A": "{call.id}"}}, "{call.id} is not known between calls"),
        ({"url": "http://mcp.example/", "headers": {"Authorization": "Bearer x"}}, "secrets do not go in this file"),
    ],
)
def test_a_wrong_mcp_server(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        McpSettings.model_validate(values)
    assert said in fault(caught.value)


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"tools": {"end_call": {"description": "x", "url": "http://x/"}}}, 'there is another tool "end_call"'),
        ({"mcp": {"end_call": {"command": "x"}}}, 'there is another tool "end_call"'),
        ({"mcp": {"take_message": {"command": "x"}}}, 'there is another tool "take_message"'),
        (
            {"tools": {"crm": {"description": "x", "url": "http://x/"}}, "mcp": {"crm": {"command": "x"}}},
            'there is another tool "crm"',
        ),
        (
            {"mcp": {"crm": {"command": "x"}}, "agents": {"a": {"tools": ["cmr"]}}},
            'there is no tool "cmr"; there are: take_message, check_availability',
        ),
        ({"tools": {"two words": {"description": "x", "url": "http://x/"}}}, "two words"),
        ({"tools": {"x" * 65: {"description": "x", "url": "http://x/"}}}, "x" * 65),
    ],
)
def test_names_of_tools(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(tables)
    assert said in str(caught.value)


def test_an_agent_may_name_tables_of_both_kinds() -> None:
    tables = {
        "tools": {"crm": {"description": "x", "url": "http://x/"}},
        "mcp": {"shop": {"command": "x"}},
        "agents": {"a": {"tools": ["crm", "shop", "end_call"]}},
    }
    assert Settings.model_validate(tables).agents["a"].tools == ("crm", "shop", "end_call")


def test_names_in_the_environment() -> None:
    settings = tool(
        method="POST",
        url="https://crm.example/{env.A}",
        query={"k": "{env.B}", "n": 1},
        headers={"X-C": "x {env.C}"},
        body={"a": ["{env.D}", "{call.id}"]},
    )
    assert env_names(settings) == {"A", "B", "C", "D"}
    assert env_names(tool(url="{env.A:http://x}/", headers={"X-B": "{env.B:}", "X-C": "{env.C:1}{env.C}"})) == {"C"}
    server = McpSettings(url="http://mcp.example/", headers={"Authorization": "Bearer {env.E}"})
    assert env_names(server) == {"E"}
    assert env_names(McpSettings(command="x", env=("F", "G"))) == {"F", "G"}


def test_names_in_a_table_that_nobody_judged_yet() -> None:
    wrong: dict[str, Any] = {"url": "{", "headers": {"X": "{env.A}"}, "env": "no list", "body": 3}
    assert secret_names(wrong) == {"A"}
    assert secret_names({"env": ["B", 3]}) == {"B"}
