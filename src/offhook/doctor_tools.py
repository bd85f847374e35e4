"""Looks at the tools that agents have from settings: whether their servers can be reached, and what these offer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator

from structlog.testing import capture_logs
from yarl import URL

from offhook.checks import Check
from offhook.config import HttpToolSettings, Settings
from offhook.config.keys import missing_secrets
from offhook.errors import ConfigError
from offhook.server.toolbox import mcp_server

__all__ = ["tool_checks"]

_REACHED_S = 4.0


def tool_checks(settings: Settings) -> Iterator[Check]:
    """Checks of every HTTP tool and MCP server that an agent names."""
    named = dict.fromkeys(name for agent in settings.answering.values() for name in agent.tools)
    for name in named:
        if name in settings.tools:
            yield from _http_tool(name, settings.tools[name])
        elif name in settings.mcp:
            yield from _mcp_server(name, settings)


def _http_tool(name: str, table: HttpToolSettings) -> Iterator[Check]:
    missing = missing_secrets("tools", name, table)
    yield from (Check("key", "bad", f"{name}: {error.problem}", error.hint) for error in missing)
    try:
        address = table.address
    except KeyError:
        return
    problem = asyncio.run(_unreachable(address))
    where = f"{name}: {table.shown_host}"
    if problem:
        yield Check("tool", "bad", f"{where} cannot be reached ({problem})", f"check the url of tools.{name}")
    else:
        yield Check("tool", "good", f"{where} can be reached")


async def _unreachable(url: str) -> str:
    """Why no connection comes about; nothing is asked for, since that might change something."""
    address = URL(url.partition("{")[0])
    secure = ssl.create_default_context() if address.scheme == "https" else None
    try:
        async with asyncio.timeout(_REACHED_S):
            _, writer = await asyncio.open_connection(address.raw_host, address.port, ssl=secure)
    except TimeoutError:
        return f"no answer within {_REACHED_S:g} s"
    except OSError as error:
        return error.strerror or type(error).__name__
    writer.close()
    return ""


def _mcp_server(name: str, settings: Settings) -> Iterator[Check]:
    table = settings.mcp[name]
    if missing := missing_secrets("mcp", name, table):
        yield from (Check("key", "bad", f"{name}: {error.problem}", error.hint) for error in missing)
        return
    try:
        # What servers log would stand between the checks.
        with capture_logs():
            yield from asyncio.run(_collected(name, settings))
    except ConfigError as error:
        yield Check("mcp", "bad", f"{name}: {error.problem}", error.hint)


async def _collected(name: str, settings: Settings) -> list[Check]:
    return [check async for check in _offered(name, settings)]


async def _offered(name: str, settings: Settings) -> AsyncIterator[Check]:
    server, table = mcp_server(name, settings), settings.mcp[name]
    try:
        await server.start()
        if not server.connected:
            remedy = f"check the {'url' if table.url else 'command'} of mcp.{name}, and that it runs"
            yield Check("mcp", "bad", f"{name}: {server.problem or 'it ended'}", remedy)
            return
        listed = [tool.listed_name for tool in server.tools]
        yield Check("mcp", "good" if listed else "poor", f"{name}: tools {', '.join(listed) or 'none'}")
        if missing := [each for each in table.tools if each not in listed]:
            yield Check("mcp", "poor", f"{name}: there is no tool {', '.join(missing)}", f"see tools of mcp.{name}")
    finally:
        await server.close()
