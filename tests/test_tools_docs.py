"""The examples of docs/tools.md: they load as they stand, and do what the page says."""

import re
from pathlib import Path

import orjson
import pytest

from offhook.calls.tools.base import ToolContext
from offhook.config import Settings
from offhook.config_files import load_settings
from offhook.server.toolbox import Toolbox
from offhook.toolkits.http_template import HttpRequest, HttpTemplate
from offhook.toolkits.secrets import Secrets
from tests.calls.tools.conftest import MONDAY

_EXAMPLE = r"```toml\n([^`]*?\[((?:tools|mcp)\.\w+)\][^`]*)```"
PAGE = (Path(__file__).parent.parent / "docs" / "tools.md").read_text(encoding="utf-8")
EXAMPLES = {kind: text for text, kind in re.findall(_EXAMPLE, PAGE, re.DOTALL)}
ENVIRON = {"CRM_TOKEN": "of-the-crm", "SHOP_KEY": "of-the-shop", "WAREHOUSE_TOKEN": "of-the-warehouse"}


def settings(example: str, folder: Path) -> Settings:
    (folder / "offhook.toml").write_text(EXAMPLES[example])
    return load_settings(environ=ENVIRON, cwd=folder)


def request(name: str, arguments: dict[str, object], folder: Path) -> HttpRequest:
    table = settings("tools.find_customer", folder).tools[name]
    call = ToolContext("call-1", "+14155550199", folder, lambda: MONDAY, tool_call_id="7")
    return HttpTemplate(table, Secrets(table.secrets)).filled(arguments, call)


def test_there_is_an_example_of_each_kind() -> None:
    assert list(EXAMPLES) == ["tools.find_customer", "mcp.shop"]


async def test_the_http_tools_are_offered(tmp_path: Path) -> None:
    loaded = settings("tools.find_customer", tmp_path)
    toolbox = Toolbox(loaded)
    try:
        tools = {tool.spec.name: tool for tool in await toolbox.tools(loaded.agents["reception"])}
    finally:
        await toolbox.close()
    assert list(tools) == ["find_customer", "place_order"]
    assert (tools["find_customer"].rules.filler, tools["find_customer"].rules.on_barge_in) == (
        "Let me look that up.",
        "cancel",
    )


def test_a_customer_is_looked_up_as_it_is_written(tmp_path: Path) -> None:
    sent = request("find_customer", {"phone": "+14155550199"}, tmp_path)
    assert (sent.method, str(sent.url), sent.headers) == (
        "GET",
        "https://crm.example/v2/customers/%2B14155550199?fields=name%2Caddress%2Corders&call=call-1",
        {"Authorization": "Bearer of-the-crm"},
    )


def test_an_order_is_sent_as_it_is_written(tmp_path: Path) -> None:
    sent = request("place_order", {"item": "chair", "count": 2}, tmp_path)
    assert (sent.method, str(sent.url)) == ("POST", "https://crm.example/v2/orders")
    assert orjson.loads(sent.body) == {
        "item": "chair",
        "count": 2,
        "caller": {"number": "+14155550199"},
        "source": "phone, call call-1",
    }


def test_mcp_servers_get_what_they_name(tmp_path: Path) -> None:
    servers = settings("mcp.shop", tmp_path).mcp
    assert servers["shop"].command == "uvx"
    assert servers["shop"].secrets["SHOP_KEY"].get_secret_value() == "of-the-shop"
    assert servers["warehouse"].secrets.keys() == {"WAREHOUSE_TOKEN"}


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_every_name_of_the_environment_is_needed(name: str, tmp_path: Path) -> None:
    assert any(name in text for text in EXAMPLES.values())
    assert ENVIRON[name] not in repr([settings(example, tmp_path) for example in EXAMPLES])
