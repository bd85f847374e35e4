"""A double of OpenAI's Realtime API over WebSocket: who may come in, and which kind of session he gets.

What a session does is written beside it, a file a kind: `openai_transcription` for those that only transcribe.
"""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.lines import Fault, Faults, Line, accept
from offhook.simulator.clouds.openai import OpenAiDouble, bad_request, error_answer, json_body, unauthorized
from offhook.simulator.clouds.openai_transcription import TranscriptionSession
from offhook.simulator.clouds.serving import Refuse

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
    """Transcribes with `ears`. `faults` go wrong one a connection."""

    def __init__(self, ears: EarFactory, *, api_key: str = "", faults: Iterable[Fault | None] = ()) -> None:
        self.lines: list[Line] = []
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

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        fault = await self._faults.next()
        refusal = fault if isinstance(fault, Refuse) else unauthorized(request, self._key) or _wrong_query(request)
        if refusal:
            return error_answer(refusal, number)
        line = await accept(request, fault, {"x-request-id": f"req_{number}"})
        self.lines.append(line)
        try:
            if "realtime=v1" in request.headers.get("OpenAI-Beta", ""):
                await _turn_away(line)
            else:
                await _converse(line, TranscriptionSession(self._ears, number))
        finally:
            line.closed = True
        return line.socket


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


async def _converse(line: Line, session: RealtimeSession) -> None:
    numbers = itertools.count(1)
    await line.send({"event_id": f"event_{next(numbers)}", **session.opening()})
    while (came := await line.receive()).type is WSMsgType.TEXT:
        event = json_body(came.data.encode())
        line.texts.append(event)
        async for answer in session.handle(event):
            await line.send({"event_id": f"event_{next(numbers)}", **answer})
