"""An LLM behind the chat-completions API, of OpenAI or of any server that speaks it (Ollama, vLLM, llama.cpp)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import orjson
import structlog

from offhook.config import LlmSettings
from offhook.errors import ProviderError, WireError
from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolSpec
from offhook.providers.llm.openai_wire import DONE, EventStream, Reply, chat_messages, chat_tools

__all__ = ["ChatCompletions", "ChatResponder"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FATAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "account_deactivated"})


class ChatCompletions:
    """Opens responders that share one pool of connections to one server and model."""

    def __init__(self, settings: LlmSettings, api_key: str | None = None) -> None:
        self.name = f"chat:{settings.model}"
        self._settings = settings
        self._key = api_key or ""
        self._url = f"{settings.base_url.rstrip('/')}/chat/completions"
        self._session: aiohttp.ClientSession | None = None
        self._options: dict[str, Any] = {"max_tokens": settings.max_tokens, "temperature": settings.temperature}

    def __repr__(self) -> str:
        return f"ChatCompletions(model={self._settings.model!r}, url={self._url!r})"

    def open(self, call: CallFacts) -> "ChatResponder":
        """A responder that follows the instructions of `call`."""
        return ChatResponder(self, call.instructions)

    async def close(self) -> None:
        """Close the connections. The object may be used again afterwards."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def chunks(self, messages: list[dict[str, Any]], tools: Sequence[ToolSpec]) -> AsyncGenerator[dict[str, Any]]:
        """The answer's chunks as the server sends them. Raises ProviderError."""
        async with self._answer(messages, tools) as response:
            if response.content_type == "application/json":
                whole = _json(await self._in_time(response.read()))
                self._check(whole, response)
                yield whole
                return
            async for data in self._events(response):
                if data == DONE:
                    return
                if chunk := _json(data):
                    self._check(chunk, response)
                    yield chunk

    def failure(self, problem: str, *, status: int | None = None, retryable: bool = True) -> ProviderError:
        """An error of this provider, with the key taken out of whatever a server put into its text."""
        clean = problem.replace(self._key, "***") if self._key else problem
        return ProviderError(clean, provider=self.name, status=status, retryable=retryable)

    @asynccontextmanager
    async def _answer(
        self, messages: list[dict[str, Any]], tools: Sequence[ToolSpec]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        response = await self._post(messages, tools)
        try:
            yield response
        except aiohttp.ClientError as error:
            raise self.failure(f"the connection broke off ({type(error).__name__})") from error
        except WireError as error:
            raise self.failure(str(error)) from error
        finally:
            # Closing, unlike releasing, also stops a server that is still generating.
            response.close()

    async def _post(self, messages: list[dict[str, Any]], tools: Sequence[ToolSpec]) -> aiohttp.ClientResponse:
        response = await self._connect(self._body(messages, tools))
        while response.status != 200:
            refusal = await self._refusal(response)
            if not self._adapt(refusal):
                raise self._refused(response, refusal)
            response = await self._connect(self._body(messages, tools))
        return response

    async def _connect(self, body: bytes) -> aiohttp.ClientResponse:
        # One more attempt where nothing was answered: a kept connection may have been closed by the server meanwhile.
        try:
            return await self._send(body)
        except aiohttp.ClientConnectionError as first:
            _log.info("llm connection failed, trying once more", provider=self.name, error=type(first).__name__)
        except aiohttp.ClientError as error:
            raise self.failure(f"cannot ask {self._url} ({error!r})", retryable=False) from error
        try:
            return await self._send(body)
        except aiohttp.ClientError as error:
            raise self.failure(f"no connection to {self._url} ({error})") from error

    async def _send(self, body: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            # No limit of its own on time: `_in_time` watches each wait.
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None), connector=aiohttp.TCPConnector(limit=0)
            )
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return await self._in_time(self._session.post(self._url, data=body, headers=headers, allow_redirects=False))

    def _body(self, messages: list[dict[str, Any]], tools: Sequence[ToolSpec]) -> bytes:
        body = {"model": self._settings.model, "messages": messages, "stream": True, **self._options}
        if tools:
            body["tools"] = chat_tools(tools)
        return orjson.dumps(body)

    async def _in_time(self, wait: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await wait
        except TimeoutError as error:
            raise self.failure(f"nothing came for {self._settings.timeout_s:g} s") from error

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        stream = EventStream()
        while True:
            ready = await self._in_time(_next_events(response.content, stream))
            if ready is None:
                break
            for data in ready:
                yield data
        for data in stream.end():
            yield data

    async def _refusal(self, response: aiohttp.ClientResponse) -> Mapping[str, Any]:
        try:
            body = await self._in_time(response.read())
        except aiohttp.ClientError:
            body = b""
        finally:
            response.close()
        return _error_of(_json(body)) or {"message": body[:200].decode(errors="replace")}

    def _adapt(self, refusal: Mapping[str, Any]) -> bool:
        """Learn from a refusal of one of our options, and say whether asking again makes sense.

        Newer OpenAI models want `max_completion_tokens`, and some take no temperature but their own."""
        param = str(refusal.get("param"))
        if param not in self._options or refusal.get("code") not in ("unsupported_parameter", "unsupported_value"):
            return False
        value = self._options.pop(param)
        if param == "max_tokens":
            self._options["max_completion_tokens"] = value
        return True

    def _refused(self, response: aiohttp.ClientResponse, refusal: Mapping[str, Any]) -> ProviderError:
        status = response.status
        retryable = status in _RETRYABLE and refusal.get("code") not in _FATAL_CODES
        problem = f"HTTP {status}: {refusal.get('message') or response.reason}{_request_id(response)}"
        return self.failure(problem, status=status, retryable=retryable)

    def _check(self, chunk: Mapping[str, Any], response: aiohttp.ClientResponse) -> None:
        if error := _error_of(chunk):
            retryable = error.get("code") not in _FATAL_CODES
            raise self.failure(f"{error.get('message') or 'failed'}{_request_id(response)}", retryable=retryable)


class ChatResponder:
    """One call's side of the server; holds nothing but the instructions."""

    def __init__(self, server: ChatCompletions, instructions: str) -> None:
        self._server = server
        self._instructions = instructions

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[Piece]:
        """Answer the conversation: text as it comes, then the tool calls. Closing the iterator ends the request."""
        reply = Reply()
        async with aclosing(self._server.chunks(chat_messages(self._instructions, messages), tools)) as chunks:
            async for chunk in chunks:
                if text := reply.take(chunk):
                    yield TextDelta(text)
        for piece in self._last_pieces(reply):
            yield piece

    async def close(self) -> None:
        """Nothing is held: the connections belong to the factory."""

    def _last_pieces(self, reply: Reply) -> Iterator[Piece]:
        if not reply.finished:
            raise self._server.failure("the stream ended before the answer did")
        if text := reply.rest():
            yield TextDelta(text)
        try:
            yield from reply.tool_calls()
        except WireError as error:
            raise self._server.failure(str(error)) from error


async def _next_events(content: aiohttp.StreamReader, stream: EventStream) -> list[bytes] | None:
    # Comments, which some servers send to keep the connection, are no sign of a model at work.
    while received := await content.readany():
        if ready := list(stream.feed(received)):
            return ready
    return None


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        _log.debug("an event that is not JSON was passed over", size=len(data))
        return {}
    return value if isinstance(value, dict) else {}


def _error_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    error = body.get("error")
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def _request_id(response: aiohttp.ClientResponse) -> str:
    found = response.headers.get("x-request-id", "")
    return f" (request {found})" if found else ""
