from offhook.config import AgentSettings, Settings
from offhook.server.toolbox import Toolbox


async def test_an_agent_that_names_built_in_tools_only_gets_no_others() -> None:
    toolbox = Toolbox(Settings())
    try:
        assert await toolbox.tools(AgentSettings()) == ()
    finally:
        await toolbox.close()
