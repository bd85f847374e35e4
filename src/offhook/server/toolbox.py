"""The tools that agents have besides the built-in ones: each source opened once, shared by all agents."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog

from offhook.calls.tools.base import Tool
from offhook.calls.tools.functions import FunctionTool
from offhook.config import AgentSettings, Settings
from offhook.config.keys import missing_secrets
from offhook.errors import ConfigError, SettingsError
from offhook.server.agent_code import load_code, refuse_twins, running
from offhook.toolkits.http_client import HttpClient
from offhook.toolkits.http_tool import HttpTool
from offhook.toolkits.toolset import Toolset

if TYPE_CHECKING:
    from pathlib import Path

    from offhook.agent import Agent
    from offhook.toolkits.mcp_server import McpServer

__all__ = ["Toolbox", "mcp_server"]

_log = structlog.get_logger(__name__)


class Toolbox:
    """Opens what the agents' tools need."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._code: dict[Path, tuple[FunctionTool, ...]] = {}
        self._agents: set[Agent] = set()
        self._lifespans = AsyncExitStack()
        self._client = HttpClient()
        self._servers: dict[str, McpServer] = {}

    async def tools(self, agent: AgentSettings) -> Iterable[Tool]:
        """What `agent` has besides the built-in ones; to be gone through anew for each call. Raises ConfigError for a
        source that cannot be used at all."""
        settings, names = self._settings, dict.fromkeys(agent.tools)
        self._check_secrets(names)
        http = [HttpTool(name, settings.tools[name], self._client) for name in names if name in settings.tools]
        code = await self._code_of(agent)
        servers = [await self._server(name) for name in names if name in settings.mcp]
        return Toolset([*code, *http], servers, names)

    async def close(self) -> None:
        """Close what was opened, whatever had gone wrong before."""
        await asyncio.gather(*(server.close() for server in self._servers.values()), return_exceptions=True)
        await self._client.close()
        try:
            await self._lifespans.aclose()
        except Exception:  # noqa: BLE001 - a user's code may raise anything, and others have things to close, too
            _log.exception("a lifespan ended with an error")

    async def _code_of(self, agent: AgentSettings) -> tuple[FunctionTool, ...]:
        """The tools of the agent's Python file, which is run once, and whose lifespan begins here."""
        if agent.code is None:
            return ()
        if agent.code not in self._code:
            self._code[agent.code] = await self._loaded(agent.code)
        tools = self._code[agent.code]
        refuse_twins(tools, agent.tools)
        return tools

    async def _loaded(self, path: "Path") -> tuple[FunctionTool, ...]:
        names = [name for name, each in self._settings.agents.items() if each.code == path]
        setting = f"agents.{names[0] if names else '<name>'}.code"
        agents = load_code(path, setting=setting)
        for agent in agents:
            if agent in self._agents:
                # Two files may have it from a third one.
                continue
            self._agents.add(agent)
            await self._lifespans.enter_async_context(running(agent, self._settings, path, setting=setting))
        return tuple(tool for agent in agents for tool in agent.tools)

    def _check_secrets(self, names: Iterable[str]) -> None:
        errors = [
            error
            for kind, tables in (("tools", self._settings.tools), ("mcp", self._settings.mcp))
            for name in names
            if name in tables
            for error in missing_secrets(kind, name, tables[name])
        ]
        if errors:
            raise SettingsError(errors)

    async def _server(self, name: str) -> "McpServer":
        if name not in self._servers:
            # Kept before it is started, so that it is closed if that fails.
            self._servers[name] = mcp_server(name, self._settings)
            await self._servers[name].start()
        return self._servers[name]


def mcp_server(name: str, settings: Settings) -> "McpServer":
    """The server of the table `[mcp.<name>]`, not started yet. Raises ConfigError where the extra is missing."""
    try:
        from offhook.toolkits.mcp_server import McpServer  # noqa: PLC0415 - only if it is named
    except ImportError as error:
        raise ConfigError(
            f"MCP servers need the package {error.name}", setting=f"mcp.{name}", hint="run `pip install 'offhook[mcp]'`"
        ) from error
    return McpServer(name, settings.mcp[name])
