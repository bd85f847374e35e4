from pathlib import Path

import pytest

from offhook.config import AgentSettings, Settings
from offhook.errors import ConfigError
from offhook.server.toolbox import Toolbox

CODE = '''
from offhook import Agent

agent = Agent()


@agent.tool
async def take_message(text: str) -> str:
    """Take a message."""
    return text
'''


async def test_an_agent_that_names_built_in_tools_only_gets_no_others() -> None:
    toolbox = Toolbox(Settings())
    try:
        assert tuple(await toolbox.tools(AgentSettings())) == ()
    finally:
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
