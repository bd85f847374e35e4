"""A double of OpenAI's Live API (GPT-Live) over WebSocket: who may come in, and how a session begins and ends."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.lines import Fault, Faults, Line, accept
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai import OpenAiDouble, error_answer, json_body, unauthorized
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.openai_live_backend import Emit
from offhook.simulator.clouds.openai_live_session import LiveTalk
from offhook.simulator.clouds.openai_live_start import LiveStart, Refused, error_event, quoted
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.tone_voice import ToneVoice

__all__ = ["LiveDouble"]

_UNNUMBERED = frozenset({"session.output_audio.delta"})
_LIFETIME_S = 7_200.0


class LiveDouble:
    """Hears with `ears`, answers with `brain` and speaks with `voice`, at the pace of what it hears; `answers` of them
    before the key has no money left. A session lasts `lifetime_s`. `faults` go wrong one a connection."""

    def __init__(
        self,
        ears: EarFactory,
        *,
        brain: Callable[[ChatRequest], ChatReply],
        voice: Synthesizer | None = None,
        answers: int = 1_000,
        lifetime_s: float = _LIFETIME_S,
        api_key: str = "",
        faults: Iterable[Fault | None] = (),
    ) -> None:
        self.lines: list[Line] = []
        self.talks: list[LiveTalk] = []
        self._mind = Mind(brain, voice or ToneVoice(), 1.0, answers, answers)
        self._ears = ears
        self._lifetime_s = lifetime_s
        self._key = api_key
        self._faults = Faults(faults)
        self._numbers = itertools.count(1)

    def routes(self) -> list[web.RouteDef]:
        """What it answers."""
        return [web.get("/v1/live/sessions", self._live)]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve it alone on a free port of this machine; gives the base URL, ending in /v1."""
        async with OpenAiDouble(self, api_key=self._key).serve() as url:
            yield url

    async def _live(self, request: web.Request) -> web.StreamResponse:
        number = next(self._numbers)
        fault = await self._faults.next()
        if refusal := fault if isinstance(fault, Refuse) else unauthorized(request, self._key):
            return error_answer(refusal, number)
        line = await accept(request, fault, {"x-request-id": f"req_{number}"})
        self.lines.append(line)
        try:
            await self._serve(line, _numbered(line), f"live_{number}")
        finally:
            line.closed = True
        return line.socket

    async def _serve(self, line: Line, emit: Emit, session_id: str) -> None:
        event = await _next(line)
        if event is None:
            return
        try:
            start = self._begin(event)
        except Refused as refused:
            await emit(error_event(refused, event))
            await line.socket.close()
            return
        known = {"id": session_id, "status": "active", "expires_at": int(time.time() + self._lifetime_s)}
        session = {"store": False, **start.session, **known}
        await emit({"type": "session.started", "session": session, **quoted(event)})
        talk = LiveTalk(self._ears, self._mind, start, _resolved(emit, session))
        self.talks.append(talk)
        try:
            await self._converse(line, emit, talk, session)
        finally:
            await talk.close()

    def _begin(self, event: Mapping[str, Any]) -> LiveStart:
        if event.get("type") != "session.start":
            raise Refused("invalid_value", "The first event must be 'session.start'.", "type")
        if self._mind.answers_left <= 0:
            raise Refused("credit_balance_exhausted", "You have run out of credits.")
        return LiveStart(event.get("session"))

    async def _converse(self, line: Line, emit: Emit, talk: LiveTalk, session: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._lifetime_s):
                while (event := await _next(line)) is not None and event.get("type") != "session.close":
                    await _handle(talk, event, emit)
            reason = "close_requested"
        except TimeoutError:
            event, reason = {}, "expired"
        if event is not None:
            closed = {"type": "session.closed", "reason": reason, "session": session, "usage": talk.usage()}
            await emit(closed | quoted(event))
            await line.socket.close()


async def _handle(talk: LiveTalk, event: Mapping[str, Any], emit: Emit) -> None:
    try:
        await talk.handle(event)
    except Refused as refused:
        await emit(error_event(refused, event))


async def _next(line: Line) -> dict[str, Any] | None:
    came = await line.receive()
    if came.type is not WSMsgType.TEXT:
        return None
    event = json_body(came.data.encode())
    line.texts.append(event)
    return event


def _numbered(line: Line) -> Emit:
    """A way to send events, each with a number of its own but for the sound."""
    numbers = itertools.count(1)

    async def emit(event: Mapping[str, Any]) -> None:
        number = {} if event["type"] in _UNNUMBERED else {"event_id": f"event_{next(numbers)}"}
        await line.send({**number, **event})

    return emit


def _resolved(emit: Emit, session: Mapping[str, Any]) -> Emit:
    """The same, where an event about the session has it."""

    async def resolved(event: Mapping[str, Any]) -> None:
        await emit({**event, "session": session} if event["type"] == "session.updated" else event)

    return resolved
