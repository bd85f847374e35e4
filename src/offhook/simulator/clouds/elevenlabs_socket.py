"""The WebSockets of ElevenLabs' double: stream-input with one stream of text, multi-stream-input with up to five."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

__all__ = ["Closing", "Say", "TextSocket"]

_MOST_CONTEXTS = 5
_SCHEDULE = (120, 160, 250, 290)
_SENTENCE = re.compile(r"[.!?]\s*$")
_DEFAULT = "default"

Say = Callable[[str, Mapping[str, Any], Callable[[Mapping[str, Any]], Awaitable[None]]], Awaitable[None]]
"""Speaks a text with voice settings, and hands each message to a sender. Raises Closing."""


class Closing(Exception):  # noqa: N818 - not an error of ours: the end of a connection
    """The server ends the connection, with an error message before that if there is a code for it."""

    def __init__(self, code: int, reason: str, error: str = ""):
        self.code = code
        self.reason = reason
        self.error = error
        super().__init__(reason)


@dataclass(eq=False)
class _Context:
    settings: Mapping[str, Any]
    schedule: tuple[int, ...]
    text: str = ""
    generations: int = 0
    queue: "asyncio.Queue[str | None]" = field(default_factory=asyncio.Queue)
    closing: bool = False


class TextSocket:
    """One connection. `multi` chooses which of the two protocols it speaks."""

    def __init__(self, socket: web.WebSocketResponse, say: Say, *, multi: bool, auto_mode: bool, inactivity_s: float):
        self.seen: list[Mapping[str, Any]] = []
        self._socket = socket
        self._say = say
        self._multi = multi
        self._auto = auto_mode
        self._inactivity_s = inactivity_s
        self._contexts: dict[str, _Context] = {}
        self._running: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._failure: Closing | None = None

    async def run(self) -> str:
        """Talk until one side is done; gives the error that ended it, if one did."""
        async with asyncio.TaskGroup() as tasks:
            self._start = tasks.create_task
            self._running.append(tasks.create_task(self._read()))
            await self._ended.wait()
            for task in self._running:
                task.cancel()
        await self._say_goodbye()
        return self._failure.error if self._failure else ""

    async def _say_goodbye(self) -> None:
        if self._failure is not None and self._failure.error and not self._socket.closed:
            error = {"message": self._failure.reason, "error": self._failure.error, "code": self._failure.code}
            await self._send(error)
        code = self._failure.code if self._failure else WSCloseCode.OK
        await self._socket.close(code=code, message=(self._failure.reason if self._failure else "").encode()[:120])

    def _end(self, failure: Closing | None = None) -> None:
        self._failure = self._failure or failure
        self._ended.set()

    async def _read(self) -> None:
        try:
            while not self._ended.is_set():
                message = await self._socket.receive(self._inactivity_s)
                if message.type is not WSMsgType.TEXT:
                    break
                self._take(orjson.loads(message.data))
        except TimeoutError:
            self._end(Closing(1008, "No input for too long.", "input_timeout_exceeded"))
        except Closing as failure:
            self._end(failure)
        self._end()

    def _take(self, message: Mapping[str, Any]) -> None:
        self.seen.append(message)
        if message.get("close_socket"):
            self._end()
            return
        name = str(message.get("context_id") or _DEFAULT)
        context = self._contexts.get(name)
        if message.get("close_context"):
            self._close(context)
        elif context is None or context.closing:
            self._open(name, message)
        elif message.get("text") == "" and not self._multi and not message.get("flush"):
            self._close(context)
        else:
            self._hear(context, message)

    def _open(self, name: str, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if text == "" and self._multi and "context_id" not in message:
            return
        if not text or (not self._multi and text != " "):
            raise Closing(1008, "The first message of a context must initialise it.", "invalid_message")
        if len(self._contexts) >= _MOST_CONTEXTS:
            raise Closing(
                1008,
                f"Maximum simultaneous contexts per WebSocket connection exceeded ({_MOST_CONTEXTS}).",
                "max_active_conversations",
            )
        config = message.get("generation_config") or {}
        schedule = tuple(config.get("chunk_length_schedule") or _SCHEDULE)
        context = self._contexts[name] = _Context(message.get("voice_settings") or {}, schedule)
        self._running.append(self._start(self._speak(name, context)))
        self._hear(context, {**message, "voice_settings": None})

    def _hear(self, context: _Context, message: Mapping[str, Any]) -> None:
        if message.get("voice_settings"):
            raise Closing(1008, "Voice settings belong into a context's first message.", "invalid_message")
        context.text += message.get("text") or ""
        enough = context.schedule[min(context.generations, len(context.schedule) - 1)]
        due = self._auto and _SENTENCE.search(context.text)
        if message.get("flush") or due or len(context.text) >= enough:
            self._generate(context)

    def _generate(self, context: _Context) -> None:
        if context.text.strip():
            context.generations += 1
            context.queue.put_nowait(context.text)
        context.text = ""

    def _close(self, context: _Context | None) -> None:
        """What it was told to flush is still spoken. A context that is not there may be closed too."""
        if context is not None and not context.closing:
            # By the end of a single stream the rest is spoken; a closed context of several is not asked to.
            if not self._multi:
                self._generate(context)
            context.closing = True
            context.queue.put_nowait(None)

    async def _speak(self, name: str, context: _Context) -> None:
        label = {"contextId": name} if self._multi else {}
        try:
            while (text := await context.queue.get()) is not None:
                await self._say(text, context.settings, lambda message: self._send({**message, **label}))
            if context.closing:
                await self._send({"isFinal": True, **label} if self._multi else {"audio": None, "isFinal": True})
        except Closing as failure:
            self._end(failure)
        except ConnectionError:
            self._end()
        del self._contexts[name]
        if not self._multi:
            self._end()

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._socket.send_str(orjson.dumps(message).decode())
