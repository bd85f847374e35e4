"""A double of ElevenLabs Agents: who may talk to which agent, and by which address."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from offhook.providers.tts.base import Synthesizer
from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.elevenlabs_agent import Closing, VendorAgent, begun
from offhook.simulator.clouds.elevenlabs_conversation import Conversation
from offhook.simulator.clouds.lines import Fault, Faults, Line, accept
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.serving import Refuse, serving
from offhook.simulator.tone_voice import ToneVoice

__all__ = ["AgentsDouble"]

_PATH = "/v1/convai/conversation"
_NO_QUOTA = "This request exceeds your quota limit."


class AgentsDouble:
    """Has `agents` by their ids, which hear with `ears`, answer with `brain` and speak with `voice`, `haste` times as
    fast as it is heard; `answers` of them before the key's quota is used up. `faults` go wrong one a connection. Pings
    come every `ping_s`. Without an `api_key` anybody may talk to them."""

    def __init__(
        self,
        ears: EarFactory,
        *,
        brain: Callable[[ChatRequest], ChatReply],
        agents: Mapping[str, VendorAgent],
        voice: Synthesizer | None = None,
        haste: float = 20.0,
        playback: float = 0.0,
        answers: int = 1_000,
        api_key: str = "",
        ping_s: float = 2.0,
        faults: Iterable[Fault | None] = (),
    ) -> None:
        self.lines: list[Line] = []
        self.conversations: list[Conversation] = []
        self.asked = 0
        self._ears = ears
        self._mind = Mind(brain, voice or ToneVoice(), haste, answers, answers)
        self._agents = agents
        self._playback = playback
        self._key = api_key
        self._ping_s = ping_s
        self._faults = Faults(faults)
        self._signatures: dict[str, str] = {}

    def app(self) -> web.Application:
        """The API, to be served by whoever calls."""
        app = web.Application()
        self.add_to(app)
        return app

    def add_to(self, app: web.Application) -> None:
        """Serve beside whatever else there is."""
        app.router.add_get(f"{_PATH}/get-signed-url", self._sign)
        app.router.add_get(_PATH, self._talk)
        app.router.add_get("/v1/convai/agents/{agent}/widget", self._widget)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; gives the base URL."""
        async with serving(self.app()) as address:
            yield address

    async def _sign(self, request: web.Request) -> web.Response:
        self.asked += 1
        agent = request.query.get("agent_id", "")
        if self._key and request.headers.get("xi-api-key") != self._key:
            return _error(401, "invalid_api_key", "Invalid API key")
        if agent not in self._agents:
            return _missing(agent)
        signature = secrets.token_hex(8)
        self._signatures[signature] = agent
        address = f"ws://{request.host}{_PATH}?agent_id={agent}&conversation_signature={signature}"
        return _json({"signed_url": address})

    async def _widget(self, request: web.Request) -> web.Response:
        agent = request.match_info["agent"]
        return _json({"agent_id": agent}) if agent in self._agents else _missing(agent)

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        fault = await self._faults.next()
        if isinstance(fault, Refuse):
            return _error(fault.status, fault.code or "internal_error", fault.message)
        agent = request.query.get("agent_id", "")
        line = await accept(request, fault, {})
        self.lines.append(line)
        try:
            if self._key and self._signatures.pop(request.query.get("conversation_signature", ""), "") != agent:
                raise Closing("You are not authorized to talk to this agent.", "http_exception")  # noqa: TRY301 - as all
            if agent not in self._agents:
                raise Closing(f"The AI agent {agent} does not exist.", "value_error")  # noqa: TRY301 - as all others
            await self._converse(line, self._agents[agent])
        except Closing as closing:
            await self._close(line, closing)
        finally:
            line.closed = True
        return line.socket

    async def _converse(self, line: Line, agent: VendorAgent) -> None:
        first = await _next(line)
        if first is None:
            return
        configured = begun(agent, first)
        ends: set[asyncio.Task[None]] = set()

        def fail(closing: Closing) -> None:
            task = asyncio.create_task(self._close(line, closing))
            ends.add(task)
            task.add_done_callback(ends.discard)

        conversation = Conversation(
            self._ears, self._mind, configured, line.send, fail=fail, playback=self._playback, ping_s=self._ping_s
        )
        self.conversations.append(conversation)
        try:
            await conversation.begin(f"conv_{len(self.conversations)}")
            while (message := await _next(line)) is not None:
                await conversation.handle(message)
        finally:
            await conversation.close()

    async def _close(self, line: Line, closing: Closing) -> None:
        event = {"code": closing.code, "message": closing.reason, "error_type": closing.kind}
        await line.send({"type": "error", "error_event": event})
        await line.socket.close(code=closing.code, message=closing.reason.encode()[:123])


async def _next(line: Line) -> dict[str, Any] | None:
    """The next message; None at the end. Raises Closing."""
    came = await line.receive()
    if came.type is not WSMsgType.TEXT:
        return None
    message: Any = None
    with suppress(orjson.JSONDecodeError):
        message = orjson.loads(came.data)
    if not isinstance(message, dict):
        raise Closing("Invalid message received", "invalid_message")
    line.texts.append(message)
    return message


def _missing(agent: str) -> web.Response:
    return _error(404, "agent_not_found", f"Document with id {agent} not found.")


def _error(status: int, code: str, message: str) -> web.Response:
    return _json({"detail": {"status": code, "message": message}}, status)


def _json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
