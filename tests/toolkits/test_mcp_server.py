"""Against a server of the official library, over its standard input and over HTTP."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from offhook.calls.tools.base import ToolContext
from offhook.config import McpSettings
from offhook.errors import ConfigError, ToolError
from offhook.toolkits.mcp_server import McpServer
from tests.toolkits.conftest import Handler, serving
from tests.toolkits.shops import HttpShop, connected, stdio_settings, until, works_again

CHAIR = {"item": "chair"}


@pytest.fixture
def http_shop() -> Iterator[HttpShop]:
    shop = HttpShop()
    shop.start()
    yield shop
    shop.kill()


def url_settings(url: str, **values: Any) -> McpSettings:
    return McpSettings.model_validate({"url": url, **values})


def names(server: McpServer) -> list[str]:
    return [tool.spec.name for tool in server.tools]


async def everything(server: McpServer, context: ToolContext) -> None:
    """What works over both transports."""
    tools = {tool.spec.name: tool for tool in server.tools}
    assert {"stock", "order_status", "refuse"} <= tools.keys()
    assert tools["stock"].spec.description == "How many of an item there are."
    assert tools["stock"].spec.parameters["required"] == ["item"]
    assert await tools["stock"](CHAIR, context) == {"chair": 3}
    assert await tools["order_status"]({"number": "7"}, context) == "Order 7 is on its way."
    assert await tools["picture"]({}, context) == "[image]"
    story = await tools["long"]({}, context)
    assert story.endswith("… (cut)")
    with pytest.raises(ToolError, match="the shop is closed"):
        await tools["refuse"]({}, context)
    with pytest.raises(ToolError, match="item"):
        await tools["stock"]({}, context)
    with pytest.raises(ToolError, match="nothing"):
        await server.call("nothing", {})
    many = await asyncio.gather(*(tools["stock"]({"item": str(number)}, context) for number in range(20)))
    assert many == [{str(number): 3} for number in range(20)]


async def test_over_standard_input(context: ToolContext) -> None:
    settings = stdio_settings(env=["SHOP_KEY"], secrets={"SHOP_KEY": "key-of-the-shop"})
    async with connected(settings) as server:
        await everything(server, context)
        given = (await server.call("environment", {}))["result"]
        assert "SHOP_KEY" in given
        assert not [name for name in given if name.startswith(("PYTEST", "OFFHOOK"))]
        with pytest.raises(ToolError) as caught:
            await server.call("refuse", {})
        assert str(caught.value).endswith("says [secret]")
        process = (await server.call("process", {}))["result"]
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_over_http(context: ToolContext, http_shop: HttpShop) -> None:
    async with connected(url_settings(http_shop.url)) as server:
        await everything(server, context)


async def test_a_program_that_dies_is_run_again() -> None:
    async with connected(stdio_settings()) as server:
        first = (await server.call("process", {}))["result"]
        slow = asyncio.create_task(server.call("slow", {}))
        await asyncio.sleep(0)
        await server.call("stock", CHAIR)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(ToolError, match="slow did not work: Connection closed"):
            await slow
        # It is offered all the time, and the next call waits for the new program.
        assert "stock" in names(server)
        assert await server.call("stock", CHAIR) == {"chair": 3}
        assert (await server.call("process", {}))["result"] != first


async def test_a_tool_that_ends_its_server() -> None:
    async with connected(stdio_settings()) as server:
        for _ in range(2):
            with pytest.raises(ToolError, match="die did not work: Connection closed"):
                await server.call("die", {})
            assert await server.call("stock", CHAIR) == {"chair": 3}


async def test_an_http_server_that_dies_in_the_middle(http_shop: HttpShop) -> None:
    async with connected(url_settings(http_shop.url)) as server:
        slow = asyncio.create_task(server.call("slow", {}))
        await server.call("stock", CHAIR)
        http_shop.kill()
        with pytest.raises(ToolError):
            await slow
        with pytest.raises(ToolError, match=r"cannot be reached|did not work"):
            await server.call("stock", CHAIR)
        http_shop.start()
        assert await works_again(server) == {"chair": 3}


async def test_an_http_server_that_is_there_later_only() -> None:
    shop = HttpShop()
    with capture_logs() as logs:
        async with connected(url_settings(shop.url)) as server:
            assert (server.connected, server.tools) == (False, ())
            assert server.problem
            with pytest.raises(ToolError, match="shop cannot be reached"):
                await server.call("stock", CHAIR)
            shop.start()
            try:
                await until(lambda: server.connected)
                assert "stock" in names(server)
                assert await works_again(server) == {"chair": 3}
            finally:
                shop.kill()
    warnings = [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert warnings[0] == "an MCP server cannot be used yet"


@pytest.mark.parametrize("over", ["stdio", "http"])
async def test_a_list_that_changes(over: str, http_shop: HttpShop) -> None:
    settings = stdio_settings() if over == "stdio" else url_settings(http_shop.url)
    async with connected(settings) as server:
        # Whoever listens does so a moment after the connection is there.
        for _ in range(50):
            await server.call("grow", {})
            await asyncio.sleep(0.05)
            if "news" in names(server):
                break
        assert "news" in names(server)


async def test_a_slow_tool_is_given_up_and_the_session_goes_on() -> None:
    async with connected(stdio_settings(timeout_s=0.5)) as server:
        first = server.tools
        with pytest.raises(ToolError, match=r"slow took longer than 0\.5 s"):
            await server.call("slow", {})
        assert server.connected
        assert server.tools is first


async def test_a_tool_that_is_called_off() -> None:
    async with connected(stdio_settings()) as server:
        slow = asyncio.create_task(server.call("slow", {}))
        await server.call("stock", CHAIR)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert await server.call("stock", CHAIR) == {"chair": 3}


async def test_only_the_tools_that_are_wanted() -> None:
    with capture_logs() as logs:
        async with connected(stdio_settings(tools=["stock", "order.status", "gone"])) as server:
            assert names(server) == ["stock", "order_status"]
            assert [tool.prefixed().spec.name for tool in server.tools] == ["shop_stock", "shop_order_status"]
    assert [entry["tools"] for entry in logs if entry["event"] == "an MCP server lacks tools"] == [["gone"]]


async def test_the_rules_of_a_tool() -> None:
    from mcp_types import Tool

    from offhook.toolkits.mcp_server import McpTool

    server = McpServer("shop", stdio_settings(timeout_s=7, on_barge_in="cancel"))
    rules = McpTool(server, Tool(name="x", input_schema={"type": "object"})).rules
    assert rules.on_barge_in == "cancel"
    assert rules.timeout_s is not None
    assert rules.timeout_s > 7


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"command": "no-such-program-anywhere"}, "there is no program no-such-program-anywhere"),
        ({"command": "./nothing"}, "there is no program ./nothing"),
        ({"command": sys.executable, "cwd": "/no/such/folder"}, "there is no folder /no/such/folder"),
    ],
)
async def test_a_program_that_is_not_there(values: dict[str, Any], problem: str) -> None:
    server = McpServer("shop", McpSettings.model_validate(values))
    with pytest.raises(ConfigError) as caught:
        await server.start()
    assert caught.value.problem == problem
    await server.close()


async def test_a_program_beside_the_settings(tmp_path: Path) -> None:
    program = tmp_path / "shop"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {stdio_settings().args[0]} "$@"\n')
    program.chmod(0o755)
    async with connected(McpSettings(command="./shop", args=("stdio",), cwd=tmp_path)) as server:
        assert await server.call("stock", CHAIR) == {"chair": 3}


@pytest.mark.parametrize("args", [["-c", "pass"], ["-c", "print('no JSON', flush=True)"]])
async def test_a_program_that_is_no_server(args: list[str]) -> None:
    async with connected(McpSettings(command=sys.executable, args=tuple(args))) as server:
        assert not server.connected
        with pytest.raises(ToolError, match="shop cannot be reached"):
            await server.call("stock", CHAIR)


def refusing(status: int, body: str) -> Handler:
    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=status, text=body, content_type="application/json")

    seen: list[str] = []
    answer.seen = seen  # type: ignore[attr-defined]
    return answer


@pytest.mark.parametrize(("status", "body"), [(401, "{}"), (500, "no"), (200, "{"), (200, "[]")])
async def test_an_address_that_is_no_server(status: int, body: str) -> None:
    handler = refusing(status, body)
    settings = {"headers": {"Authorization": "Bearer {env.KEY}"}, "secrets": {"KEY": "key-of-the-shop"}}
    async with serving(handler) as url, connected(url_settings(url, **settings)) as server:
        assert not server.connected
        assert server.problem == f"HTTP {status}" if status >= 400 else server.problem
        assert "key-of-the-shop" not in server.problem
    assert "Bearer key-of-the-shop" in handler.seen  # type: ignore[attr-defined]
