"""The agent's side of a call with speech-to-speech sessions: what it says and does, and who goes on when one dies."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.engines.debt import Debt
from offhook.calls.engines.pipeline import PipelineParts
from offhook.calls.engines.prompts import keys_pressed, verbatim
from offhook.calls.engines.session_link import CallerListener, SessionLink
from offhook.calls.engines.so_far import SoFar
from offhook.calls.engines.stopgap import Stopgap
from offhook.calls.engines.succession import Succession
from offhook.calls.engines.tool_calls import ToolCalls
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.utterances import Utterances
from offhook.calls.tools.base import Tool
from offhook.calls.tools.runner import ToolRun
from offhook.calls.track import Track
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import BargeIn, EndReason
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeProvider, ResponseStatus, TurnDetection
from offhook.providers.standby import Standby, Watched
from offhook.providers.tts.timing import Pace

__all__ = ["HandOver", "RealtimeParts", "Sessions"]

log = structlog.get_logger(__name__)

HandOver = Callable[[SoFar], None]
_NO_RIVAL_MS = 10_000
_RETRY_MS = 1_500
_MOST_RETRIES = 8
_STARVED_MS = 1_000


@dataclass(frozen=True, slots=True)
class RealtimeParts:
    """What the calls of one agent share. `fallback` is the pipeline that takes over when no session can be had;
    `uninterrupted` is how sessions take turns where callers may not interrupt the agent."""

    agent: AgentSettings
    providers: Standby[RealtimeProvider]
    tools: tuple[Tool, ...]
    fallback: PipelineParts | None = None
    uninterrupted: TurnDetection = field(default_factory=lambda: TurnDetection(interrupts=False))


class Sessions:
    """The session at work, and those that follow it. `ending` is why the call ends when all is said; None if it goes
    on. `deaf` is whether it no longer matters what the caller does."""

    def __init__(
        self,
        call: CallHandle,
        parts: RealtimeParts,
        conversation: Conversation,
        callers: CallerUtterances,
        listener: CallerListener,
        *,
        hand_over: HandOver | None,
    ):
        self._call = call
        self._agent = parts.agent
        self._uninterrupted = parts.uninterrupted
        self._playout = call.playout
        self._callers = callers
        self._listener = listener
        self._hand_over = hand_over
        self._conversation = conversation
        self.utterances = Utterances(call)
        self.tools = ToolCalls(call, parts.tools, conversation, timeout_s=parts.agent.tool_timeout_s)
        phrases = parts.fallback.phrases if parts.fallback is not None else None
        self._stopgap = Stopgap(call, parts.agent, phrases, ask=self._say_meanwhile)
        self._succession = Succession(parts.providers)
        self._pace = Pace()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False
        self._replacing = False
        self._debt = Debt(conversation, callers)
        self._spoke = False
        self._failure: ProviderError | None = None
        self._retries = 0
        self._retry_at_ms: int | None = None
        self._note = ""
        self.ending: EndReason | None = None
        self.deaf = False
        self.link = self._attached(self._succession.first())

    @property
    def busy(self) -> bool:
        """Whether the agent speaks, or is about to."""
        return self._playout.active or self.link.answering or self._replacing or self._stopgap.busy

    # What the call asks for

    def start(self, greeting: str) -> None:
        """Begin to listen, and to talk."""
        self._started = True
        if greeting:
            self.say(greeting)

    def hear(self, frame: bytes) -> None:
        """20 ms of the caller. What no longer matters is kept from the session: it would fall silent, or answer."""
        if self._started:
            self.link.session.hear(self._playout.format.silence if self.deaf else frame)

    def say(self, line: str) -> None:
        """Say one line, word for word."""
        self._debt.line = line
        self.link.session.say(verbatim(line))
        self.link.owe_more()

    def tell(self, note: str) -> None:
        """Have the session heed `note` from now on, and every one that follows it."""
        self._note = note
        self._heed(self.link)

    def answer_keys(self, digits: str) -> None:
        """Answer keys that the caller pressed."""
        self._conversation.caller_keyed(digits)
        self.link.session.user_text(keys_pressed(digits))
        self.turn_over()

    def turn_over(self) -> None:
        """The caller's turn is over: an answer is owed."""
        self._spoke = False
        self.link.owe()

    def interrupt(self, onset_ms: int, stopped_ms: int, *, cancel: bool = True) -> None:
        """Fall silent at once and drop everything: the caller's voice since `onset_ms` wants the floor."""
        self._debt.paid()
        self._replacing = False
        self._stopgap.stop()
        self.tools.call_off()
        self.link.items.place_words()
        track = self._playout.flush()
        for item_id, heard_ms in self.link.items.drop().items():
            self.link.session.heard(item_id, heard_ms)
        if cancel:
            self.link.session.cancel()
        self.link.forgive()
        if track is not None and track.started:
            call_id = self._call.facts.call_id
            self._call.emit(BargeIn(call_id, self._call.now_ms(), onset_ms, stopped_ms, track.heard_ms))
            self.utterances.finished(track)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does, then end the call."""
        self.deaf = True
        self.ending = reason
        if self.link.over:
            self._end_alone(line, reason)
        else:
            self.say(line)

    def track_finished(self, track: Track) -> None:
        """An utterance is over."""
        item_id = self.link.items.id_of(track)
        heard_ms = self.link.items.finished(track)
        if item_id is not None and heard_ms is not None:
            self.link.session.heard(item_id, heard_ms)
        self.utterances.finished(track)

    def tick(self, now_ms: int, *, caller_speaking: bool) -> None:
        """20 ms have passed."""
        if not self.link.answering:
            self.link.items.finish_starved(now_ms, _STARVED_MS)
        if self.link.stalled(self._limit_ms()):
            name = self.link.watched.name
            self._failure = ProviderError("gives no sign of life", provider=name, retryable=True)
        if self._failure is not None:
            self.lost(self._failure)
        if self._retry_at_ms is not None and not self.deaf and now_ms >= self._retry_at_ms:
            self._retry_at_ms = None
            self._attach(self._succession.first())
        silent = not (self._playout.active or caller_speaking or self.deaf)
        waiting = self.tools.running or self._replacing
        self._stopgap.tick(now_ms, waiting=waiting, silent=silent, first=self.tools.filler)

    async def close(self) -> None:
        """Stop everything."""
        link = self.link
        link.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stopgap.close()
        await self.tools.close()
        await link.session.close()

    # What the session tells

    def wrote(self) -> None:
        """Text of the agent came."""
        self.utterances.watch.first_text(self._call.now_ms())

    def sounded(self) -> None:
        """Sound of the agent came."""
        self.utterances.watch.first_text(self._call.now_ms())
        self._spoke = True
        self._debt.paid()
        self._replacing = False
        self._retries = 0
        self.link.watched.worked()
        self._succession.worked()
        self._callers.answered()

    def tool_called(self, call: ToolCall) -> None:
        """A tool is to be run."""
        self._callers.answered()
        link, track = self.link, Track(self._playout.format)
        self._conversation.agent_says(track)
        self._conversation.agent_calls(track, (call,))
        self.tools.begin(call, lambda called, ran: self._ran(link, called, ran))

    def response_done(self, status: ResponseStatus, detail: str) -> None:
        """An answer ended."""
        if status == "failed":
            # At the next beat: a session that is dead of it tells that itself, and whether another may do better.
            self._failure = ProviderError(f"gave no answer: {detail}", provider=self.link.watched.name, retryable=True)
        elif status != "cancelled":
            self.link.answered()
            self._debt.paid()
            self._replacing = False

    def lost(self, error: ProviderError) -> None:
        """The session is of no use any more: the next one goes on."""
        link = self.link
        self._failure = None
        owed = link.answering
        link.leave()
        self._spawn(link.session.close())
        report_trouble(self._call, "session", error)
        link.watched.failed(error)
        self._debt.broken = link.items.break_off() or self._debt.broken
        self._callers.gone()
        if self.deaf:
            if self.ending is not None:
                self._end_alone(self._debt.line, self.ending)
            return
        self._replacing = owed or self._debt.any
        following = self._succession.after(link.watched, error, served_ms=link.served_ms)
        self._spawn(self._replace(following, error))

    # Replacement

    async def _replace(self, following: Watched[RealtimeProvider] | None, error: ProviderError) -> None:
        # The next one cannot be given the result of a tool that it did not call, but it can be told of it.
        await self.tools.done()
        if self.deaf:
            return
        if following is not None:
            self._attach(following)
        elif self._hand_over is not None and self._started:
            self._hand_over(self._debt.so_far(self.utterances))
        elif self._retries < _MOST_RETRIES:
            self._retries += 1
            self._retry_at_ms = self._call.now_ms() + _RETRY_MS
        else:
            self._call.end(EndReason.ERROR, str(error))

    def _attach(self, watched: Watched[RealtimeProvider]) -> None:
        self.link = self._attached(watched)
        if self._started:
            self._debt.pass_on(self.link)
        self._replacing = self.link.answering

    def _attached(self, watched: Watched[RealtimeProvider]) -> SessionLink:
        link = SessionLink(
            self._call,
            watched,
            self._listener,
            self,
            conversation=self._conversation,
            pace=self._pace,
            tools=self.tools.specs,
            begins_ms=self._callers.begins_ms,
        )
        if not self._agent.turns.barge_in:
            link.session.update(turns=self._uninterrupted)
        if self._note:
            self._heed(link)
        return link

    def _heed(self, link: SessionLink) -> None:
        link.session.update(instructions="\n\n".join(filter(None, (self._call.facts.instructions, self._note))))

    def _limit_ms(self) -> float:
        replaceable = self._hand_over is not None or self._succession.anyone_after(self.link.watched)
        return self.link.watched.stall_s * 1000 if replaceable else _NO_RIVAL_MS

    def _end_alone(self, line: str, reason: EndReason) -> None:
        """Say the last line without a session, if there is a voice and it was not begun."""
        self.ending = reason
        if line and not self._playout.active:
            self._stopgap.say(line)

    def _say_meanwhile(self, line: str) -> None:
        """Have the session say a line itself, unless it is about to say something."""
        if not (self.link.answering or self.link.over or self._replacing):
            self.link.session.say(verbatim(line))
            self.link.owe()

    # Tools

    def _ran(self, link: SessionLink, call: ToolCall, ran: ToolRun) -> None:
        answer = True
        if call.name == "end_call" and not ran.error:
            self.ending = EndReason.AGENT_HUNG_UP
            # A model that hangs up before it says goodbye says it now.
            answer = not self._spoke
        if call.name == "transfer_call" and not ran.error:
            self.deaf = True
            answer = False
        link.session.tool_result(call.id, ran.text, answer=answer)
        if answer:
            link.owe_more()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
