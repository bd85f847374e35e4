"""How an MCP server is reached: a program that is run, or an address. Needs the extra `mcp`."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import httpx2
from mcp import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from offhook.config import McpSettings
from offhook.config.templates import Place
from offhook.errors import ConfigError
from offhook.toolkits.secrets import Secrets

__all__ = ["Streams", "check_program", "opened"]

Streams = tuple[Any, Any]
"""What is read and what is written, as `mcp` has it."""
_CONNECT_S = 10.0
_READ_S = 300.0


def check_program(name: str, settings: McpSettings) -> None:
    """Raises ConfigError if the program, or the folder it is to run in, is not there."""
    if settings.cwd is not None and not settings.cwd.is_dir():
        raise ConfigError(f"there is no folder {settings.cwd}", setting=f"mcp.{name}.cwd")
    if settings.command is not None and _program(settings) is None:
        raise ConfigError(
            f"there is no program {settings.command}",
            setting=f"mcp.{name}.command",
            hint="install it, or give its whole path",
        )


def opened(
    settings: McpSettings, secrets: Secrets, on_end: Callable[[], None], on_refused: Callable[[int], None]
) -> AbstractAsyncContextManager[Streams]:
    """The streams to a server. `on_end` is told when nothing more can come, `on_refused` of each HTTP error."""
    return _watched(_http(settings, secrets, on_refused) if settings.url else _stdio(settings, secrets), on_end)


def _stdio(settings: McpSettings, secrets: Secrets) -> AbstractAsyncContextManager[Streams]:
    server = StdioServerParameters(
        command=_program(settings) or str(settings.command),
        args=list(settings.args),
        env={name: secrets.of(Place("env", name)) for name in settings.env},
        cwd=settings.cwd,
    )
    return stdio_client(server, errlog=_errors())


def _errors() -> TextIO:
    """Where the program may complain: what stands for the terminal, even while something is caught in between."""
    return sys.__stderr__ or sys.stderr


def _program(settings: McpSettings) -> str | None:
    command = settings.command or ""
    if os.sep in command:
        path = (settings.cwd or Path.cwd()) / command
        return str(path) if path.is_file() and os.access(path, os.X_OK) else None
    return shutil.which(command)


@asynccontextmanager
async def _http(settings: McpSettings, secrets: Secrets, on_refused: Callable[[int], None]) -> AsyncIterator[Streams]:
    async def note(response: httpx2.Response) -> None:
        if response.status_code >= 400:
            on_refused(response.status_code)

    hooks: dict[str, list[Callable[..., Awaitable[None]]]] = {"response": [note]}
    headers = {name: secrets.filled(value) for name, value in settings.headers.items()}
    limits = httpx2.Timeout(_CONNECT_S, read=_READ_S)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=limits, event_hooks=hooks) as http,
        streamable_http_client(settings.url, http_client=http) as streams,
    ):
        yield streams


@asynccontextmanager
async def _watched(
    transport: AbstractAsyncContextManager[Streams], on_end: Callable[[], None]
) -> AsyncIterator[Streams]:
    async with transport as (reading, writing):
        yield _Watched(reading, on_end), writing


class _Watched:
    """A stream that tells of its end, which `mcp` keeps to itself."""

    def __init__(self, stream: Any, on_end: Callable[[], None]):
        self._stream = stream
        self._on_end = on_end

    @property
    def last_context(self) -> Any:
        """What the sender of the last message had in its context variables."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        """The next message."""
        return await self._stream.receive()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        ended: bool | None = await self._stream.__aexit__(kind, error, trace)
        return ended
