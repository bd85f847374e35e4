"""A shop's MCP server, written with the official library: `python mcp_shop.py stdio`, or `… http PORT`."""

import asyncio
import os
import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, ImageContent, TextContent

shop = MCPServer("shop", log_level="CRITICAL")


@shop.tool()
def stock(item: str) -> dict[str, int]:
    """How many of an item there are."""
    return {item: 3}


@shop.tool(name="order.status")
def order_status(number: str) -> CallToolResult:
    """Where an order is."""
    return CallToolResult(content=[TextContent(type="text", text=f"Order {number} is on its way.")])


@shop.tool()
def picture() -> CallToolResult:
    """A picture."""
    return CallToolResult(content=[ImageContent(type="image", data="AAAA", mime_type="image/png")])


@shop.tool()
def refuse() -> str:
    """Says why not."""
    raise ToolError(f"the shop is closed, says {os.environ.get('SHOP_KEY', 'nobody')}")


@shop.tool()
async def slow() -> str:
    """Takes its time."""
    await asyncio.sleep(60)
    return "at last"


@shop.tool()
def process() -> int:
    """The process it runs in."""
    return os.getpid()


@shop.tool()
def environment() -> list[str]:
    """Names that it was given."""
    return sorted(os.environ)


@shop.tool()
def long() -> str:
    """A long story."""
    return "word " * 10_000


@shop.tool()
async def die() -> str:
    """Ends the server in the middle."""
    os._exit(3)


@shop.tool()
async def grow(context: Context) -> str:
    """Learns something new."""

    def news() -> str:
        """What is new."""
        return "nothing"

    shop.add_tool(news)
    await context.notify_tools_changed()
    await context.session.send_tool_list_changed()
    return "grown"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        shop.run("stdio")
    else:
        shop.run("streamable-http", port=int(sys.argv[2]))
