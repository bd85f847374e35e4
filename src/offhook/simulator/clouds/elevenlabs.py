"""A double of ElevenLabs' speech API: it speaks with a voice of ours, keeps its limits, and fails on demand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from offhook.audio.formats import AudioFormat
from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.elevenlabs_socket import Closing, TextSocket
from offhook.simulator.clouds.elevenlabs_speech import Piece, named_format, pieces
from offhook.simulator.clouds.openai import json_body
from offhook.simulator.clouds.serving import Fault, Refuse, Stall, fails, forever, serving
from offhook.simulator.speech import Speech, whole_speech

__all__ = ["ElevenLabsDouble", "SocketSeen", "SpeechAsked"]

_MODELS = frozenset(
    "eleven_flash_v2_5 eleven_flash_v2 eleven_turbo_v2_5 eleven_turbo_v2 eleven_multilingual_v2 eleven_v3".split()
)
_NOT_ON_SOCKETS = frozenset({"eleven_v3"})
_LONGEST_WAIT_S = 180


@dataclass(frozen=True, slots=True)
class SpeechAsked:
    """A request by HTTP as it came."""

    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(slots=True)
class SocketSeen:
    """A socket as it was opened, every message that came by it, and the error that the double ended it with."""

    path: str
    query: Mapping[str, str]
    messages: list[Mapping[str, Any]]
    error: str = ""


class ElevenLabsDouble:
    """Speaks with `voice` under each id in `voices`, in pieces of `piece_ms`.

    `faults` are used up one a generation, which is a request or what a context is told to speak at once;
    `handshakes` one a socket. More than `most_generations` at a time are refused, if it is set. `agents` are served
    beside the voices.
    """

    def __init__(
        self,
        voice: Synthesizer,
        *,
        voices: Collection[str] = ("hpp4J3VqNfWAUOO0d1Us",),
        api_key: str = "",
        piece_ms: int = 150,
        faults: Iterable[Fault | None] = (),
        handshakes: Iterable[Refuse | None] = (),
        most_generations: int = 0,
        agents: AgentsDouble | None = None,
    ):
        self.requests: list[SpeechAsked] = []
        self.sockets: list[SocketSeen] = []
        self.spoken: list[Speech] = []
        self.connections: set[object] = set()
        self.abandoned = 0
        self.generating = 0
        self._voice = voice
        self._voices = voices
        self._key = api_key
        self._piece_ms = piece_ms
        self._faults = iter(faults)
        self._handshakes = iter(handshakes)
        self._most = most_generations
        self._agents = agents

    def app(self) -> web.Application:
        """The API, to be served by whoever calls."""
        app = web.Application()
        speech = "/v1/text-to-speech/{voice}"
        app.router.add_get("/v1/voices/{voice}", self._describe)
        app.router.add_post(f"{speech}/stream", self._stream)
        app.router.add_post(f"{speech}/stream/with-timestamps", self._timestamps)
        app.router.add_get(f"{speech}/stream-input", self._single)
        app.router.add_get(f"{speech}/multi-stream-input", self._multi)
        if self._agents:
            self._agents.add_to(app)
        return app

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the base URL."""
        async with serving(self.app()) as address:
            yield address

    async def drop_sockets(self) -> None:
        """Break every connection, as a restart of the server does."""
        for transport in list(self.connections):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        self.connections.clear()

    async def _describe(self, request: web.Request) -> web.Response:
        if refusal := self._unknown(request):
            return _error(refusal)
        return _json({"voice_id": request.match_info["voice"], "name": "Double"})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "audio/basic", lambda piece: piece.audio)

    async def _timestamps(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "application/json", lambda piece: orjson.dumps(piece.http_line()) + b"\n")

    async def _answer(
        self, request: web.Request, content_type: str, wire: Callable[[Piece], bytes]
    ) -> web.StreamResponse:
        self.connections.add(request.transport)
        body = json_body(await request.read())
        refusal = self._unknown(request) or _invalid(request.query, body.get("model_id")) or _textless(body)
        if refusal:
            return _error(refusal)
        self.requests.append(SpeechAsked(request.path, dict(request.query), body))
        response = web.StreamResponse(headers={"Content-Type": content_type})

        async def send(piece: Piece) -> None:
            if not response.prepared:
                await response.prepare(request)
            await response.write(wire(piece))

        try:
            await self._generate(request, body["text"], body.get("voice_settings") or {}, send)
        except Closing as closing:
            return _error(Refuse(closing.code, closing.reason, code=closing.error))
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        return response

    async def _single(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, multi=False)

    async def _multi(self, request: web.Request) -> web.StreamResponse:
        return await self._talk(request, multi=True)

    async def _talk(self, request: web.Request, *, multi: bool) -> web.StreamResponse:
        query = request.query
        model = query.get("model_id")
        refusal = next(self._handshakes, None) or self._unknown(request) or _invalid(query, model, socket=True)
        if refusal:
            return _error(refusal)
        socket = web.WebSocketResponse(max_msg_size=1 << 20, compress=False)
        await socket.prepare(request)
        self.connections.add(request.transport)

        async def say(
            text: str, settings: Mapping[str, Any], send: Callable[[Mapping[str, Any]], Awaitable[None]]
        ) -> None:
            try:
                await self._generate(request, text, settings, lambda piece: send(piece.socket_message()))
            except Closing as closing:
                raise Closing(1008, closing.reason, closing.error) from closing

        waits_s = min(_LONGEST_WAIT_S, float(query.get("inactivity_timeout", 20)))
        talk = TextSocket(socket, say, multi=multi, auto_mode=query.get("auto_mode") == "true", inactivity_s=waits_s)
        seen = SocketSeen(request.path, dict(query), talk.seen)
        self.sockets.append(seen)
        try:
            seen.error = await talk.run()
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        return socket

    async def _generate(
        self,
        request: web.Request,
        text: str,
        settings: Mapping[str, Any],
        send: Callable[[Piece], Awaitable[None]],
    ) -> None:
        """Speak `text`, a piece after the other, as fast as they are taken. Raises Closing with an HTTP status."""
        fault = next(self._faults, None)
        if isinstance(fault, Refuse):
            raise Closing(fault.status, fault.message, fault.code or "internal_error")
        if self._most and self.generating >= self._most:
            raise Closing(429, "Too many concurrent requests.", "too_many_concurrent_requests")
        self.generating += 1
        try:
            if fault == Stall(0):
                await forever()
            speech = await whole_speech(self._voice, text, speed=float(settings.get("speed", 1.0)))
            self.spoken.append(speech)
            for sent, piece in enumerate(pieces(speech, _format(request.query), self._piece_ms)):
                if await fails(fault, request, sent):
                    return
                await send(piece)
                await asyncio.sleep(0)
        finally:
            self.generating -= 1

    def _unknown(self, request: web.Request) -> Refuse | None:
        if self._key and request.headers.get("xi-api-key") != self._key:
            return Refuse(401, "Invalid API key", code="invalid_api_key")
        voice = request.match_info["voice"]
        if voice not in self._voices:
            return Refuse(404, f"A voice with the voice_id {voice} was not found.", code="voice_not_found")
        return None


def _format(query: Mapping[str, str]) -> AudioFormat:
    found = named_format(query.get("output_format", ""))
    if found is None:
        raise ValueError("the format was checked before")
    return found


def _invalid(query: Mapping[str, str], model: str | None, *, socket: bool = False) -> Refuse | None:
    if named_format(query.get("output_format", "mp3_44100_128")) is None:
        return Refuse(400, "This double speaks pcm, ulaw and alaw only.", code="invalid_output_format")
    if model is not None and (model not in _MODELS or (socket and model in _NOT_ON_SOCKETS)):
        return Refuse(
            400, f"A model with the id {model} does not exist or is not offered here.", code="model_not_found"
        )
    return None


def _textless(body: Mapping[str, Any]) -> Refuse | None:
    return None if str(body.get("text") or "").strip() else Refuse(400, "Text is empty.", code="invalid_text")


def _error(refusal: Refuse) -> web.Response:
    return _json({"detail": {"status": refusal.code or "", "message": refusal.message}}, refusal.status)


def _json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
