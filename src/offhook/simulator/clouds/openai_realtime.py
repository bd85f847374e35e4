"""A double of OpenAI's Realtime API over WebSocket: who may come in, and which kind of session he gets.

What a session does is written beside it, a file a kind: `openai_transcription` for those that only transcribe.
"""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from aiohttp import WSMsgType, web

from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.lines import Fault, Faults, Line, Refusal, accept, served
from offhook.simulator.clouds.openai_transcription import TranscriptionSession

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
        """Serve on a free port of this machine; gives the base URL, ending in /v1."""
        app = web.Application()
        app.router.add_routes(self.routes())
        async with served(app) as url:
            yield f"{url}/v1"

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        fault = await self._faults.next()
        refusal = fault if isinstance(fault, Refusal) else self._refusal(request)
        if refusal:
            return _refused(refusal, number)
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

    def _refusal(self, request: web.Request) -> Refusal | None:
        given = request.headers.get("Authorization", "")
        if self._key and given != f"Bearer {self._key}":
            return Refusal(401, f"Incorrect API key provided: {given.removeprefix('Bearer ')}.")
        if request.query.get("intent") != "transcription":
            return Refusal(400, "This double has sessions of intent transcription only.")
        if "model" in request.query:
            return Refusal(400, "A session of intent transcription names its model in its session object.")
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
        event = _object(came.data)
        line.texts.append(event)
        async for answer in session.handle(event):
            await line.send({"event_id": f"event_{next(numbers)}", **answer})


def _object(data: str) -> dict[str, Any]:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return event if isinstance(event, dict) else {}


def _refused(refusal: Refusal, number: int) -> web.Response:
    error = {"message": refusal.reason, "type": "invalid_request_error", "param": None, "code": None}
    return web.Response(
        body=orjson.dumps({"error": error}),
        status=refusal.status,
        headers={"x-request-id": f"req_{number}"},
        content_type="application/json",
    )
