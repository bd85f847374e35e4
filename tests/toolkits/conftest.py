"""A call for tools to be used in, and customers' servers to be asked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from offhook.calls.tools.base import ToolContext
from offhook.config import HttpToolSettings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(
        "call-1",
        "+14155550199",
        tmp_path,
        lambda: datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
        called_number="+14155550100",
        variables={"account": "A/7"},
        tool_call_id="tool-9",
    )


def http_settings(**values: Any) -> HttpToolSettings:
    return HttpToolSettings.model_validate({"description": "Look.", "url": "https://crm.example/", **values})


@asynccontextmanager
async def serving(handler: Handler, port: int = 0) -> AsyncIterator[str]:
    """A server of a customer's; gives its address without a slash at the end."""
    app = web.Application(client_max_size=1 << 22)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
