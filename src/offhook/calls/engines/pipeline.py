"""The pipeline engine: transcriber, responder and speaker, taking turns with the caller."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from offhook.calls import turns
from offhook.calls.conversation import Conversation
from offhook.calls.endings import is_backchannel
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.stopwatch import Stopwatch
from offhook.calls.keypad import Keypad
from offhook.calls.patience import Patience
from offhook.calls.placeholders import fill
from offhook.calls.speaker import Phrases, Speaker
from offhook.calls.tools.base import Tool
from offhook.calls.tools.runner import ToolRun, ToolRunner
from offhook.calls.track import Track
from offhook.calls.transcriber import Transcriber
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import (
    AgentPaused,
    AgentResumed,
    AgentSaid,
    AgentSpeechStarted,
    BargeIn,
    CallerSaid,
    CallerSpeechEnded,
    CallerSpeechStarted,
    CallTrouble,
    EndReason,
    ToolCalled,
)
from offhook.providers.llm.base import ResponderFactory, TextDelta, ToolCall
from offhook.providers.stt.base import Recognizer

__all__ = ["Pipeline", "PipelineParts"]

log = structlog.get_logger(__name__)

_MOST_TOOL_ROUNDS = 8
_LAST_SILENCE_MS = 240
_CALLED_OFF = "the caller spoke up, so it was not done"


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What the calls of one agent share."""

    agent: AgentSettings
    recognizer: Recognizer
    phrases: Phrases
    responders: ResponderFactory
    tools: tuple[Tool, ...]


class Pipeline:
    """Answers one call with speech recognition, a responder and speech synthesis."""

    wants_vad = True

    def __init__(self, call: CallHandle, parts: PipelineParts):
        agent = parts.agent
        self._call = call
        self._agent = agent
        self._playout = call.playout
        self._conversation = Conversation()
        self._transcriber = Transcriber(
            parts.recognizer, call.playout.format, language=agent.language, padding_ms=agent.turns.prefix_padding_ms
        )
        self._turns = turns.Turns(agent.turns, self._only_listening)
        self._speaker = Speaker(parts.phrases, call.playout, speed=agent.speed)
        self._responder = parts.responders.open(call.facts)
        self._tools = ToolRunner(parts.tools, call.tool_context)
        self._keypad = Keypad()
        self._patience = Patience(agent.silence)
        self._watch = Stopwatch()
        self._reply: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._began_ms: dict[Track, int] = {}
        self._paused_at_ms = 0
        self._ending: EndReason | None = None
        self._deaf = False
        self._idle_since_ms: int | None = None
        self._all_heard = asyncio.Event()

    # The contract of an engine

    def start(self) -> None:
        """Greet the caller."""
        self._say(fill(self._agent.greeting, self._call.facts.variables))

    def hear(self, frame: bytes) -> None:
        """Keep the frame for the transcriber."""
        self._transcriber.hear(frame, keep_from_ms=self._turns.onset_ms)

    def voice(self, probability: float, end_ms: int) -> None:
        """Let the turn-taking decide what the voice means."""
        if not self._deaf:
            self._act(self._turns.voice(probability, end_ms, agent_speaking=self._busy))

    def dtmf(self, digit: str) -> None:
        """A key silences the agent; the keys together are the caller's answer."""
        if self._deaf:
            return
        self._patience.caller_active()
        if self._busy:
            self._interrupt(self._call.now_ms())
        self._keyed(self._keypad.press(digit, self._call.now_ms()))

    def track_started(self, track: Track) -> None:
        """Note when the caller began to hear an utterance."""
        now = self._call.now_ms()
        self._began_ms[track] = now
        self._call.emit(AgentSpeechStarted(self._call.facts.call_id, now))
        measured = self._watch.first_audio(self._call.facts.call_id, now)
        if measured is not None:
            self._call.emit(measured)

    def track_finished(self, track: Track) -> None:
        """Note that the caller heard an utterance to its end."""
        self._agent_said(track)

    def tick(self, now_ms: int) -> None:
        """Keys that no further key follows, silence that lasts too long, and the end of the last words."""
        self._keyed(self._keypad.tick(now_ms))
        if not (self._playout.active or self._turns.speaking):
            self._all_heard.set()
        if self._ending is not None:
            self._end_when_said(now_ms)
            return
        quiet = not (self._busy or self._turns.speaking or self._keypad.waiting)
        match self._patience.tick(now_ms, quiet=quiet):
            case "ask":
                self._say(self._agent.silence.ask_line)
            case "give_up":
                self.wind_up(self._agent.silence.goodbye_line, EndReason.SILENCE)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does, then end the call."""
        self._deaf = True
        self._interrupt(self._call.now_ms())
        self._ending = reason
        self._say(line)

    async def close(self) -> None:
        """Stop the reply and every transcription."""
        tasks = [task for task in (*self._tasks, self._reply) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._tools.close()
        await self._responder.close()

    # The caller's side

    @property
    def _busy(self) -> bool:
        return self._playout.active or self._replying

    @property
    def _replying(self) -> bool:
        return self._reply is not None and not self._reply.done()

    def _only_listening(self, text: str) -> bool:
        track = self._playout.current
        if track is None or not track.started:
            return False
        return is_backchannel(
            text, self._agent.turns.backchannels, heard=track.heard_text, remaining_ms=track.remaining_ms
        )

    def _act(self, actions: list[turns.Action]) -> None:
        for action in actions:
            self._do(action)

    def _do(self, action: turns.Action) -> None:
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        match action:
            case turns.SpeechStarted(onset_ms):
                self._patience.caller_active()
                self._call.emit(CallerSpeechStarted(call_id, now, onset_ms))
            case turns.HoldAgent():
                self._hold(now)
            case turns.SpeechEnded(end_ms):
                self._call.emit(CallerSpeechEnded(call_id, now, end_ms))
            case turns.Transcribe(ticket, onset_ms, end_ms):
                self._spawn(self._transcribe(ticket, onset_ms, end_ms))
            case turns.ResumeAgent(because):
                word = self._playout.resume()
                self._call.emit(AgentResumed(call_id, now, because, word))
            case turns.Interrupt(onset_ms):
                self._interrupt(onset_ms)
            case turns.EndTurn():
                self._turn_ended(action)
            case turns.Forget():
                log.debug("sound without words", at_ms=now)

    def _hold(self, now: int) -> None:
        track = self._playout.current
        self._paused_at_ms = now
        self._playout.pause()
        if track is not None and track.started:
            self._call.emit(AgentPaused(self._call.facts.call_id, now, track.heard_ms))

    async def _transcribe(self, ticket: int, onset_ms: int, end_ms: int) -> None:
        try:
            transcript = await self._transcriber.transcribe(onset_ms, end_ms)
        except ProviderError as error:
            self._trouble("transcription", error)
            self._act(self._turns.failed(ticket))
            self._say(self._agent.trouble_line)
            return
        self._watch.transcribed(self._call.now_ms())
        self._act(self._turns.transcribed(ticket, transcript))

    def _interrupt(self, onset_ms: int) -> None:
        if self._reply is not None:
            self._reply.cancel()
        stopped_ms = self._paused_at_ms if self._playout.paused else self._call.now_ms()
        track = self._playout.flush()
        if not self._deaf:
            self._ending = None
        if track is not None and track.started:
            self._call.emit(
                BargeIn(self._call.facts.call_id, self._call.now_ms(), onset_ms, stopped_ms, track.heard_ms)
            )
            self._agent_said(track)

    def _turn_ended(self, end: turns.EndTurn) -> None:
        call_id, now = self._call.facts.call_id, self._call.now_ms()
        said = end.transcript
        self._ending = None
        self._call.emit(CallerSaid(call_id, now, said.text, end.onset_ms, end.end_ms, said.confidence))
        self._conversation.caller_said(said.text)
        self._watch.turn_ended(end.end_ms, now)
        self._answer()

    def _keyed(self, digits: str) -> None:
        if digits:
            self._conversation.caller_keyed(digits)
            self._watch.turn_ended(self._call.now_ms(), self._call.now_ms())
            self._answer()

    # The agent's side

    def _answer(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
        self._playout.flush()
        self._reply = asyncio.get_running_loop().create_task(self._respond())

    async def _respond(self) -> None:
        try:
            for _ in range(_MOST_TOOL_ROUNDS):
                if not await self._one_round():
                    return
            log.warning("the responder called tools without an end", rounds=_MOST_TOOL_ROUNDS)
        except ProviderError as error:
            self._trouble("reply", error)
            self._say(self._agent.trouble_line)
        except Exception as error:  # noqa: BLE001 - a task's top
            self._trouble("reply", error)
            self._call.end(EndReason.ERROR, str(error))

    async def _one_round(self) -> bool:
        """One answer of the responder; true if it called tools and wants to see their results."""
        track = self._begin_track()
        calls: list[ToolCall] = []
        await self._speaker.speak(self._texts(calls), track)
        if not calls:
            return False
        self._conversation.agent_calls(track, tuple(calls))
        for call in calls:
            await self._run_tool(call)
        return self._ending is None and not self._deaf

    async def _texts(self, calls: list[ToolCall]) -> AsyncIterator[str]:
        specs = self._tools.specs
        async for piece in self._responder.respond(self._conversation.messages(), specs):
            if isinstance(piece, TextDelta):
                self._watch.first_text(self._call.now_ms())
                yield piece.text
            else:
                calls.append(piece)

    async def _run_tool(self, call: ToolCall) -> None:
        if self._tools.waits_for_speech(call.name):
            await self._hear_out(call)
        try:
            ran = await self._tools.run(call)
        except asyncio.CancelledError:
            # An interruption does not undo what the tool does; the conversation must know how it went.
            self._spawn(self._note_late(call))
            raise
        self._note(call, ran)
        if call.name == "end_call" and not ran.error:
            self._ending = EndReason.AGENT_HUNG_UP
        if call.name == "transfer_call" and not ran.error:
            self._deaf = True

    async def _hear_out(self, call: ToolCall) -> None:
        """Wait until the caller has heard what was said; an interruption calls the tool off."""
        self._all_heard.clear()
        try:
            await self._all_heard.wait()
        except asyncio.CancelledError:
            self._note(call, ToolRun(orjson.dumps({"error": _CALLED_OFF}).decode(), 0, _CALLED_OFF))
            raise

    async def _note_late(self, call: ToolCall) -> None:
        self._note(call, await self._tools.run(call))

    def _note(self, call: ToolCall, ran: ToolRun) -> None:
        self._conversation.tool_returned(call.id, ran.text)
        facts, now = self._call.facts, self._call.now_ms()
        took_ms = round(ran.took_ms)
        self._call.emit(ToolCalled(facts.call_id, now, call.name, call.arguments, ran.text, ran.error, took_ms))

    def _say(self, line: str) -> None:
        track = self._begin_track()
        self._spawn(self._speak_line(line, track))

    async def _speak_line(self, line: str, track: Track) -> None:
        try:
            await self._speaker.say(line, track)
        except ProviderError as error:
            self._trouble("speech", error)

    def _begin_track(self) -> Track:
        track = self._playout.begin()
        self._conversation.agent_says(track)
        return track

    def _agent_said(self, track: Track) -> None:
        began_ms = self._began_ms.pop(track, None)
        if began_ms is None:
            return
        self._call.emit(
            AgentSaid(
                self._call.facts.call_id,
                self._call.now_ms(),
                track.text.strip(),
                track.heard_text.strip(),
                began_ms,
                self._call.now_ms(),
                track.interrupted,
            )
        )

    def _end_when_said(self, now_ms: int) -> None:
        if self._busy or self._tasks or (self._turns.speaking and not self._deaf):
            self._idle_since_ms = None
            return
        self._idle_since_ms = self._idle_since_ms or now_ms
        if now_ms - self._idle_since_ms >= _LAST_SILENCE_MS and self._ending is not None:
            self._call.end(self._ending, "")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _trouble(self, what: str, error: Exception) -> None:
        log.warning("trouble in a call", what=what, error=str(error), exc_info=not isinstance(error, ProviderError))
        self._call.emit(CallTrouble(self._call.facts.call_id, self._call.now_ms(), what, str(error)))
