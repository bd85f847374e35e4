"""A double of OpenAI's Realtime API over WebSocket: who may come in, and which kind of session he gets.

What a session does is written beside it, a file a kind: `openai_transcription` for those that only transcribe,
`openai_speaking` for those that answer.
"""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.lines import Fault, Faults, Line, accept
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai import OpenAiDouble, bad_request, error_answer, json_body, unauthorized
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.openai_responding import Emit
from offhook.simulator.clouds.openai_speaking import SpeakingSession
from offhook.simulator.clouds.openai_transcription import TranscriptionSession
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.tone_voice import ToneVoice

__all__ = ["RealtimeDouble", "RealtimeSession"]


class RealtimeSession(Protocol):
    """One session: the client's events in, the server's events out, both without their numbers."""

    def opening(self) -> dict[str, Any]:
        """The event that greets."""
        ...

    def handle(self, event: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """What an event of the client brings."""
        ...


class RealtimeDouble:
    """Transcribes with `ears`, and where it has a `brain` answers too, with `voice`, `haste` times as fast as that is
    heard; `answers` of them before the key's limit is reached. `faults` go wrong one a connection."""

    def __init__(
        self,
        ears: EarFactory,
        *,
        brain: Callable[[ChatRequest], ChatReply] | None = None,
        voice: Synthesizer | None = None,
        haste: float = 20.0,
        answers: int = 1_000,
        api_key: str = "",
        faults: Iterable[Fault | None] = (),
    ) -> None:
        self.lines: list[Line] = []
        self.sessions: list[SpeakingSession] = []
        self._mind = Mind(brain, voice or ToneVoice(), haste, answers, answers) if brain else None
        self._ears = ears
        self._key = api_key
        self._faults = Faults(faults)
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [web.get("/v1/realtime", self._realtime)]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve it alone on a free port of this machine; gives the base URL, ending in /v1."""
        async with OpenAiDouble(self, api_key=self._key).serve() as url:
            yield url

    async def expire(self) -> None:
        """Let all sessions be too old, as they are after an hour."""
        text = "Your session hit the maximum duration of 60 minutes."
        error = {"type": "invalid_request_error", "code": "session_expired", "message": text}
        for line in self.lines:
            if not line.closed:
                await line.send({"type": "error", "event_id": "event_expired", "error": error})
                await line.socket.close(code=1001, message=text.encode())

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        fault = await self._faults.next()
        refusal = fault if isinstance(fault, Refuse) else unauthorized(request, self._key) or self._wrong(request)
        if refusal:
            return error_answer(refusal, number)
        line = await accept(request, fault, {"x-request-id": f"req_{number}"})
        self.lines.append(line)
        try:
            if "realtime=v1" in request.headers.get("OpenAI-Beta", ""):
                await _turn_away(line)
            elif self._mind and "model" in request.query:
                await self._speak(line, self._mind, request.query["model"], number)
            else:
                await _converse(line, TranscriptionSession(self._ears, number), _numbered(line))
        finally:
            line.closed = True
        return line.socket

    async def _speak(self, line: Line, mind: Mind, model: str, number: int) -> None:
        emit = _numbered(line)
        session = SpeakingSession(self._ears, mind, emit, model=model, number=number)
        self.sessions.append(session)
        try:
            await _converse(line, session, emit)
        finally:
            await session.close()

    def _wrong(self, request: web.Request) -> Refuse | None:
        if self._mind and "intent" not in request.query:
            return None if request.query.get("model") else bad_request("You must provide a model parameter.", "model")
        return _wrong_query(request)


def _wrong_query(request: web.Request) -> Refuse | None:
    if request.query.get("intent") != "transcription":
        return bad_request("This double has sessions of intent transcription only.", "intent")
    if "model" in request.query:
        return bad_request("A session of intent transcription names its model in its session object.", "model")
    return None


async def _turn_away(line: Line) -> None:
    text = "The Realtime beta API is no longer supported."
    error = {"type": "invalid_request_error", "code": "beta_api_shape_disabled", "message": text}
    await line.send({"type": "error", "event_id": "event_1", "error": error})
    await line.socket.close(code=1008)


def _numbered(line: Line) -> Emit:
    """A way to send events, each with a number of its own."""
    numbers = itertools.count(1)

    async def emit(event: Mapping[str, Any]) -> None:
        await line.send({"event_id": f"event_{next(numbers)}", **event})

    return emit


async def _converse(line: Line, session: RealtimeSession, emit: Emit) -> None:
    await emit(session.opening())
    while (came := await line.receive()).type is WSMsgType.TEXT:
        event = json_body(came.data.encode())
        line.texts.append(event)
        async for answer in session.handle(event):
            await emit(answer)
