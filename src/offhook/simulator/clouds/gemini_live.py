"""A double of Gemini's Live API over WebSocket: who may come in, and which conversation goes on."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.gemini_session import LiveSession
from offhook.simulator.clouds.gemini_setup import Closing, Setup, camel
from offhook.simulator.clouds.gemini_talk import Talk
from offhook.simulator.clouds.lines import Fault, Faults, Line, accept
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.serving import Refuse, serving
from offhook.simulator.tone_voice import ToneVoice

__all__ = ["GeminiDouble"]

_WRONG_KEY = "API key not valid. Please pass a valid API key."
_METHOD = "GenerativeService.BidiGenerateContent"
_STATUSES = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


class GeminiDouble:
    """Hears with `ears`, answers with `brain` and speaks with `voice`, `haste` times as fast as it is heard; `answers`
    of them before the key's quota is used up. `faults` go wrong one a connection."""

    def __init__(
        self,
        ears: EarFactory,
        *,
        brain: Callable[[ChatRequest], ChatReply],
        voice: Synthesizer | None = None,
        haste: float = 20.0,
        playback: float = 0.0,
        answers: int = 1_000,
        api_key: str = "",
        faults: Iterable[Fault | None] = (),
    ) -> None:
        self.lines: list[Line] = []
        self.sessions: list[LiveSession] = []
        self.models_asked = 0
        self._ears = ears
        self._mind = Mind(brain, voice or ToneVoice(), haste, answers, answers)
        self._playback = playback
        self._key = api_key
        self._faults = Faults(faults)
        self._handles: dict[str, tuple[Sequence[Mapping[str, Any]], Line]] = {}
        self._numbers = itertools.count(1)

    def app(self) -> web.Application:
        """The API, to be served by whoever calls."""
        app = web.Application()
        app.router.add_get("/{version}/models/{model}", self._model)
        app.router.add_get(f"/ws/google.ai.generativelanguage.{{version}}.{_METHOD}", self._live)
        return app

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the base URL."""
        async with serving(self.app()) as address:
            yield address

    async def go_away(self, left_s: float) -> None:
        """Tell all connections that they end in so long, and end those that are still there then."""
        going = [line for line in self.lines if not line.closed]
        for line in going:
            await line.send({"goAway": {"timeLeft": f"{left_s:g}s"}})
        await asyncio.sleep(left_s)
        for line in going:
            if not line.closed:
                await line.socket.close(code=1011, message=b"Deadline expired before operation could complete.")

    async def _model(self, request: web.Request) -> web.Response:
        self.models_asked += 1
        if self._wrong_key(request):
            return _error(400, _WRONG_KEY)
        model = request.match_info["model"]
        if not model.startswith("gemini-"):
            return _error(404, f"models/{model} is not found for API version {request.match_info['version']}.")
        return _json({"name": f"models/{model}", "supportedGenerationMethods": ["bidiGenerateContent"]})

    async def _live(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.next()
        if isinstance(fault, Refuse):
            return _error(fault.status, fault.message)
        line = await accept(request, fault, {}, binary=True)
        self.lines.append(line)
        try:
            await self._converse(line, wrong_key=self._wrong_key(request))
        except Closing as closing:
            await line.socket.close(code=closing.code, message=closing.reason.encode()[:123])
        finally:
            line.closed = True
        return line.socket

    async def _converse(self, line: Line, *, wrong_key: bool) -> None:
        first = await _next(line)
        if first is None:
            return
        if wrong_key:
            raise Closing(_WRONG_KEY)
        setup = Setup.of(first)
        if not setup.model.startswith("models/gemini-"):
            raise Closing(f"{setup.model} is not found for API version v1beta, or is not supported.", 1008)
        session = self._session(line, setup)
        self.sessions.append(session)
        try:
            await line.send({"setupComplete": {}})
            while (message := await _next(line)) is not None:
                await session.handle(message)
        finally:
            await session.close()

    def _session(self, line: Line, setup: Setup) -> LiveSession:
        talk = Talk(self._resumed(setup.handle)) if setup.handle else Talk()
        ends: set[asyncio.Task[Any]] = set()

        def fail(closing: Closing) -> None:
            task = asyncio.create_task(line.socket.close(code=closing.code, message=closing.reason.encode()[:123]))
            ends.add(task)
            task.add_done_callback(ends.discard)

        def keep() -> str:
            handle = f"handle_{next(self._numbers)}"
            self._handles[handle] = (tuple(talk.messages), line)
            return handle

        return LiveSession(
            self._ears, self._mind, setup, talk, line.send, fail=fail, keep=keep, playback=self._playback
        )

    def _resumed(self, handle: str) -> Sequence[Mapping[str, Any]]:
        if handle not in self._handles:
            raise Closing("BidiGenerateContent session not found", 1008)
        messages, line = self._handles[handle]
        if not (line.closed or line.socket.closed):
            raise Closing("Internal error encountered.", 1011)
        return messages

    def _wrong_key(self, request: web.Request) -> bool:
        given = request.headers.get("x-goog-api-key") or request.query.get("key", "")
        return bool(self._key) and given != self._key


async def _next(line: Line) -> dict[str, Any] | None:
    """The next message; None at the end. Raises Closing."""
    came = await line.receive()
    if came.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        return None
    message: Any = None
    with suppress(orjson.JSONDecodeError):
        message = camel(orjson.loads(came.data))
    if not isinstance(message, dict):
        raise Closing("Invalid JSON payload received.")
    line.texts.append(message)
    return message


def _error(status: int, message: str) -> web.Response:
    return _json({"error": {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL")}}, status)


def _json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
