"""The tools that agents have besides the built-in ones: each source opened once, shared by all agents."""

from typing import TYPE_CHECKING

from offhook.calls.tools.base import Tool
from offhook.calls.tools.functions import FunctionTool
from offhook.config import AgentSettings, Settings
from offhook.server.agent_code import load_code, refuse_twins

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Toolbox"]


class Toolbox:
    """Opens what the agents' tools need."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._code: dict[Path, tuple[FunctionTool, ...]] = {}

    async def tools(self, agent: AgentSettings) -> tuple[Tool, ...]:
        """What `agent` has besides the built-in ones. Raises ConfigError for a source that cannot be used at all."""
        return self._code_of(agent)

    async def close(self) -> None:
        """Close what was opened, whatever had gone wrong before."""

    def _code_of(self, agent: AgentSettings) -> tuple[FunctionTool, ...]:
        """The tools of the agent's Python file, which is run once."""
        if agent.code is None:
            return ()
        if agent.code not in self._code:
            names = [name for name, each in self._settings.agents.items() if each.code == agent.code]
            self._code[agent.code] = load_code(agent.code, setting=f"agents.{names[0] if names else '<name>'}.code")
        tools = self._code[agent.code]
        refuse_twins(tools, agent.tools)
        return tools
