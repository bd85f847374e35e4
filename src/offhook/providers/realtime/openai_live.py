"""OpenAI's GPT-Live: a model that listens and speaks at the same time, through Live sessions over WebSocket."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import structlog

from offhook.audio.convert import converter
from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.openai_events import read_event
from offhook.providers.realtime import openai_live_wire as wire
from offhook.providers.realtime.base import RealtimeEvents, RealtimeSession, TurnDetection
from offhook.providers.realtime.key_limits import KeyLimits, RateLimits
from offhook.providers.realtime.openai_live_dialogue import LiveDialogue
from offhook.providers.sockets import Socket

__all__ = ["OpenAiLive", "OpenAiLiveSession"]

_log = structlog.get_logger(__name__)
_ADDRESS = "https://api.openai.com/v1"
_MODEL = "gpt-live-1.1"
_VOICE = "marin"
_BACKEND = "gpt-5.6-luna"
_PATH = "/live/sessions"
_TIMEOUT_S = 5.0
_TOO_MANY = 429
_KEPT_MS = 10_000
_BACKLOG_BYTES = 4 << 20
_PIECE_FRAMES = 2
_GRACE = 0.8
_THINK_MS = 10_000
_LONGEST_S = 7_200.0
_RENEWED_WITHIN_S = 300.0
_FAREWELL_S = 1.0


class OpenAiLive:
    """Opens sessions with one key and model. `limits` are what its key has left.

    The model takes turns by itself, so that nothing of `turn_detection` and what belongs to it means anything here, nor
    do `speed`, `noise_reduction`, `transcription_model`, `language` and `truncation`.
    """

    def __init__(self, settings: RealtimeSettings, *, limits: KeyLimits | None = None) -> None:
        settings = settings.whole(model=_MODEL, voice=_VOICE, base_url=_ADDRESS)
        self._settings = settings.model_copy(update={"backend_model": settings.backend_model or _BACKEND})
        self._limits = (limits or KeyLimits()).of(settings.model)
        self.model = settings.model
        self.name = f"openai-live:{settings.model}"
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, env=settings.api_key_env or "OPENAI_API_KEY")
        heartbeat_s = settings.stall_limit_ms / 1000 * 2 / 3
        address = settings.base_url
        address = address.replace("ws", "http", 1) if address.startswith("ws") else address
        self._server = ApiServer(self.name, address, key, timeout_s=_TIMEOUT_S, heartbeat_s=heartbeat_s)

    def __repr__(self) -> str:
        return f"OpenAiLive(model={self._settings.model!r}, url={self._server.url(_PATH)!r})"

    @property
    def exhausted(self) -> float:
        """Seconds until the limits of the key leave room for a session again; 0 while they do."""
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
        """Begin a session. G.711, 16 kHz and 24 kHz pass as they are, both ways; the rest is resampled to 16 kHz."""
        given = _Given(self._settings, call.instructions, tools, history)
        return OpenAiLiveSession(self._server, given, leg, events, self._limits)

    async def warm_up(self) -> None:
        """Open a connection that the next session will use."""
        with suppress(ProviderError):
            await self._server.get("/models")

    async def check(self) -> None:
        """Ask for the models, since a session would cost something. Raises ProviderError."""
        if refusal := await self._server.get("/models"):
            raise self._server.refused(refusal)

    async def close(self) -> None:
        """Close what the sessions shared."""
        await self._server.close()


class _Given:
    """What a session is asked for. `silenced` is whether the model hears nothing of the caller while it speaks."""

    def __init__(
        self, settings: RealtimeSettings, instructions: str, tools: Sequence[ToolSpec], history: Sequence[Message]
    ) -> None:
        self.settings = settings
        self.instructions = instructions
        self.tools = tuple(tools)
        self.history = tuple(history)
        self.silenced = False

    @property
    def think_ms(self) -> int:
        """How long the backend may be silent."""
        return self.settings.think_ms or max(self.settings.patience_ms, _THINK_MS)

    def start(self, format: AudioFormat) -> str:  # noqa: A002
        """The event that begins the session."""
        session = wire.session_object(
            self.settings, instructions=self.instructions, tools=self.tools, history=self.history, format=format
        )
        return wire.session_start(session)


class OpenAiLiveSession:
    """One call at GPT-Live: a connection, and what is asked for and heard before the session has begun."""

    def __init__(
        self, server: ApiServer, given: _Given, leg: AudioFormat, events: RealtimeEvents, limits: RateLimits
    ) -> None:
        self._server = server
        self._given = given
        self._silence = leg.silence
        self._events = events
        self._limits = limits
        self._wire = wire.live_format(leg)
        self._convert = converter(leg, self._wire)
        self._kept: deque[bytes] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._piece = bytearray()
        self._unsent: list[str] = []
        self._dialogue = LiveDialogue(
            self._send,
            events,
            wire=self._wire,
            leg=leg,
            limits=limits,
            grace_ms=round(_GRACE * given.settings.stall_limit_ms),
            think_ms=given.think_ms,
        )
        self._loop = asyncio.get_running_loop()
        self._socket: Socket | None = None
        self._left: asyncio.Future[None] | None = None
        # What is changed right after the opening is still in time for the start.
        self._timer: asyncio.Handle = self._loop.call_soon(self._begin)

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        if not self._dialogue.ready:
            if len(self._kept) == self._kept.maxlen:
                self._dialogue.hearing.skipped_ms += FRAME_MS
            self._kept.append(frame)
            return
        silenced = self._given.silenced and self._dialogue.speech.speaking
        self._piece += self._convert(self._silence if silenced else frame)
        self._dialogue.clock_ms += FRAME_MS
        if len(self._piece) >= _PIECE_FRAMES * self._wire.frame_bytes:
            self._send(wire.append(bytes(self._piece)))
            self._piece.clear()

    def heard(self, item_id: str, ms: float) -> None:
        """Nothing: the model speaks at the pace it is heard, and goes by that."""

    def cancel(self) -> None:
        """Tell no more of what is being said. The model falls silent when it hears the caller itself."""
        self._dialogue.cancel()

    def end_turn(self) -> None:
        """Nothing: the model knows."""

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell."""
        self._dialogue.say(instructions)

    def user_text(self, text: str) -> None:
        """The caller wrote `text`: the backend answers it."""
        self._dialogue.user_text(text)

    def tool_result(self, call_id: str, result: str, *, answer: bool = True) -> None:
        """The result of a tool, as JSON text."""
        self._dialogue.tool_result(call_id, result, answer=answer)

    def update(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        tools: Sequence[ToolSpec] | None = None,
        turns: TurnDetection | None = None,
        language: str | None = None,
    ) -> None:
        """Change what is given. A session that has begun keeps its voice and its instructions, to which some can be
        added; its backend takes others. Turns are the model's own: all that can be had is that it hears no caller
        while it speaks. It finds out the language by itself."""
        given, before = self._given, self._given.instructions
        given.instructions = before if instructions is None else instructions
        given.tools = given.tools if tools is None else tuple(tools)
        given.silenced = given.silenced if turns is None else not turns.interrupts
        if voice and self._socket:
            _log.info("the voice stays as it is", provider=self._server.name)
        elif voice:
            given.settings = given.settings.model_copy(update={"voice": voice})
        if self._socket and not (instructions is None and tools is None):
            self._tell_changes(before, tools)

    async def close(self) -> None:
        """Leave, and wait for a moment for the bill. Never raises."""
        self._timer.cancel()
        if self._socket is None:
            return
        if self._dialogue.ready and self._left is None:
            self._left = self._loop.create_future()
            self._socket.send(wire.CLOSE)
            await asyncio.wait([self._left], timeout=_FAREWELL_S)
        await self._socket.close()

    def on_message(self, message: str | bytes) -> None:
        """An event of the server. Raises WireError."""
        event = read_event(message)
        if self._left is not None:
            self._dialogue.settle(event)
            if self._dialogue.closed and not self._left.done():
                self._left.set_result(None)
            return
        was_ready = self._dialogue.ready
        failure = self._dialogue.take(event)
        if failure and self._socket:
            self._socket.fail(self._server.failure(failure.text, retryable=failure.retryable))
        elif self._dialogue.ready and not was_ready:
            self._on_started()

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead."""
        self._timer.cancel()
        if self._left is not None:
            if not self._left.done():
                self._left.set_result(None)
            return
        # There is nothing to close any more.
        self._left = self._loop.create_future()
        if error.status == _TOO_MANY:
            self._limits.refused(str(error))
        self._events.on_failed(error)

    def _begin(self) -> None:
        self._socket = Socket(self._server, _PATH, (), self, limit=_BACKLOG_BYTES)
        self._socket.send(self._given.start(self._wire))

    def _on_started(self) -> None:
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self._send(message)
        kept = list(self._kept)
        self._kept.clear()
        for frame in kept:
            self.hear(frame)
        self._grow_old(self._dialogue.expires_at)
        self._events.on_ready()

    def _grow_old(self, expires_at: float | None) -> None:
        left_s = expires_at - time.time() if expires_at is not None else _LONGEST_S
        after_s = max(0.0, left_s - min(_RENEWED_WITHIN_S, left_s / 2))
        settings = self._given.settings
        if "renew_after_s" in settings.model_fields_set:
            after_s = min(after_s, settings.renew_after_s)
        self._timer = self._loop.call_later(after_s, self._events.on_expiring, left_s - after_s)

    def _tell_changes(self, before: str, tools: Sequence[ToolSpec] | None) -> None:
        given = self._given
        notes = [] if tools is None else [wire.abilities(given.tools)]
        if given.instructions.startswith(before):
            notes.append(given.instructions.removeprefix(before))
        else:
            _log.info("the voice keeps its instructions until the next session", provider=self._server.name)
        for note in notes:
            for piece in wire.pieces(note):
                self._send(wire.instructions_note(piece))
        made = wire.backend(given.settings, given.instructions, given.tools)
        changed = ("instructions",) if tools is None else ("instructions", "tools", "tool_choice")
        self._send(wire.backend_update({name: made[name] for name in changed if name in made}))

    def _send(self, message: str) -> None:
        if self._dialogue.ready and self._socket:
            self._socket.send(message)
        else:
            self._unsent.append(message)
