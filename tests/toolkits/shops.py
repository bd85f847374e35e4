"""The shop's MCP server as a process of its own, behind a port, to be killed and started again."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from offhook.config import McpSettings
from offhook.errors import ToolError
from offhook.toolkits.mcp_server import McpServer

SCRIPT = Path(__file__).parent / "mcp_shop.py"
_PATIENCE_S = 60.0


class HttpShop:
    """The shop by streamable HTTP."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "http", str(self.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise AssertionError("the shop did not open")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def stdio_settings(**values: Any) -> McpSettings:
    return McpSettings.model_validate({"command": sys.executable, "args": [str(SCRIPT), "stdio"], **values})


@asynccontextmanager
async def connected(settings: McpSettings) -> AsyncIterator[McpServer]:
    """A server that is started, and closed at the end."""
    server = McpServer("shop", settings, jitter=lambda: 0.0)
    try:
        await server.start()
        yield server
    finally:
        await server.close()


async def works_again(server: McpServer) -> Any:
    """What a tool says, as soon as it says anything."""
    give_up = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await server.call("stock", {"item": "chair"})
        except ToolError:
            assert time.monotonic() < give_up
            await asyncio.sleep(0.05)


async def until(condition: Any) -> None:
    """Wait for something that comes by itself."""
    give_up = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.02)
