"""A tool that asks an HTTP server, as a table of the settings describes it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiohttp
import structlog

from offhook.calls.tools.base import Tool, ToolContext, ToolRules
from offhook.config import HttpToolSettings
from offhook.errors import ToolError, WireError
from offhook.providers.llm.base import ToolSpec
from offhook.toolkits.http_answer import PASSING, HttpAnswer, what_it_says
from offhook.toolkits.http_client import HttpClient
from offhook.toolkits.http_template import HttpRequest, HttpTemplate
from offhook.toolkits.secrets import Secrets

__all__ = ["HttpTool"]

_log = structlog.get_logger(__name__)
_PAUSES_S = (0.2, 0.6)
_AFTER_S = 1.0
"""The runner's limit lies behind our own, which has the better words."""


class HttpTool(Tool):
    """One table `[tools.<name>]`. Raises KeyError for a name in the environment that is not set."""

    def __init__(
        self,
        name: str,
        settings: HttpToolSettings,
        client: HttpClient,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        self.spec = ToolSpec(name, settings.description, settings.arguments_schema)
        self.rules = ToolRules(settings.timeout_s + _AFTER_S, settings.filler, settings.on_barge_in)
        self._settings = settings
        self._client = client
        self._sleep = sleep
        self._secrets = Secrets(settings.secrets)
        self._template = HttpTemplate(settings, self._secrets)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Ask. Raises ToolError with `on_failure`; why it failed is told to the log alone."""
        request = _marked(self._template.filled(arguments, context), context)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                answer = await self._answer(request)
            said = what_it_says(answer, self._settings.result, self._settings.max_result_bytes)
        except TimeoutError:
            problem = f"no answer within {self._settings.timeout_s:g} s"
        except WireError as error:
            problem = str(error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = _in_words(error)
        else:
            return self._secrets.hidden_in(said)
        _log.warning(
            "an HTTP tool failed",
            call_id=context.call_id,
            tool=self.spec.name,
            host=self._settings.shown_host,
            problem=self._secrets.hidden(problem),
        )
        # Not chained: what libraries raise may carry the address, with what is secret in it.
        raise ToolError(self._settings.on_failure or f"{self.spec.name} does not work at the moment") from None

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        for pause_s in _PAUSES_S if request.repeatable else ():
            try:
                answer = await self._client.ask(request)
            except aiohttp.ClientError as error:
                _log.debug("asking again", tool=self.spec.name, problem=_in_words(error))
            else:
                if answer.status not in PASSING:
                    return answer
            await self._sleep(pause_s)
        return await self._client.ask(request)


def _marked(request: HttpRequest, context: ToolContext) -> HttpRequest:
    """What must not happen twice carries a key by which the server can tell."""
    if request.repeatable or any(name.lower() == "idempotency-key" for name in request.headers):
        return _typed(request)
    key = f"{context.call_id}-{context.tool_call_id or uuid4()}"
    plain = "".join(char if char.isascii() and char.isprintable() else "_" for char in key)
    return _typed(replace(request, headers={**request.headers, "Idempotency-Key": plain}))


def _typed(request: HttpRequest) -> HttpRequest:
    if not request.body or any(name.lower() == "content-type" for name in request.headers):
        return request
    return replace(request, headers={**request.headers, "Content-Type": "application/json"})


def _in_words(error: Exception) -> str:
    """What went wrong, without what the error says: that may hold the address."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorDNSError):
        return "it cannot be reached"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "the connection broke off"
    return type(error).__name__
