"""The tools that agents have besides the built-in ones: each source opened once, shared by all agents."""

from offhook.calls.tools.base import Tool
from offhook.config import AgentSettings, Settings

__all__ = ["Toolbox"]


class Toolbox:
    """Opens what the agents' tools need."""

    def __init__(self, settings: Settings):
        self._settings = settings

    async def tools(self, agent: AgentSettings) -> tuple[Tool, ...]:
        """What `agent` has besides the built-in ones. Raises ConfigError for a source that cannot be used at all."""
        return ()

    async def close(self) -> None:
        """Close what was opened, whatever had gone wrong before."""
