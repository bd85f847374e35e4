"""One MCP server for all calls: connected at the start, and again when it dies, its list of tools kept up to date.

Needs the extra `mcp`. The contexts of its library must be left by the task that entered them: each server has one task
that owns its session, and calls only use it.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import anyio
import httpx2
import structlog
from mcp import Client, Implementation, MCPError
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import INVALID_REQUEST, ToolListChangedNotification
from mcp_types import Tool as ListedTool
from pydantic import ValidationError

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.config import McpSettings
from offhook.errors import ToolError
from offhook.toolkits.mcp_results import result_of, spec_of
from offhook.toolkits.mcp_transport import check_program, opened
from offhook.toolkits.secrets import Secrets

__all__ = ["McpServer", "McpTool"]

_log = structlog.get_logger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_WELL_S = 10.0
_START_S = 10.0
_ANSWER_S = 15.0
_AFTER_S = 1.0
"""The runner's limit lies behind our own, which has the better words."""
_PAGES, _MOST_TOOLS = 20, 200
_NOISY = ("mcp", "client", "httpx2", "httpcore2")
"""Loggers that tell of each request, or with a traceback of what is told here in a line."""


class McpServer:
    """One table `[mcp.<name>]`. `tools` are those that were listed last; a new call gets these."""

    def __init__(
        self,
        name: str,
        settings: McpSettings,
        *,
        jitter: Callable[[], float] = random.random,
    ):
        self.name = name
        self.settings = settings
        self.tools: tuple[McpTool, ...] = ()
        self.problem = ""
        self._jitter = jitter
        self._secrets = Secrets(settings.secrets)
        self._client: Client | None = None
        self._status = 0
        self._lost = False
        self._nudged = asyncio.Event()
        self._tried = asyncio.Event()
        self._asked_for = asyncio.Event()
        self._scope = anyio.CancelScope()
        self._owner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect. A server that does not answer is tried again in the background; a program that is not there raises
        ConfigError."""
        check_program(self.name, self.settings)
        for noisy in _NOISY:
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        tried = self._tried
        self._owner = asyncio.create_task(self._own())
        try:
            async with asyncio.timeout(_START_S):
                await tried.wait()
        except TimeoutError:
            self.problem = f"no answer within {_START_S:g} s"
        if not self.connected:
            _log.warning("an MCP server cannot be used yet", server=self.name, problem=self.problem)

    @property
    def connected(self) -> bool:
        """Whether it can be asked."""
        return self._client is not None

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        """What a tool says. Raises ToolError."""
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                return self._secrets.hidden_in(result_of(await self._asked(tool, arguments)))
        except TimeoutError:
            problem = f"{tool} took longer than {self.settings.timeout_s:g} s"
        except ToolError as error:
            problem = str(error)
        except MCPError as error:
            problem = f"{tool} did not work: {error.message[:500]}"
        except (RuntimeError, ValidationError, anyio.ClosedResourceError, anyio.BrokenResourceError) as error:
            _log.warning("an MCP tool failed", server=self.name, tool=tool, error=type(error).__name__)
            problem = f"{tool} gave no proper answer"
        raise ToolError(self._secrets.hidden(problem)) from None

    async def close(self) -> None:
        """End the session, and the program."""
        # By its scope, not by its task: the library's contexts then still end the program in order.
        self._scope.cancel()
        if self._owner is not None:
            await asyncio.gather(self._owner, return_exceptions=True)

    async def _asked(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        # The library's own limit is only behind ours.
        limit_s = self.settings.timeout_s + _AFTER_S
        client = await self._connected_client()
        try:
            return await client.call_tool(tool, dict(arguments), read_timeout_seconds=limit_s)
        except MCPError as error:
            if not _is_forgotten(error):
                raise
        # A server that was started anew knows no old session, and has not done anything yet.
        self._lose(client)
        client = await self._connected_client()
        return await client.call_tool(tool, dict(arguments), read_timeout_seconds=limit_s)

    async def _connected_client(self) -> Client:
        if self._client is None:
            tried = self._tried
            self._asked_for.set()
            await tried.wait()
        if self._client is None:
            raise ToolError(f"{self.name} cannot be reached")
        return self._client

    async def _own(self) -> None:
        pauses = 0
        with self._scope:
            while True:
                begun = anyio.current_time()
                connected = await self._live()
                self._lost = False
                pauses = 0 if connected and anyio.current_time() - begun > _WELL_S else pauses + 1
                if not connected:
                    self._settle()
                # A session that worked for a while is followed by the next one at once.
                if pauses:
                    pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(pauses - 1, 16))
                    await self._pause(pause_s * (0.5 + self._jitter() / 2))

    async def _live(self) -> bool:
        """One session, from its beginning to its end; whether it could be used."""
        self._status, connected = 0, False
        self._asked_for.clear()
        try:
            async with Client(
                opened(self.settings, self._secrets, self._end, self._refused),
                read_timeout_seconds=_ANSWER_S,
                message_handler=self._hear,
                client_info=Implementation(name="offhook", version=version("offhook")),
                cache=None,
            ) as client:
                await self._list(client)
                connected = True
                self._client, self.problem = client, ""
                self._settle()
                await self._attend(client)
        except Exception as error:  # noqa: BLE001 - a task's top; the library raises groups of anything
            self.problem = self._secrets.hidden(self._in_words(error))
        finally:
            self._client = None
        tell = _log.warning if connected else _log.debug
        tell("an MCP server is gone", server=self.name, problem=self.problem or "it ended")
        return connected

    async def _attend(self, client: Client) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen, client)
            while not self._lost:
                await self._nudged.wait()
                self._nudged.clear()
                if not self._lost:
                    await self._list(client)
            group.cancel_scope.cancel()

    async def _listen(self, client: Client) -> None:
        """Hear of changes where the protocol has it by asking. A stream that broke off may mean a server that died."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        self._nudged.set()
            except (ListenNotSupportedError, MCPError, TimeoutError):
                return
            except SubscriptionLost:
                self._nudged.set()
            await anyio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _hear(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._nudged.set()

    async def _list(self, client: Client) -> None:
        listed: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await client.list_tools(cursor=cursor)
            listed += page.tools
            cursor = page.next_cursor
            if cursor is None or len(listed) >= _MOST_TOOLS:
                break
        wanted = self.settings.tools
        chosen = [tool for tool in listed if not wanted or tool.name in wanted][:_MOST_TOOLS]
        if missing := set(wanted) - {tool.name for tool in chosen}:
            _log.warning("an MCP server lacks tools", server=self.name, tools=sorted(missing))
        self.tools = tuple(McpTool(self, tool) for tool in chosen)
        _log.info("tools of an MCP server", server=self.name, tools=[tool.name for tool in chosen])

    async def _pause(self, pause_s: float) -> None:
        """Wait, but not longer than until somebody needs it."""
        with anyio.move_on_after(pause_s):
            await self._asked_for.wait()

    def _settle(self) -> None:
        """Tell those who wait how the attempt went."""
        tried, self._tried = self._tried, asyncio.Event()
        tried.set()

    def _lose(self, client: Client) -> None:
        if self._client is client:
            self._end()

    def _end(self) -> None:
        """Whoever calls from now on waits for the next session."""
        self._client = None
        self._lost = True
        self._nudged.set()

    def _refused(self, status: int) -> None:
        self._status = status

    def _in_words(self, error: BaseException) -> str:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if self._status and isinstance(error, MCPError):
            return f"HTTP {self._status}"
        return str(error)[:300] if isinstance(error, MCPError | OSError | httpx2.HTTPError) else type(error).__name__


class McpTool(Tool):
    """A tool of an MCP server."""

    def __init__(self, server: McpServer, tool: ListedTool, prefix: str = ""):
        self.spec = spec_of(tool, prefix)
        self.rules = ToolRules(server.settings.timeout_s + _AFTER_S, on_barge_in=server.settings.on_barge_in)
        self._server = server
        self._tool = tool

    @property
    def listed_name(self) -> str:
        """What its server calls it."""
        return self._tool.name

    def prefixed(self) -> "McpTool":
        """The same tool by a name that has its server's in front."""
        return McpTool(self._server, self._tool, self._server.name)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Ask the server. Raises ToolError."""
        return await self._server.call(self._tool.name, arguments)


def _is_forgotten(error: MCPError) -> bool:
    """Whether the server does not know our session, as the library puts an HTTP status 404."""
    return error.code == INVALID_REQUEST and error.message == "Session terminated"
