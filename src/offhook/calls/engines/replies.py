"""The agent's side of one call: asks the responder, runs its tools, speaks, and knows what was said."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.early_reply import EarlyReply
from offhook.calls.engines.manner import Manner
from offhook.calls.engines.stopgap import Stopgap
from offhook.calls.engines.tool_calls import CALL_ENDS, ToolCalls
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.usage import reporter
from offhook.calls.engines.utterances import Utterances
from offhook.calls.listening import Ears
from offhook.calls.speaker import Phrases, Speaker
from offhook.calls.tools.base import Tool
from offhook.calls.tools.hold import caller_is_next
from offhook.calls.tools.runner import ToolRun
from offhook.calls.track import Track
from offhook.config import AgentSettings
from offhook.errors import ProviderError
from offhook.events import BargeIn, EndReason
from offhook.providers.llm.base import Message, Piece, TextDelta, ToolCall
from offhook.providers.llm.failover import FailoverFactory, FailoverResponder
from offhook.providers.standby import Standby

__all__ = ["PipelineParts", "Replies"]

log = structlog.get_logger(__name__)

_MOST_TOOL_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What the calls of one agent share, in one of its languages. `instructions` are those for language models, with
    places to be filled; None for those of the call. `languages` has the parts of all its languages, these included,
    and `voices` those that it may be given in a call."""

    agent: AgentSettings
    ears: Standby[Ears]
    phrases: Phrases
    responders: FailoverFactory
    tools: Iterable[Tool]
    instructions: str | None = None
    languages: Mapping[str, "PipelineParts"] = field(default_factory=dict, repr=False, compare=False)
    voices: Mapping[str, Phrases] = field(default_factory=dict)

    @property
    def voice_names(self) -> Collection[str]:
        """The names of these voices."""
        return self.voices


class Replies:
    """What the agent says and does. `ending` is why the call ends when all is said; None if it goes on. `deaf` is
    whether it no longer matters what the caller does."""

    def __init__(self, call: CallHandle, parts: PipelineParts, conversation: Conversation, utterances: Utterances):
        self._call = call
        self._agent = parts.agent
        self._playout = call.playout
        self._utterances = utterances
        self._watch = utterances.watch
        self.conversation = conversation
        self._speaker = self._speaker_of(parts.agent, parts.phrases)
        self._responder = self._responder_of(parts, call.facts.instructions)
        self._former: list[FailoverResponder] = []
        self._tools = ToolCalls(call, parts.tools, self.conversation, timeout_s=parts.agent.tool_timeout_s)
        self._stopgap = Stopgap(call, parts.agent, parts.phrases)
        self._reply: asyncio.Task[None] | None = None
        self._early: EarlyReply | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._spoke = False
        self._yields = False
        self.ending: EndReason | None = None
        self.deaf = False

    def change(self, before: Manner[PipelineParts], now: Manner[PipelineParts]) -> None:
        """Talk as `now` says from the next utterance on. What is being said is said to its end."""
        self.take_back()
        self._agent = now.agent
        if now.parts is not before.parts:
            self._former.append(self._responder)
            self._responder = self._responder_of(now.parts, now.instructions)
            self._tools.change(now.parts.tools, timeout_s=now.agent.tool_timeout_s)
        elif now.instructions != before.instructions:
            self._responder.instruct(now.instructions)
        self._tools.limit(now.tools)
        if now.parts is not before.parts or now.voice != before.voice:
            phrases = now.parts.phrases if now.voice is None else now.parts.voices[now.voice]
            self._speaker = self._speaker_of(now.agent, phrases)
            self._stopgap.change(now.agent, phrases)

    def _speaker_of(self, agent: AgentSettings, phrases: Phrases) -> Speaker:
        call = self._call
        return Speaker(
            phrases,
            call.playout,
            speed=agent.speed,
            on_trouble=lambda error: report_trouble(call, "speech", error),
            on_used=reporter(call, "tts"),
        )

    def _responder_of(self, parts: PipelineParts, instructions: str) -> FailoverResponder:
        call = self._call
        facts = replace(call.facts, instructions=instructions)
        return parts.responders.open(facts, lambda error: report_trouble(call, "reply", error), reporter(call, "llm"))

    @property
    def busy(self) -> bool:
        """Whether the agent speaks, or is about to."""
        return self._playout.active or self._replying or self._stopgap.busy

    @property
    def at_work(self) -> bool:
        """Whether there is more to be done than a reply."""
        return bool(self._tasks) or self._tools.running

    @property
    def _replying(self) -> bool:
        return self._reply is not None and not self._reply.done()

    # Replies

    def begin_early(self, text: str) -> None:
        """Let the responder answer `text` as if the caller had said no more; nothing is said or done."""
        self.take_back()
        if self._tools.running:
            return  # Its result belongs to the answer.
        messages = [*self.conversation.messages(), Message("caller", text)]
        pieces = self._responder.respond(messages, self._tools.specs)
        self._early = EarlyReply(messages, pieces, self._call.now_ms)

    def take_back(self) -> None:
        """Forget what was begun early."""
        if self._early is not None:
            self._early.cancel()
            self._early = None

    def answer(self) -> None:
        """Reply to the conversation as it is now, with what was begun early if that is a reply to it."""
        self._drop_reply()
        self._playout.flush()
        if self._early is not None and not self._early.answers(self.conversation.messages()):
            self.take_back()
        self._reply = asyncio.get_running_loop().create_task(self._respond())

    def go_on(self) -> None:
        """Answer the conversation as it is, behind what is still being said."""
        self._reply = asyncio.get_running_loop().create_task(self._respond())

    def say(self, line: str) -> None:
        """Say one line."""
        self._spawn(self._speak_line(line, self._begin_track()))

    def interrupt(self, onset_ms: int, stopped_ms: int) -> None:
        """Fall silent at once and drop everything: the caller's voice since `onset_ms` wants the floor."""
        self._drop_reply()
        self.take_back()
        track = self._playout.flush()
        if track is not None and track.started:
            call_id = self._call.facts.call_id
            self._call.emit(BargeIn(call_id, self._call.now_ms(), onset_ms, stopped_ms, track.heard_ms))
            self._utterances.finished(track)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` whatever the caller does; the call ends for `reason` when it is said."""
        self.deaf = True
        self.ending = reason
        self._tools.end_waits(CALL_ENDS)
        self.say(line)

    def tick(self, now_ms: int, *, caller_speaking: bool) -> None:
        """20 ms have passed: tools that waited for silence may run, and one that takes long gets a line."""
        silent = not (self._playout.active or caller_speaking)
        if silent:
            self._tools.all_heard()
        waiting = self._replying and self._tools.running and not self.deaf
        self._stopgap.tick(now_ms, waiting=waiting, silent=silent, first=self._tools.filler)

    async def close(self) -> None:
        """Stop everything."""
        if self._early is not None:
            await self._early.close()
        tasks = [task for task in (*self._tasks, self._reply) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stopgap.close()
        await self._tools.close()
        for responder in (*self._former, self._responder):
            await responder.close()

    def _drop_reply(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
        self._stopgap.stop()
        self._tools.call_off()

    async def _respond(self) -> None:
        self._spoke = self._yields = False
        try:
            await self._tools.settle()
            for _ in range(_MOST_TOOL_ROUNDS):
                if not await self._one_round():
                    return
            log.warning("the responder called tools without an end", rounds=_MOST_TOOL_ROUNDS)
        except ProviderError as error:
            report_trouble(self._call, "reply", error)
            self.say(self._agent.trouble_line)
        except Exception as error:  # noqa: BLE001 - a task's top
            report_trouble(self._call, "reply", error)
            self._call.end(EndReason.ERROR, str(error))

    async def _one_round(self) -> bool:
        """One answer of the responder; true if it called tools and wants to see their results."""
        track = self._begin_track()
        calls: list[ToolCall] = []
        async with aclosing(self._texts(calls)) as texts:
            await self._speaker.speak(texts, track)
        self._spoke = self._spoke or bool(track.text.strip())
        if not calls:
            return False
        self.conversation.agent_calls(track, tuple(calls))
        for call in calls:
            await self._tools.run(call, self._ran)
        return self.ending is None and not (self.deaf or self._yields)

    async def _texts(self, calls: list[ToolCall]) -> AsyncGenerator[str]:
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                if isinstance(piece, TextDelta):
                    self._watch.first_text(self._call.now_ms())
                    yield piece.text
                else:
                    calls.append(piece)
        # What was begun early is used up; the results of its tools are answered anew.
        self.take_back()

    def _pieces(self) -> AsyncGenerator[Piece]:
        early = self._early
        if early is None:
            return self._responder.respond(self.conversation.messages(), self._tools.specs)
        if early.first_text_ms is not None:
            self._watch.first_text(early.first_text_ms)
        return early.pieces()

    def _ran(self, call: ToolCall, ran: ToolRun) -> None:
        if call.name == "end_call" and not ran.error:
            self.ending = EndReason.AGENT_HUNG_UP
            if not self._spoke:
                self.say(self._agent.goodbye_line)
        if call.name == "transfer_call" and not ran.error:
            self.deaf = True
        self._yields = self._yields or caller_is_next(call.name, ran)

    # Tracks

    async def _speak_line(self, line: str, track: Track) -> None:
        try:
            await self._speaker.say(line, track)
        except ProviderError as error:
            report_trouble(self._call, "speech", error)

    def _begin_track(self) -> Track:
        track = self._playout.begin()
        self.conversation.agent_says(track)
        return track

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
