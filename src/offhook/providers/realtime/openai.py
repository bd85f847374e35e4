"""OpenAI's speech-to-speech models, or a server that speaks the same, through Realtime sessions over WebSocket."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import structlog

from offhook.audio.convert import converter
from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.openai_events import append, read_event, wire_format
from offhook.providers.openai_greeting import check_greeting
from offhook.providers.realtime.base import RealtimeEvents, RealtimeSession, TurnDetection, turns_of
from offhook.providers.realtime.key_limits import KeyLimits, RateLimits
from offhook.providers.realtime.openai_dialogue import Dialogue
from offhook.providers.realtime.openai_watch import Watch
from offhook.providers.realtime.openai_wire import history_events, session_object, tool_list, transcribing
from offhook.providers.sockets import Query, Socket

__all__ = ["OpenAiRealtime", "OpenAiSession"]

_log = structlog.get_logger(__name__)
_ADDRESS = "https://api.openai.com/v1"
_MODEL = "gpt-realtime-2.1-mini"
_VOICE = "marin"
_PATH = "/realtime"
_HANDSHAKE_S = 5.0
_TRIES = 3
_TOO_MANY = 429
_LONGEST_S = 3_590.0
"""The age at which the API ends a session, less what it takes to notice that it began."""
_RETRY_S = 1.0
_KEPT_MS = 10_000
_BACKLOG_BYTES = 4 << 20
_PIECE_FRAMES = 2


class OpenAiRealtime:
    """Opens sessions with one key and model. A connection that fails is tried again after about `retry_s`, then twice
    that. `limits` are what its key has left; providers with the same key share them."""

    def __init__(
        self, settings: RealtimeSettings, *, retry_s: float = _RETRY_S, limits: KeyLimits | None = None
    ) -> None:
        settings = settings.whole(model=_MODEL, voice=_VOICE, base_url=_ADDRESS)
        self._settings = settings
        self._query: Query = [("model", settings.model)]
        self._retry_s = retry_s
        self._limits = (limits or KeyLimits()).of(settings.model)
        self.model = settings.model
        self.name = f"openai:{settings.model}"
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, env=settings.api_key_env or "OPENAI_API_KEY")
        # A ping after two thirds of the patience, whose answer is waited for during the last one.
        heartbeat_s = settings.stall_limit_ms / 1000 * 2 / 3
        address = _http_address(settings.base_url)
        self._server = ApiServer(self.name, address, key, timeout_s=_HANDSHAKE_S, heartbeat_s=heartbeat_s)

    def __repr__(self) -> str:
        return f"OpenAiRealtime(model={self._settings.model!r}, url={self._server.url(_PATH)!r})"

    @property
    def exhausted(self) -> float:
        """Seconds until the limits of the key leave room for an answer again; 0 while they do."""
        return self._limits.exhausted

    def open(
        self,
        call: CallFacts,
        *,
        leg: AudioFormat,
        tools: Sequence[ToolSpec],
        history: Sequence[Message],
        events: RealtimeEvents,
    ) -> RealtimeSession:
        """Begin a session. G.711 and 24 kHz pass as they are, both ways; other lines of 8 kHz go as mu-law, and the
        rest is resampled from and to 24 kHz."""
        wire = wire_format(leg)
        session = session_object(self._settings, instructions=call.instructions, tools=tools, format=wire)

        def dialogue(send: Callable[[str], None]) -> Dialogue:
            return Dialogue(
                send,
                events,
                model=self._settings.model,
                session=session,
                turns=turns_of(self._settings),
                history=history_events(history),
                wire=wire,
                leg=leg,
                limits=self._limits,
            )

        return OpenAiSession(
            self._server,
            self._query,
            dialogue,
            events,
            settings=self._settings,
            leg=leg,
            retry_s=self._retry_s,
            limits=self._limits,
        )

    async def warm_up(self) -> None:
        """Open a connection that the next session will use."""
        with suppress(ProviderError):
            await self._server.get("/models")

    async def check(self) -> None:
        """Open a session and hear what it says first. Raises ProviderError."""
        await check_greeting(self._server, _PATH, self._query)

    async def close(self) -> None:
        """Close what the sessions shared."""
        await self._server.close()


class OpenAiSession:
    """One call at OpenAI: a connection, what is heard before there is one, and the watch over its silence."""

    def __init__(
        self,
        server: ApiServer,
        query: Query,
        dialogue: Callable[[Callable[[str], None]], Dialogue],
        events: RealtimeEvents,
        *,
        settings: RealtimeSettings,
        leg: AudioFormat,
        retry_s: float,
        limits: RateLimits,
    ) -> None:
        self._server = server
        self._query = query
        self._events = events
        self._retry_s = retry_s
        self._limits = limits
        self._settings = settings
        self._convert = converter(leg, wire_format(leg))
        self._kept: deque[bytes] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._piece = bytearray()
        self._piece_bytes = _PIECE_FRAMES * wire_format(leg).frame_bytes
        self._dialogue = dialogue(self._send)
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._ageing: asyncio.TimerHandle | None = None
        self._renew_after_s = settings.renew_after_s
        self._tries = 0
        self._greeted = False
        patience_s = settings.stall_limit_ms / 1000
        self._watch = Watch(
            self._dialogue,
            self._loop,
            opening_s=_HANDSHAKE_S + patience_s,
            patience_s=patience_s,
            thinking_s=settings.patience_ms / 1000,
            vouch=events.on_sign,
            stalled=self._stalled,
        )
        self._socket = self._connect()

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        if self._kept or not self._dialogue.ready:
            if len(self._kept) == self._kept.maxlen:
                self._dialogue.hearing.skipped_ms += FRAME_MS
            self._kept.append(frame)
            return
        self._piece += self._convert(frame)
        if len(self._piece) >= self._piece_bytes:
            self._send_piece()

    def heard(self, item_id: str, ms: float) -> None:
        """The caller interrupted, and has heard so much of this item."""
        self._dialogue.heard(item_id, ms)

    def cancel(self) -> None:
        """Stop answering."""
        self._dialogue.cancel()

    def end_turn(self) -> None:
        """The caller's turn is over: answer it."""
        self._send_piece()
        self._dialogue.end_turn()
        self._watch.due()

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell."""
        self._dialogue.say(instructions)
        self._watch.due()

    def user_text(self, text: str) -> None:
        """The caller wrote `text`."""
        self._dialogue.user_text(text)
        self._watch.due()

    def tool_result(self, call_id: str, result: str, *, answer: bool = True) -> None:
        """The result of a tool, as JSON text."""
        self._dialogue.tool_result(call_id, result, answer=answer)
        self._watch.due()

    def update(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        tools: Sequence[ToolSpec] | None = None,
        turns: TurnDetection | None = None,
        language: str | None = None,
    ) -> None:
        """Change what is given. The voice stays what it is once the agent has spoken."""
        changes: dict[str, Any] = {}
        if instructions is not None:
            changes["instructions"] = instructions
        if voice is not None:
            changes["audio"] = {"output": {"voice": voice}}
        if tools is not None:
            changes["tools"] = tool_list(tools)
        if language is not None and self._settings.transcription_model:
            transcription = transcribing(self._settings.model_copy(update={"language": language}))
            changes.setdefault("audio", {})["input"] = {"transcription": transcription}
        self._dialogue.update(changes, turns)

    async def close(self) -> None:
        """Leave; there is nothing to say. Never raises."""
        self._rest()
        self._dialogue.leave()
        await self._socket.close()

    def on_message(self, message: str | bytes) -> None:
        """An event of the server. Raises WireError."""
        self._greeted = True
        was_ready = self._dialogue.ready
        failure = self._dialogue.take(read_event(message))
        if failure:
            self._socket.fail(self._server.failure(failure.text, retryable=failure.retryable))
        elif self._dialogue.ready and not was_ready:
            self._send_kept()
            self._ageing = self._loop.call_later(self._renew_after_s, self._grow_old)
        self._watch.sign()
        self._events.on_sign()

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead. Before the server said anything another one is tried, unless a limit is reached."""
        self._tries += 1
        if error.status == _TOO_MANY and not self._greeted:
            self._limits.refused(str(error))
            self._tries = _TRIES
        if self._greeted or not error.retryable or self._tries >= _TRIES:
            self._rest()
            self._dialogue.leave()
            self._events.on_failed(error)
            return
        pause_s = self._retry_s * 2 ** (self._tries - 1) * random.uniform(0.5, 1.0)
        _log.info("no session yet, trying again", provider=self._server.name, error=str(error), pause_s=pause_s)
        self._watch.rest()
        self._retry = self._loop.call_later(pause_s, self._reconnect)

    def _connect(self) -> Socket:
        self._watch.begin()
        return Socket(self._server, _PATH, self._query, self, limit=_BACKLOG_BYTES)

    def _reconnect(self) -> None:
        self._socket = self._connect()

    def _send(self, event: str) -> None:
        self._socket.send(event)

    def _send_kept(self) -> None:
        kept = list(self._kept)
        self._kept.clear()
        for frame in kept:
            self.hear(frame)

    def _send_piece(self) -> None:
        if self._piece:
            self._socket.send(append(bytes(self._piece)))
            self._piece.clear()

    def _grow_old(self) -> None:
        self._events.on_expiring(_LONGEST_S - self._renew_after_s)

    def _stalled(self, silent_s: float) -> None:
        self._socket.fail(self._server.failure(f"no sign of it for {silent_s:g} s"))

    def _rest(self) -> None:
        self._watch.rest()
        for timer in (self._retry, self._ageing):
            if timer:
                timer.cancel()


def _http_address(address: str) -> str:
    """The address of the API, of which one may have been told for WebSockets."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/").removesuffix(_PATH)
    return f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}{path}"
