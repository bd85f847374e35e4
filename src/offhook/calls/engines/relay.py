"""The session at work in a call, and those that follow it: when one fails, or grows old."""

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import structlog

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.engines.debt import Debt
from offhook.calls.engines.expected import Opener
from offhook.calls.engines.manner import Manner
from offhook.calls.engines.realtime_parts import HandOver, RealtimeParts
from offhook.calls.engines.renewal import Heir, Renewal
from offhook.calls.engines.session_link import CallerListener, SessionLink, SessionOwner
from offhook.calls.engines.succession import Succession
from offhook.calls.engines.tool_calls import ToolCalls
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.utterances import Utterances
from offhook.errors import ProviderError
from offhook.events import EndReason
from offhook.providers.realtime.base import RealtimeProvider, TurnDetection
from offhook.providers.standby import Watched
from offhook.providers.tts.timing import Pace

__all__ = ["Relay"]

log = structlog.get_logger(__name__)

_NO_RIVAL_MS = 10_000
_RETRY_MS = 1_500
_MOST_RETRIES = 8


class Relay:
    """Has one session at work, `link`, and passes the call on to another. `owner` is told of a session that is lost,
    and orders its replacement. `replacing` is whether somebody waits for the next one."""

    def __init__(
        self,
        call: CallHandle,
        parts: RealtimeParts,
        conversation: Conversation,
        callers: CallerUtterances,
        owner: SessionOwner,
        *,
        listener: CallerListener,
        tools: ToolCalls,
        utterances: Utterances,
        hand_over: HandOver | None,
    ):
        self._call = call
        self._manner = Manner.of(call, parts)
        self._conversation = conversation
        self._callers = callers
        self._listener = listener
        self._owner = owner
        self._tools = tools
        self._utterances = utterances
        self._hand_over = hand_over
        self._succession = Succession(parts.providers)
        self._renewal = Renewal()
        self._pace = Pace()
        self._replacements: set[asyncio.Task[None]] = set()
        self._farewells: set[asyncio.Task[None]] = set()
        self._started = False
        self._failure: ProviderError | None = None
        self._retries = 0
        self._retry_at_ms: int | None = None
        self._heir: SessionLink | None = None
        self._note = ""
        self.debt = Debt(conversation, callers)
        self.replacing = False
        self.link = self._first()

    def start(self) -> None:
        """The call is answered."""
        self._started = True

    def hear(self, frame: bytes) -> None:
        """20 ms of the caller, for the session at work, and for the one that is about to be."""
        if self._started:
            self.link.session.hear(frame)
            if self._heir is not None:
                self._heir.session.hear(frame)

    def change(self, before: Manner[RealtimeParts], now: Manner[RealtimeParts]) -> None:
        """Have this session, and all that follow it, be as `now` says.

        A session keeps its voice; where that is to be another one, the next session takes over at a quiet moment."""
        turns = _turns(now)
        self._manner = now
        if now.parts is not before.parts:
            self._succession = Succession(now.parts.providers)
        retooled = now.parts is not before.parts or now.tools != before.tools
        pinned = now.language if now.agent.detect_language != "always" else ""
        for link in filter(None, (self.link, self._heir)):
            link.session.update(
                instructions=self._instructions if now.instructions != before.instructions else None,
                tools=self._tools.specs if retooled else None,
                turns=turns if turns != _turns(before) else None,
                language=pinned if now.language != before.language else None,
            )
        if (now.voice, now.agent.realtime) != (before.voice, before.agent.realtime):
            self._drop_heir()
            if self.link.expires_ms is None:
                self.link.expires_ms = math.inf

    def note(self, text: str) -> None:
        """From now on all sessions are to heed `text`, besides their instructions."""
        self._note = text
        for link in filter(None, (self.link, self._heir)):
            self._heed(link)

    def spoke(self) -> None:
        """The session at work gave sound: it serves."""
        self.debt.paid()
        self.replacing = False
        self._retries = 0
        self.link.watched.worked()
        self._succession.worked()

    def failed(self, problem: str) -> None:
        """The session at work did not do what it is there for: it is lost at the next beat.

        One that is dead of it tells that itself meanwhile, and whether another may do better."""
        self._failure = ProviderError(problem, provider=self.link.watched.name, retryable=True)

    def leave(self, error: ProviderError) -> bool:
        """The session at work is of no use any more; true if an answer was owed or under way."""
        report_trouble(self._call, "session", error)
        self.link.watched.failed(error)
        return self._leave()

    def replace(self, error: ProviderError, *, owed: bool) -> None:
        """Have another one go on after it was left for `error`."""
        self.replacing = owed or self.debt.any
        following = self._succession.after(self.link.watched, error, served_ms=self.link.served_ms)
        _spawn(self._replace(following, error), self._replacements)

    def tick(self, now_ms: int, *, quiet: bool, wanted: bool) -> None:
        """20 ms have passed; `quiet` while nobody speaks or waits, `wanted` unless the call ends soon anyway."""
        if self.link.stalled(self._limit_ms):
            self.failed("gives no sign of life")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self._owner.lost(failure)
        if not wanted:
            return
        if self._retry_at_ms is not None and now_ms >= self._retry_at_ms:
            self._retry_at_ms = None
            self._attach(self._succession.first())
        if not self.link.over:
            self._renew(now_ms, quiet=quiet)

    async def close(self) -> None:
        """Stop everything; the tools must be closed before."""
        self.link.leave()
        self._drop_heir()
        _spawn(self.link.session.close(), self._farewells)
        for task in self._replacements:
            task.cancel()
        await asyncio.gather(*self._replacements, *self._farewells, return_exceptions=True)

    # One after another

    def _leave(self) -> bool:
        link, self._failure = self.link, None
        owed = link.answering
        link.leave()
        self._drop_heir()
        self._renewal = Renewal()
        _spawn(link.session.close(), self._farewells)
        self.debt.broken = link.items.break_off() or self.debt.broken
        self._callers.gone()
        return owed

    async def _replace(self, following: Watched[RealtimeProvider] | None, error: ProviderError) -> None:
        self._tools.end_waits()
        # The next one cannot be given the result of a tool that it did not call, but it can be told of it.
        await self._tools.done()
        if self._owner.deaf:
            return
        if following is not None:
            self._attach(following)
        elif self._hand_over is not None and self._started:
            self._hand_over(replace(self.debt.so_far(self._utterances), change=self._manner.change))
        elif self._retries < _MOST_RETRIES:
            self._retries += 1
            self._retry_at_ms = self._call.now_ms() + _RETRY_MS
        else:
            self._call.end(EndReason.ERROR, str(error))

    def _attach(self, watched: Watched[RealtimeProvider]) -> None:
        self.link = self._opened(watched)
        if self._started:
            self.debt.pass_on(self.link)
        self.replacing = self.link.answering

    def _first(self) -> SessionLink:
        expected = self._manner.parts.expected
        taken = expected.take(self._call.facts, self._call.playout.format) if expected is not None else None
        return self._opened(*taken) if taken is not None else self._opened(self._succession.first())

    def _opened(self, watched: Watched[RealtimeProvider], opener: Opener | None = None) -> SessionLink:
        facts = replace(self._call.facts, instructions=self._manner.instructions)
        link = SessionLink(
            replace(self._call, facts=facts),
            watched,
            self._listener,
            self._owner,
            conversation=self._conversation,
            pace=self._pace,
            tools=self._tools.specs,
            begins_ms=self._callers.begins_ms,
            opener=opener,
        )
        if not self._manner.agent.turns.barge_in or self._manner.change.turns:
            link.session.update(turns=_turns(self._manner))
        if self._manner.voice is not None:
            link.session.update(voice=self._manner.voice)
        if self._note:
            self._heed(link)
        return link

    def _heed(self, link: SessionLink) -> None:
        link.session.update(instructions=self._instructions)

    @property
    def _instructions(self) -> str:
        return "\n\n".join(filter(None, (self._manner.instructions, self._note)))

    def _limit_ms(self) -> float:
        replaceable = self._hand_over is not None or self._succession.anyone_after(self.link.watched)
        return (
            1_000 * self.link.watched.stall_s if replaceable else max(_NO_RIVAL_MS, 1_000 * self.link.watched.stall_s)
        )

    # Growing old

    def _renew(self, now_ms: int, *, quiet: bool) -> None:
        heir = Heir(self._heir.ready, self._heir.stirred) if self._heir is not None else None
        match self._renewal.tick(now_ms, self.link.expires_ms, quiet=quiet, heir=heir):
            case "open":
                self._heir = self._opened(self._succession.first())
                self._heir.wait()
            case "drop":
                self._drop_heir()
            case "switch":
                self._switch()
            case "force":
                log.warning("a session is replaced in the middle of the talk", call_id=self._call.facts.call_id)
                self.replacing = self._leave() or self.debt.any
                first = self._succession.first()
                _spawn(self._replace(first, ProviderError("is too old", provider=first.name)), self._replacements)

    def _switch(self) -> None:
        old, heir = self.link, self._heir
        if heir is None:
            return
        self.link, self._heir = heir, None
        heir.take_over()
        old.leave()
        self._renewal = Renewal()
        self._callers.gone()
        _spawn(old.session.close(), self._farewells)
        log.info(
            "a session took the place of one that grew old",
            call_id=self._call.facts.call_id,
            provider=heir.watched.name,
            served_ms=old.served_ms,
        )

    def _drop_heir(self) -> None:
        heir, self._heir = self._heir, None
        if heir is not None:
            heir.leave()
            _spawn(heir.session.close(), self._farewells)


def _turns(manner: Manner[RealtimeParts]) -> TurnDetection:
    """How sessions are to take turns."""
    turns = manner.agent.turns
    told = replace(manner.parts.uninterrupted, interrupts=turns.barge_in)
    changed = manner.change.turns or {}
    return replace(
        told,
        silence_ms=turns.silence_ms if "silence_ms" in changed else told.silence_ms,
        prefix_padding_ms=turns.prefix_padding_ms if "prefix_padding_ms" in changed else told.prefix_padding_ms,
        threshold=turns.vad_threshold if "vad_threshold" in changed else told.threshold,
    )


def _spawn(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
