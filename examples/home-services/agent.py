"""What the agent has beside its HTTP tools: the company's system, which starts with the server, and text messages."""

import errno
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from ipaddress import ip_address
from typing import Annotated, Any

import aiohttp
import structlog
from pydantic import Field
from yarl import URL

from backend.api import make_app, serving
from backend.store import Store
from offhook import Agent, ToolContext, ToolError
from offhook.config import Settings

agent = Agent()
log = structlog.get_logger(__name__)

SYSTEM = "http://127.0.0.1:8081"
LONGEST_TEXT = 160


@agent.lifespan
async def system(settings: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """The company's system, for as long as the server runs: a session to ask it with.

    It is started here if its address is of this machine and nothing listens there yet."""
    url = URL(settings.keys.backend_api_url or SYSTEM)
    secret = settings.keys.backend_api_key
    key = secret.get_secret_value() if secret else ""
    async with AsyncExitStack() as stack:
        if is_here(url):
            app = make_app(Store(settings.server.data_dir / "home-services.sqlite3"), key)
            try:
                await stack.enter_async_context(serving(app, str(url.host), url.port or 80))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                log.info("what listens there already is taken for the company's system", url=str(url))
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=4)
        base = url / ""
        yield await stack.enter_async_context(aiohttp.ClientSession(base, headers=headers, timeout=timeout))


@agent.tool(timeout_s=5, filler="One moment, I am sending it.")
async def send_sms(
    message: Annotated[str, Field(description="what it says, at most 160 characters")],
    context: ToolContext,
    phone_number: Annotated[str, Field(description="where to; the caller's own number if left out")] = "",
) -> dict[str, Any]:
    """Send a text message: the details of a booking, or a reference number. Only after the caller has agreed to it."""
    number = phone_number or context.caller_number
    if not number:
        raise ToolError("the caller's number is not known; ask for it")
    if len(message) > LONGEST_TEXT:
        raise ToolError(f"the message has {len(message)} characters, and {LONGEST_TEXT} is the most; shorten it")
    session: aiohttp.ClientSession = context.shared
    # The same request twice is one text message.
    headers = {"Idempotency-Key": f"{context.call_id}-{context.tool_call_id}"}
    body = {"phone_number": number, "message": message}
    try:
        async with session.post("texts", json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.warning("a text message was not sent", call_id=context.call_id, problem=type(error).__name__)
        raise ToolError("text messages cannot be sent at the moment") from error
    if answer.status != 200:
        raise ToolError(f"the text message was not sent: {told.get('error', answer.status)}")
    return told


def is_here(url: URL) -> bool:
    """Whether an address is of this machine."""
    try:
        return ip_address(url.host or "").is_loopback
    except ValueError:
        return url.host == "localhost"
