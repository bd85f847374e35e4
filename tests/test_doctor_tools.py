import socket
import sys
from typing import Any

import pytest

from offhook.checks import Check
from offhook.config import Settings
from offhook.doctor_tools import tool_checks
from tests.toolkits.shops import SCRIPT

SHOP = {"command": sys.executable, "args": [str(SCRIPT), "stdio"]}


def checks(names: list[str], **tables: Any) -> list[Check]:
    return list(tool_checks(Settings.model_validate({"agents": {"a": {"tools": names}}, **tables})))


def crm(url: str, **values: Any) -> dict[str, Any]:
    return {"crm": {"description": "x", "url": url, **values}}


def test_what_no_agent_names_is_not_looked_at() -> None:
    assert checks(["end_call"], tools=crm("http://127.0.0.1:1/"), mcp={"shop": SHOP}) == []


def test_a_host_that_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        where = f"127.0.0.1:{server.getsockname()[1]}"
        parameters = {"id": {"type": "string", "required": True}}
        [check] = checks(["crm"], tools=crm(f"http://{where}/{{id}}?a={{id}}", parameters=parameters))
    assert (check.name, check.state, check.found) == ("tool", "good", f"crm: {where} can be reached")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_cannot_be_reached(scheme: str) -> None:
    [check] = checks(["crm"], tools=crm(f"{scheme}://127.0.0.1:1/x"))
    assert (check.state, check.found.startswith("crm: 127.0.0.1:1 cannot be reached (")) == ("bad", True)
    assert check.remedy == "check the url of tools.crm"


def test_a_host_that_does_not_speak_securely() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        [check] = checks(["crm"], tools=crm(f"https://127.0.0.1:{server.getsockname()[1]}/"))
    assert check.state == "bad"


def test_secrets_that_are_not_set() -> None:
    tools = crm("http://127.0.0.1:1/", headers={"X": "{env.CRM_TOKEN}"})
    found = checks(["crm", "shop"], tools=tools, mcp={"shop": {**SHOP, "env": ["SHOP_KEY"]}})
    assert [(check.name, check.state, check.found) for check in found if check.name == "key"] == [
        ("key", "bad", "crm: CRM_TOKEN is not set"),
        ("key", "bad", "shop: SHOP_KEY is not set"),
    ]


def test_an_mcp_server_and_its_tools() -> None:
    [check] = checks(["shop"], mcp={"shop": SHOP})
    assert (check.name, check.state) == ("mcp", "good")
    assert check.found.startswith("shop: tools stock, order.status, picture")


def test_an_mcp_server_that_lacks_a_tool() -> None:
    found = checks(["shop"], mcp={"shop": {**SHOP, "tools": ["stock", "gone"]}})
    assert [(check.state, check.found) for check in found] == [
        ("good", "shop: tools stock"),
        ("poor", "shop: there is no tool gone"),
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"command": "no-such-program-anywhere"}, "there is no program no-such-program-anywhere"),
        ({"command": sys.executable, "args": ["-c", "pass"]}, "Connection closed"),
        ({"url": "http://127.0.0.1:1/mcp"}, "All connection attempts failed"),
    ],
)
def test_an_mcp_server_that_cannot_be_used(table: dict[str, Any], problem: str) -> None:
    [check] = checks(["shop"], mcp={"shop": table})
    assert (check.name, check.state, check.found) == ("mcp", "bad", f"shop: {problem}")
    assert check.remedy
