"""One call with an agent at ElevenLabs: its connection, what is heard before there is one, and what it costs."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import structlog

from offhook.audio.convert import Converter, converter
from offhook.audio.formats import FRAME_MS, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError, WireError
from offhook.providers.http import ApiServer
from offhook.providers.llm.base import CallFacts, Message, ToolSpec
from offhook.providers.realtime import elevenlabs_wire as wire
from offhook.providers.realtime.base import RealtimeEvents, TurnDetection, Usage
from offhook.providers.realtime.elevenlabs_dialogue import Dialogue
from offhook.providers.realtime.key_limits import RateLimits
from offhook.providers.realtime.verbatim import line_in
from offhook.providers.sockets import Query, Socket

__all__ = ["AgentSession", "Given", "Place"]

_log = structlog.get_logger(__name__)
_KEPT_MS = 10_000
_PIECE_MS = 40
_BACKLOG_BYTES = 4 << 20
_REPORTED_S = 10.0
_POLICY = 1008
_OPERATION = 1002
_TOO_MANY = 429
_LIMITS = ("concurren", "rate limit", "too many")
_NO_MONEY = ("quota", "credit", "payment", "subscription")


@dataclass(frozen=True, slots=True)
class Place:
    """An address, for once."""

    server: ApiServer
    path: str
    query: Query


@dataclass(slots=True)
class Given:
    """What a session is asked for. `first_message` is None as long as nobody has said what to say first."""

    settings: RealtimeSettings
    call: CallFacts
    instructions: str
    history: tuple[Message, ...]
    first_message: str | None = None

    @property
    def name(self) -> str:
        """Of the vendor and the agent there."""
        return f"elevenlabs:{self.settings.agent_id}"

    def change(self, *, instructions: str | None, voice: str | None, language: str | None) -> None:
        """Other wishes, while it is in time for them."""
        self.instructions = self.instructions if instructions is None else instructions
        wishes = {name: value for name, value in (("voice", voice), ("language", language)) if value is not None}
        self.settings = self.settings.model_copy(update=wishes)

    def take_line(self, line: str) -> bool:
        """Have `line` said at the beginning; false if it is too late, or the agent says what it is configured to.

        That one greets by itself, in place of our greeting, unless there was a conversation before."""
        if not line or self.first_message is not None:
            return False
        if "first_message" not in self.settings.overrides:
            self.first_message = ""
            return not self.history
        self.first_message = line
        return True

    def initiation(self) -> str:
        """The first message."""
        return wire.initiation(
            self.settings, self.call, instructions=self.instructions, first_message=self.first_message or ""
        )


class _Ears:
    """The caller's audio on its way up, in pieces of 40 ms. Until the format is known the latest of it is kept."""

    def __init__(self, leg: AudioFormat, send: Callable[[str], None]) -> None:
        self.sent_ms = 0
        """How much of it was sent, or given up."""
        self._leg = leg
        self._send = send
        self._convert: Converter | None = None
        self._kept: deque[bytes] = deque(maxlen=_KEPT_MS // FRAME_MS)
        self._piece = bytearray()
        self._size = 0

    def hear(self, frame: bytes) -> None:
        """Another 20 ms."""
        if self._convert is None:
            if len(self._kept) == self._kept.maxlen:
                self.sent_ms += FRAME_MS
            self._kept.append(frame)
            return
        self._piece += self._convert(frame)
        self.sent_ms += FRAME_MS
        if len(self._piece) >= self._size:
            self._send(wire.audio_chunk(bytes(self._piece)))
            self._piece.clear()

    def begin(self, wanted: AudioFormat) -> None:
        """The agent hears `wanted`."""
        self._convert = converter(self._leg, wanted)
        self._size = wanted.frame_bytes * _PIECE_MS // FRAME_MS
        for frame in self._kept:
            self.hear(frame)
        self._kept.clear()


class _Meter:
    """The seconds of a conversation, as they are told bit by bit."""

    def __init__(self, events: RealtimeEvents) -> None:
        self._events = events
        self._told_s: float | None = None

    def begin(self) -> None:
        """The conversation begins."""
        self._told_s = monotonic()

    def tell(self, at_least_s: float = 0.0) -> None:
        """Tell what came since the last time, if it is so much."""
        now_s = monotonic()
        if self._told_s is not None and now_s - self._told_s >= at_least_s:
            self._events.on_usage(Usage(seconds=now_s - self._told_s))
            self._told_s = now_s

    def end(self) -> None:
        """The conversation is over."""
        self.tell()
        self._told_s = None


class AgentSession:
    """One call with an agent at ElevenLabs. The conversation begins with the first that is to be said or heard: it is
    billed from then on, and the line that is to be said first can only be given at its beginning."""

    def __init__(
        self,
        place: Callable[[], Awaitable[Place]],
        given: Given,
        leg: AudioFormat,
        events: RealtimeEvents,
        limits: RateLimits,
        *,
        gap_s: float,
    ) -> None:
        self._place = place
        self._given = given
        self._events = events
        self._limits = limits
        self._gap_s = gap_s
        self._ears = _Ears(leg, self._send)
        self._dialogue = Dialogue(self._send, events, leg, lambda: self._ears.sent_ms)
        self._meter = _Meter(events)
        self._unsent: list[str] = []
        self._lines: deque[str] = deque()
        self._wanted = asyncio.Event()
        self._begun = self._ready = self._over = False
        self._socket: Socket | None = None
        self._loop = asyncio.get_running_loop()
        self._gap: asyncio.TimerHandle | None = None
        self._opening = self._loop.create_task(self._open())

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of audio. Never blocks."""
        self._wanted.set()
        self._ears.hear(frame)

    def heard(self, item_id: str, ms: float) -> None:
        """Nothing: the server judges by its own clock what was heard, and tells that itself."""

    def cancel(self) -> None:
        """Say nothing more of what is under way. The agent stops when it hears the caller itself."""
        self._lines.clear()
        self._dialogue.drop()

    def end_turn(self) -> None:
        """Nothing: the agent's turn-taking is configured at ElevenLabs."""

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell: the first line is the agent's first message, and all else are texts like those
        of the caller, in brackets."""
        line = "" if self._begun else line_in(instructions)
        if not self._given.take_line(line):
            self._lines.append(f"[{instructions}]")
        self._wanted.set()
        self._next_line()

    def user_text(self, text: str) -> None:
        """The caller wrote `text`."""
        self._wanted.set()
        self._dialogue.wrote(text)
        self._send(wire.user_message(text))

    def tool_result(self, call_id: str, result: str, *, answer: bool = True) -> None:
        """The result of a tool. One that wants no answer is kept back: the agent would answer it."""
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
        """Change what is given: once the conversation has begun, instructions are something else that the agent is to
        know, and its voice and language stay. Where callers may not interrupt, what came of an answer is played."""
        if turns is not None:
            self._dialogue.interruptible = turns.interrupts
        if not self._begun:
            self._given.change(instructions=instructions, voice=voice, language=language)
            return
        if voice or language or tools is not None:
            _log.info("voice, language and tools stay as they are", provider=self._given.name)
        if instructions is not None:
            self._send(wire.contextual_update(f"From now on these are your instructions:\n{instructions}"))

    async def close(self) -> None:
        """Leave; there is nothing to say. Never raises."""
        self._rest()
        self._opening.cancel()
        await asyncio.wait([self._opening])
        if self._socket:
            await self._socket.close()

    def on_message(self, message: str | bytes) -> None:
        """A message of the server. Raises WireError."""
        told = wire.read_message(message)
        match told.get("type"):
            case "conversation_initiation_metadata":
                self._on_metadata(*_formats(wire.event_in(told)))
            case "error" if self._socket:
                self._socket.fail(_failure(self._given.name, wire.event_in(told)))
            case "audio":
                self._dialogue.take(told)
                self._wait_for_more()
            case _:
                self._dialogue.take(told)
        # A ping is no sign of work on an answer.
        if told.get("type") != "ping":
            self._events.on_sign()
        self._meter.tell(_REPORTED_S)
        self._next_line()

    def on_failed(self, error: ProviderError) -> None:
        """The conversation is over."""
        if not self._over:
            self._rest()
            self._events.on_failed(_honest(error, self._limits))

    async def _open(self) -> None:
        try:
            place = await self._place()
        except ProviderError as error:
            self.on_failed(error)
            return
        await self._wanted.wait()
        self._begun = True
        self._dialogue.awaited = self._dialogue.awaited or self._given.first_message is not None
        self._socket = Socket(place.server, place.path, place.query, self, limit=_BACKLOG_BYTES)
        self._socket.send(self._given.initiation())

    def _on_metadata(self, hears: AudioFormat, speaks: AudioFormat) -> None:
        if self._ready:
            return
        self._dialogue.wire = speaks
        self._ready = True
        if self._given.history:
            self._send(wire.contextual_update(wire.conversation_so_far(self._given.history)))
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self._send(message)
        self._ears.begin(hears)
        self._meter.begin()
        self._events.on_ready()

    def _send(self, message: str) -> None:
        if self._ready and self._socket:
            self._socket.send(message)
        else:
            self._unsent.append(message)

    def _next_line(self) -> None:
        """Have the next line said, where it would not interrupt anything."""
        if self._lines and self._ready and self._dialogue.idle:
            line = self._lines.popleft()
            self._dialogue.wrote(line)
            self._send(wire.user_message(line))

    def _wait_for_more(self) -> None:
        if self._gap:
            self._gap.cancel()
        self._gap = self._loop.call_later(self._gap_s, self._settle)

    def _settle(self) -> None:
        self._dialogue.settle()
        self._next_line()

    def _rest(self) -> None:
        self._over = True
        self._meter.end()
        if self._gap:
            self._gap.cancel()


def _formats(metadata: Mapping[str, object]) -> tuple[AudioFormat, AudioFormat]:
    """What the agent hears, and how it speaks. Raises WireError."""
    names = [metadata.get(name) for name in ("user_input_audio_format", "agent_output_audio_format")]
    hears, speaks = (wire.named_format(name) for name in names)
    if hears is None or speaks is None:
        raise WireError(f"the agent's audio is {names[0]} and {names[1]}, which nobody speaks here")
    return hears, speaks


def _failure(name: str, event: Mapping[str, object]) -> ProviderError:
    """An error as the server tells it before it closes the connection."""
    code = event.get("code")
    why = event.get("message") or event.get("reason") or "failed"
    problem = f"{why} ({event.get('error_type') or code})"
    return ProviderError(
        problem, provider=name, status=code if isinstance(code, int) else None, retryable=code != _POLICY
    )


def _honest(error: ProviderError, limits: RateLimits) -> ProviderError:
    """Whether another conversation may go well: of 1002, which is most troubles there, as of others. What says that a
    limit is reached counts for all conversations of the key."""
    problem = str(error).removeprefix(f"{error.provider}: ")
    retryable = error.retryable or error.status == _OPERATION
    if any(word in problem.lower() for word in _NO_MONEY):
        limits.failed("quota_exceeded")
        retryable = False
    elif error.status == _TOO_MANY or any(word in problem.lower() for word in _LIMITS):
        limits.refused(problem)
        retryable = True
    return ProviderError(problem, provider=error.provider, status=error.status, retryable=retryable)
