"""Google's Gemini models through the Live API: sessions over WebSocket that outlive their connections."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from offhook.audio.convert import converter
from offhook.audio.formats import FRAME_MS, PCM_16K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.http import ApiKey, ApiServer, Refusal
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.realtime import gemini_wire as wire
from offhook.providers.realtime.base import RealtimeEvents, RealtimeSession, TurnDetection, turns_of
from offhook.providers.realtime.gemini_dialogue import Dialogue
from offhook.providers.realtime.key_limits import KeyLimits, RateLimits
from offhook.providers.sockets import Socket

__all__ = ["GeminiLive", "GeminiSession"]

_log = structlog.get_logger(__name__)
_ADDRESS = "https://generativelanguage.googleapis.com"
_MODEL = "gemini-3.8-live"
_VOICE = "Kore"
_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_TIMEOUT_S = 5.0
_KEPT_MS = 10_000
_BACKLOG_BYTES = 4 << 20
_PIECE_BYTES = 2 * PCM_16K.frame_bytes
_LEAVE_BEFORE_S = 2.0
_TURN_OVER = b""
_KEY_REFUSED = "API key"
_NO_QUOTA = "quota"
_TOO_MANY = 429


class GeminiLive:
    """Opens sessions with one key and model. `limits` are what its key has left.

    What it has no counterpart for is left alone: `prefix_padding_ms`, `idle_timeout_ms`, `noise_reduction`,
    `reasoning_effort`, and the share that `truncation` may name.
    """

    def __init__(self, settings: RealtimeSettings, *, limits: KeyLimits | None = None) -> None:
        self._settings = settings.whole(model=_MODEL, voice=_VOICE, base_url=_ADDRESS)
        self._limits = (limits or KeyLimits()).of(self._settings.model)
        self.model = self._settings.model.removeprefix("models/")
        self.name = f"gemini:{self.model}"
        secret = settings.api_key.get_secret_value() if settings.api_key else ""
        key = ApiKey(secret, "x-goog-api-key", "", settings.api_key_env or "GEMINI_API_KEY")
        address = self._settings.base_url
        address = address.replace("ws", "http", 1) if address.startswith("ws") else address
        # It may take half a minute to answer a ping.
        self._server = ApiServer(self.name, address, key, timeout_s=_TIMEOUT_S, heartbeat_s=None)

    def __repr__(self) -> str:
        return f"GeminiLive(model={self.model!r}, url={self._server.url(_PATH)!r})"

    @property
    def exhausted(self) -> float:
        """Seconds for which no session is worth opening: Google does not tell when there is quota again."""
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
        """Begin a session. Audio goes up with 16 kHz and comes down with 24 kHz, resampled for other legs."""
        given = _Given(self._settings, call.instructions, tuple(tools), turns_of(self._settings), tuple(history))
        return GeminiSession(self._server, given, leg, events, self._limits)

    async def warm_up(self) -> None:
        """Open a connection that the next session will use."""
        with suppress(ProviderError):
            await self.check()

    async def check(self) -> None:
        """Ask for the model. Raises ProviderError."""
        if refusal := await self._server.get(f"/v1beta/models/{self.model}"):
            raise self._server.refused(_honest(refusal))

    async def close(self) -> None:
        """Close what the sessions shared."""
        await self._server.close()


@dataclass(slots=True)
class _Given:
    """What a session is asked for, and what it is told before it begins."""

    settings: RealtimeSettings
    instructions: str
    tools: tuple[ToolSpec, ...]
    turns: TurnDetection
    history: tuple[Message, ...] = field(default_factory=tuple)

    def setup(self, handle: str) -> str:
        return wire.setup(
            self.settings,
            instructions=self.instructions,
            tools=self.tools,
            turns=self.turns,
            handle=handle,
            history=bool(self.history) and not handle,
        )


class _Voice:
    """The caller's audio on its way up, in pieces of 40 ms. While there is no connection the latest of it is kept."""

    def __init__(self, leg: AudioFormat, send: Callable[[str], None], given: _Given) -> None:
        self.sent_ms = 0
        """How much of it was sent, or given up."""
        self._send = send
        self._given = given
        self._convert = converter(leg, PCM_16K)
        self._kept: deque[bytes] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._piece = bytearray()
        self._waits = True
        self._active = False

    def hear(self, frame: bytes) -> None:
        """Another 20 ms."""
        if self._waits:
            self._keep(frame)
            return
        self._piece += self._convert(frame)
        self.sent_ms += FRAME_MS
        if len(self._piece) >= _PIECE_BYTES:
            self._send_piece()

    def end_turn(self) -> bool:
        """The turn is over, if it is for us to say that; whether there was one."""
        if self._given.turns.kind != "none" or not (self._kept or self._active):
            return False
        if self._waits:
            self._keep(_TURN_OVER)
            return True
        self._send_piece()
        self._active = False
        self._send(wire.activity(starts=False))
        return True

    def wait(self) -> None:
        """There is no connection for now."""
        self._waits, self._active = True, False

    def go_on(self) -> None:
        """There is one: send what was kept."""
        self._waits = False
        kept = list(self._kept)
        self._kept.clear()
        for frame in kept:
            if frame == _TURN_OVER:
                self.end_turn()
            else:
                self.hear(frame)

    def _keep(self, frame: bytes) -> None:
        if len(self._kept) == self._kept.maxlen:
            self.sent_ms += FRAME_MS
        self._kept.append(frame)

    def _send_piece(self) -> None:
        if self._given.turns.kind == "none" and not self._active:
            self._active = True
            self._send(wire.activity(starts=True))
        if self._piece:
            self._send(wire.audio_input(bytes(self._piece)))
            self._piece.clear()


class GeminiSession:
    """One call at Gemini. A connection that is to end, or breaks while nothing is going on, is replaced by another one
    that resumes the session; what is heard meanwhile is kept."""

    def __init__(
        self, server: ApiServer, given: _Given, leg: AudioFormat, events: RealtimeEvents, limits: RateLimits
    ) -> None:
        self._server = server
        self._limits = limits
        self._given = given
        self._events = events
        self._dialogue = Dialogue(self._send, events, leg)
        self._voice = _Voice(leg, self._send, given)
        self._unsent: list[str] = []
        self._lines: deque[str] = deque()
        self._begun = self._ready = False
        self._outlived = 0
        self._proven = False
        self._leaves = False
        self._socket: Socket | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        # What is changed right after the opening is still in time for the setup.
        self._timer: asyncio.Handle = self._loop.call_soon(self._connect)

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        self._voice.hear(frame)

    def heard(self, item_id: str, ms: float) -> None:
        """Nothing: Gemini goes by what it had sent when it was interrupted."""

    def cancel(self) -> None:
        """Say nothing more of what is under way. Gemini stops when it hears the caller itself."""
        self._lines.clear()
        self._dialogue.drop()

    def end_turn(self) -> None:
        """The caller's turn is over: answer it."""
        self._dialogue.awaited = self._voice.end_turn() or self._dialogue.awaited

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell. To Gemini they are a text like those of the caller, in brackets."""
        self._lines.append(f"[{instructions}]")
        self._next_line()

    def user_text(self, text: str) -> None:
        """The caller wrote `text`: that interrupts what is being said."""
        self._dialogue.awaited = True
        self._send(wire.text_input(text))

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
        """Change what is given. The voice, the language that is written down, and how turns are told, are those of the
        setup until the next connection."""
        given = self._given
        given.instructions = given.instructions if instructions is None else instructions
        given.tools = given.tools if tools is None else tuple(tools)
        given.turns = turns or given.turns
        given.settings = given.settings.model_copy(update={"voice": voice}) if voice else given.settings
        if language is not None:
            given.settings = given.settings.model_copy(update={"language": language})
        if not self._begun:
            return
        if voice or turns or language is not None:
            _log.info("voice, language and turns stay as they are for now", provider=self._server.name)
        if instructions is not None or tools is not None:
            self._send(wire.context_update(instructions, tools))

    async def close(self) -> None:
        """Leave; there is nothing to say. Never raises."""
        self._timer.cancel()
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        if self._socket:
            await self._socket.close()

    def on_message(self, message: str | bytes) -> None:
        """A message of the server. Raises WireError."""
        told = wire.read_message(message)
        self._events.on_sign()
        if "setupComplete" in told:
            self._on_setup()
        else:
            self._proven = True
        self._dialogue.take(told)
        if isinstance(told.get("goAway"), dict):
            self._on_go_away(wire.seconds(told["goAway"].get("timeLeft")))
        self._next_line()
        if self._leaves and self._dialogue.resumable:
            self._renew()

    def on_failed(self, error: ProviderError) -> None:
        """The connection is dead. If nothing was going on, another one resumes the session."""
        error = _honest_failure(error)
        if error.status == _TOO_MANY or _NO_QUOTA in _problem(error):
            self._limits.refused()
        if self._ready and self._proven and error.retryable and self._dialogue.resumable and self._dialogue.handle:
            _log.info("connection lost, resuming the session", provider=self._server.name, error=str(error))
            self._renew()
            return
        if self._outlived and not self._ready:
            # What refuses to be resumed may well be begun anew.
            error = ProviderError(_problem(error), provider=error.provider, status=error.status, retryable=True)
        self._ready = False
        self._voice.wait()
        self._timer.cancel()
        self._events.on_failed(error)

    def _connect(self) -> None:
        self._begun = True
        self._proven = False
        self._socket = Socket(self._server, _PATH, (), self, limit=_BACKLOG_BYTES)
        self._socket.send(self._given.setup(self._dialogue.handle))

    def _on_setup(self) -> None:
        self._dialogue.connected(self._voice.sent_ms)
        self._ready = True
        if self._given.history:
            self._send(wire.history_content(self._given.history))
            self._given.history = ()
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self._send(message)
        if not self._outlived:
            self._events.on_ready()
        self._voice.go_on()

    def _on_go_away(self, left_s: float) -> None:
        """The connection will end: leave it at the next quiet moment, or just before."""
        _log.info("connection will end", provider=self._server.name, left_s=left_s)
        if not self._dialogue.handle:
            self._events.on_expiring(left_s)
            return
        self._leaves = True
        self._timer = self._loop.call_later(max(0.0, left_s - _LEAVE_BEFORE_S), self._leave_now)

    def _leave_now(self) -> None:
        # An answer in the middle is not resumed: whoever goes on with the call knows what was heard of it.
        if self._leaves and not self._dialogue.busy:
            self._renew()

    def _renew(self) -> None:
        if self._ready and self._dialogue.handle:
            self._timer.cancel()
            self._ready = self._leaves = False
            self._voice.wait()
            self._outlived += 1
            self._renewal = self._loop.create_task(self._reconnect())

    async def _reconnect(self) -> None:
        # A session is not resumed while its connection before lives.
        if self._socket:
            await self._socket.close()
        self._connect()

    def _send(self, message: str) -> None:
        if self._ready and self._socket:
            self._socket.send(message)
        else:
            self._unsent.append(message)

    def _next_line(self) -> None:
        """Have the next line said, where it would not interrupt anything."""
        if self._lines and self._ready and self._dialogue.idle:
            self._dialogue.awaited = True
            self._send(wire.text_input(self._lines.popleft()))


def _honest(refusal: Refusal) -> Refusal:
    """A refusal of the key as others tell it: Google says that the request is wrong."""
    return replace(refusal, status=401) if _KEY_REFUSED in refusal.message else refusal


def _honest_failure(error: ProviderError) -> ProviderError:
    """The same of what a closed connection says, where a lack of money is an internal error."""
    problem = _problem(error)
    if _KEY_REFUSED in problem:
        return ProviderError(problem, provider=error.provider, status=401, retryable=False)
    if _NO_QUOTA in problem:
        return ProviderError(problem, provider=error.provider, status=error.status, retryable=False)
    return error


def _problem(error: ProviderError) -> str:
    return str(error).removeprefix(f"{error.provider}: ")
