import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from offhook.calls.tools.base import ToolContext
from offhook.config import AgentSettings, Settings
from offhook.errors import ConfigError, SettingsError
from offhook.server.toolbox import Toolbox
from tests.calls.tools.conftest import Calls
from tests.toolkits.conftest import serving
from tests.toolkits.shops import SCRIPT

CODE = '''
from offhook import Agent

agent = Agent()


@agent.tool
async def take_message(text: str) -> str:
    """Take a message."""
    return text
'''
SHOP = {"command": sys.executable, "args": [str(SCRIPT), "stdio"], "tools": ["stock", "order.status"]}


def settings(**tables: Any) -> Settings:
    return Settings.model_validate(tables)


@pytest.fixture
def context(tmp_path: Any) -> ToolContext:
    return Calls(tmp_path).context()


async def test_an_agent_that_names_built_in_tools_only_gets_no_others() -> None:
    toolbox = Toolbox(Settings())
    try:
        assert list(await toolbox.tools(AgentSettings())) == []
    finally:
        await toolbox.close()


async def test_agents_get_the_tools_that_they_name(context: ToolContext) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"name": "Ann"})

    async with serving(answer) as url:
        tables = {"tools": {"crm": {"description": "x", "url": url}, "more": {"description": "x", "url": url}}}
        toolbox = Toolbox(settings(**tables, mcp={"shop": SHOP, "unused": {"command": "no-such-program"}}))
        try:
            both = await toolbox.tools(AgentSettings(tools=("end_call", "crm", "shop", "crm")))
            shop_alone = await toolbox.tools(AgentSettings(tools=("shop",)))
            tools = {tool.spec.name: tool for tool in both}
            assert list(tools) == ["crm", "stock", "order_status"]
            assert [tool.spec.name for tool in shop_alone] == ["stock", "order_status"]
            # One server for all agents.
            assert tools["stock"] in list(shop_alone)
            assert await tools["crm"]({}, context) == {"name": "Ann"}
            assert await tools["stock"]({"item": "chair"}, context) == {"chair": 3}
        finally:
            await toolbox.close()


async def test_what_is_missing_in_the_environment_is_told_at_once() -> None:
    tables = {
        "tools": {"crm": {"description": "x", "url": "http://crm.example/", "headers": {"X": "{env.A}{env.B}"}}},
        "mcp": {"shop": {**SHOP, "env": ["C"]}, "unused": {**SHOP, "env": ["D"]}},
    }
    toolbox = Toolbox(settings(**tables))
    with pytest.raises(SettingsError) as caught:
        await toolbox.tools(AgentSettings(tools=("crm", "shop")))
    assert [error.problem for error in caught.value.errors] == ["A is not set", "B is not set", "C is not set"]
    await toolbox.close()


async def test_a_program_that_is_not_there_is_told() -> None:
    toolbox = Toolbox(settings(mcp={"shop": {"command": "no-such-program"}}))
    with pytest.raises(ConfigError, match="there is no program no-such-program"):
        await toolbox.tools(AgentSettings(tools=("shop",)))
    await toolbox.close()


async def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "offhook.toolkits.mcp_server", None)
    toolbox = Toolbox(settings(mcp={"shop": SHOP}))
    with pytest.raises(ConfigError, match=r"pip install 'offhook\[mcp\]'"):
        await toolbox.tools(AgentSettings(tools=("shop",)))
    await toolbox.close()


async def test_the_tools_of_a_file_are_shared_by_the_agents_that_name_it(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(CODE)
    agents = [AgentSettings(code=file, tools=tools) for tools in ((), ("end_call",))]
    toolbox = Toolbox(Settings(agents={"first": agents[0], "second": agents[1]}))
    try:
        [[first], [second]] = [tuple(await toolbox.tools(agent)) for agent in agents]
        assert first is second
        assert first.spec.name == "take_message"
    finally:
        await toolbox.close()


async def test_a_tool_by_the_name_of_another_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(CODE)
    toolbox = Toolbox(Settings())
    try:
        with pytest.raises(ConfigError, match='the name "take_message" is taken'):
            await toolbox.tools(AgentSettings(code=file))
    finally:
        await toolbox.close()


async def test_a_file_that_is_missing_is_told_with_its_setting(tmp_path: Path) -> None:
    agent = AgentSettings(code=tmp_path / "none.py")
    toolbox = Toolbox(Settings(agents={"reception": agent}))
    try:
        with pytest.raises(ConfigError, match=r"agents\.reception\.code: there is no such file"):
            await toolbox.tools(agent)
    finally:
        await toolbox.close()


async def test_a_tool_of_a_server_gives_way_to_one_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(CODE.replace("take_message", "stock"))
    toolbox = Toolbox(settings(mcp={"shop": SHOP}))
    try:
        tools = await toolbox.tools(AgentSettings(code=file, tools=("shop",)))
        assert [tool.spec.name for tool in tools] == ["stock", "shop_stock", "order_status"]
    finally:
        await toolbox.close()


LIFESPAN = """
from collections.abc import AsyncIterator

from offhook import Agent, ToolContext
from offhook.config import Settings

agent = Agent()
steps = []


@agent.lifespan
async def pool(settings: Settings) -> AsyncIterator[list[str]]:
    steps.append("up")
    yield steps
    steps.append("down")
    raise OSError("it would not close")


@agent.tool
async def look(context: ToolContext) -> list[str]:
    \"\"\"Look.\"\"\"
    return context.shared
"""


async def test_a_lifespan_goes_from_the_first_agent_of_a_file_to_the_end(tmp_path: Path, context: ToolContext) -> None:
    file = tmp_path / "agent.py"
    file.write_text(LIFESPAN)
    agents = [AgentSettings(code=file, tools=tools) for tools in ((), ("end_call",))]
    toolbox = Toolbox(Settings(agents={"first": agents[0], "second": agents[1]}))
    [[first], [_]] = [tuple(await toolbox.tools(agent)) for agent in agents]
    steps = await first({}, context)
    assert steps == ["up"]
    with capture_logs() as logs:
        await toolbox.close()
    assert steps == ["up", "down"]
    assert [entry["event"] for entry in logs] == ["a lifespan ended with an error"]


async def test_an_agent_that_two_files_have_from_a_third_one_has_one_lifespan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "their_agent.py").write_text(LIFESPAN.replace('    raise OSError("it would not close")\n', ""))
    files = [tmp_path / name for name in ("one.py", "two.py")]
    for file in files:
        file.write_text("from their_agent import agent\n")
    toolbox = Toolbox(Settings())
    for file in files:
        await toolbox.tools(AgentSettings(code=file, tools=()))
    await toolbox.close()
    assert sys.modules.pop("their_agent").steps == ["up", "down"]
