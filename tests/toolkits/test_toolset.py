from collections.abc import Mapping
from typing import Any

from offhook.calls.tools.base import Tool, ToolContext
from offhook.providers.llm.base import ToolSpec
from offhook.toolkits.toolset import Toolset


class Named(Tool):
    def __init__(self, name: str, server: str = ""):
        self.spec = ToolSpec(name, "", {"type": "object"})
        self._server = server

    def prefixed(self) -> "Named":
        return Named(f"{self._server}_{self.spec.name}")

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        return None


class Server:
    def __init__(self, name: str, *tools: str):
        self.name = name
        self.tools = [Named(tool, name) for tool in tools]


def names(toolset: Toolset) -> list[str]:
    return [tool.spec.name for tool in toolset]


def test_names_that_are_taken_get_their_servers_in_front() -> None:
    servers = [Server("crm", "find", "note"), Server("shop", "find", "end_call", "crm", "stock")]
    assert names(Toolset([Named("crm")], servers, ["end_call"])) == [
        "crm",
        "crm_find",
        "note",
        "shop_find",
        "shop_end_call",
        "shop_crm",
        "stock",
    ]


def test_a_name_that_is_taken_even_so_is_left_out() -> None:
    servers = [Server("crm", "find", "find"), Server("shop", "crm_find")]
    assert names(Toolset([], servers)) == ["crm_find"]


def test_each_call_gets_what_there_is_then() -> None:
    server = Server("shop")
    toolset = Toolset([Named("crm")], [server])
    assert names(toolset) == ["crm"]
    server.tools = [Named("stock", "shop")]
    assert names(toolset) == names(toolset) == ["crm", "stock"]
