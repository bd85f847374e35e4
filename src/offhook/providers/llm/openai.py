"""An LLM behind the chat-completions API, of OpenAI or of any server that speaks it (Ollama, vLLM, llama.cpp)."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import aiohttp

from offhook.config import LlmSettings
from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiKey, ApiServer, Refusal, json_object, refusal_in
from offhook.providers.llm.base import CallFacts, Message, Piece, TextDelta, ToolSpec
from offhook.providers.llm.metering import AnswerMeter
from offhook.providers.llm.openai_wire import DONE, END, EventStream, Reply, chat_messages, chat_tools
from offhook.providers.usage import OnUsage, not_counted

__all__ = ["ChatCompletions", "ChatResponder"]

_PATH = "/chat/completions"
_MODELS = "/models"
_OPENAI = "https://api.openai.com/"


class ChatCompletions:
    """Opens responders that share one pool of connections to one server and model."""

    def __init__(self, settings: LlmSettings, api_key: str | None = None) -> None:
        self.model = settings.model
        self.name = f"chat:{settings.model}"
        self._settings = settings
        key = ApiKey(api_key or "", env=settings.api_key_env or "OPENAI_API_KEY")
        self._server = ApiServer(self.name, settings.base_url, key, timeout_s=settings.timeout_s)
        # OpenAI's own models of today refuse the older name, which is the only one that some other servers know.
        most = "max_completion_tokens" if settings.base_url.startswith(_OPENAI) else "max_tokens"
        self._options: dict[str, Any] = {
            most: settings.max_tokens,
            "temperature": settings.temperature,
            "stream_options": {"include_usage": True},
        }

    def __repr__(self) -> str:
        return f"ChatCompletions(model={self._settings.model!r}, url={self._server.url(_PATH)!r})"

    def open(self, call: CallFacts, on_usage: OnUsage = not_counted) -> "ChatResponder":
        """A responder that follows the instructions of `call`, and tells what each answer used."""
        return ChatResponder(self, call.instructions, on_usage)

    async def warm_up(self) -> None:
        """A call is coming: open a connection, or see that one is open. Never raises."""
        with suppress(ProviderError):
            await self._server.get(_MODELS)

    async def check(self) -> None:
        """Whether the server is there and takes the key. Raises ProviderError, not retryable for a wrong key."""
        refusal = await self._server.get(_MODELS)
        # A key may be good for answers and for nothing else (403), and some servers list no models (404, 405).
        if refusal is not None and refusal.status not in (403, 404, 405):
            raise self._server.refused(refusal)

    async def close(self) -> None:
        """Close the connections. The object may be used again afterwards."""
        await self._server.close()

    async def chunks(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> AsyncGenerator[dict[str, Any]]:
        """The answer's chunks as the server sends them, ending with `END` if it says so. Raises ProviderError."""
        async with self._answer(messages, tools) as response:
            if response.content_type == "application/json":
                whole = json_object(await self._server.in_time(response.read()))
                self._check(whole, response)
                yield whole
                return
            async for data in self._events(response):
                if data == DONE:
                    yield END
                    return
                if chunk := json_object(data):
                    self._check(chunk, response)
                    yield chunk

    def failure(self, problem: str) -> ProviderError:
        """An error of this provider."""
        return self._server.failure(problem)

    @asynccontextmanager
    async def _answer(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        while True:
            async with self._server.post(_PATH, self._body(messages, tools), accept="text/event-stream") as response:
                if response.status == 200:
                    yield response
                    return
                refusal = await self._server.refusal(response)
            if not self._adapt(refusal):
                raise self._server.refused(refusal)

    def _body(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        options = {**self._options, **self._settings.extra}
        body = {"model": self._settings.model, "messages": messages, "stream": True, **options}
        if tools:
            body["tools"] = tools
        return body

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
        stream = EventStream()
        while True:
            ready = await self._server.in_time(_next_events(response.content, stream))
            if ready is None:
                break
            for data in ready:
                yield data
        for data in stream.end():
            yield data

    def _adapt(self, refusal: Refusal) -> bool:
        """Learn from a refusal of one of our options, and say whether asking again makes sense.

        Newer OpenAI models want `max_completion_tokens`, and some take no temperature but their own."""
        param = refusal.param
        if param not in self._options or refusal.code not in ("unsupported_parameter", "unsupported_value"):
            return False
        value = self._options.pop(param)
        if param == "max_tokens":
            self._options["max_completion_tokens"] = value
        return True

    def _check(self, chunk: Mapping[str, Any], response: aiohttp.ClientResponse) -> None:
        if error := refusal_in(chunk, response):
            raise self._server.told(error)


class ChatResponder:
    """One call's side of the server; holds nothing but the instructions."""

    def __init__(self, server: ChatCompletions, instructions: str, on_usage: OnUsage = not_counted) -> None:
        self._server = server
        self._instructions = instructions
        self._on_usage = on_usage

    async def respond(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> AsyncGenerator[Piece]:
        """Answer the conversation: text as it comes, then the tool calls; an empty text for every other chunk.
        Closing the iterator ends the request."""
        reply = Reply()
        async with aclosing(self._metered(chat_messages(self._instructions, messages), chat_tools(tools))) as chunks:
            async for chunk in chunks:
                # Without text it is a sign of life: of a tool call that is being written, or of thinking.
                yield TextDelta(reply.take(chunk))
        for piece in self._last_pieces(reply, {call.id for message in messages for call in message.tool_calls}):
            yield piece

    def instruct(self, instructions: str) -> None:
        """From the next answer on follow these instructions."""
        self._instructions = instructions

    async def close(self) -> None:
        """Nothing is held: the connections belong to the factory."""

    async def _metered(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
    ) -> AsyncGenerator[dict[str, Any]]:
        """The answer's chunks; at their end, whatever it is, what they used is told."""
        meter = AnswerMeter(messages, tools)
        try:
            async with aclosing(self._server.chunks(messages, tools)) as chunks:
                async for chunk in chunks:
                    meter.came(chunk)
                    yield chunk
        except ProviderError as error:
            meter.failed(error)
            raise
        finally:
            if usage := meter.usage:
                self._on_usage(usage)

    def _last_pieces(self, reply: Reply, known_calls: Collection[str]) -> Iterator[Piece]:
        if not reply.finished:
            raise self._server.failure("the stream ended before the answer did")
        if text := reply.rest():
            yield TextDelta(text)
        try:
            yield from reply.tool_calls(known_calls)
        except WireError as error:
            raise self._server.failure(str(error)) from error


async def _next_events(content: aiohttp.StreamReader, stream: EventStream) -> list[bytes] | None:
    # Comments, which some servers send to keep the connection, are no sign of a model at work.
    while received := await content.readany():
        if ready := list(stream.feed(received)):
            return ready
    return None
