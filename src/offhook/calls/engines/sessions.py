"""The agent's side of a call with speech-to-speech sessions: what it says and does, and who goes on when one dies."""

import structlog

from offhook.calls.conversation import Conversation
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.caller_utterances import CallerUtterances
from offhook.calls.engines.manner import Manner
from offhook.calls.engines.prompts import keys_pressed, verbatim
from offhook.calls.engines.realtime_parts import HandOver, RealtimeParts
from offhook.calls.engines.relay import Relay
from offhook.calls.engines.session_link import CallerListener, SessionLink
from offhook.calls.engines.stopgap import Stopgap
from offhook.calls.engines.tool_calls import CALL_ENDS, ToolCalls
from offhook.calls.engines.utterances import Utterances
from offhook.calls.speaker import Phrases
from offhook.calls.tools.hold import Hold, caller_is_next
from offhook.calls.tools.runner import ToolRun
from offhook.calls.track import Track
from offhook.errors import ProviderError
from offhook.events import BargeIn, EndReason
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import ResponseStatus

__all__ = ["Sessions"]

log = structlog.get_logger(__name__)

_STARVED_MS = 1_000


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
        self._playout = call.playout
        self._callers = callers
        self._conversation = conversation
        self.utterances = Utterances(call)
        self.tools = ToolCalls(call, parts.tools, conversation, timeout_s=parts.agent.tool_timeout_s)
        self._stopgap = Stopgap(call, parts.agent, _phrases(parts), ask=self._say_meanwhile)
        self._spoke = False
        self.ending: EndReason | None = None
        self.deaf = False
        self._relay = Relay(
            call,
            parts,
            conversation,
            callers,
            self,
            listener=listener,
            tools=self.tools,
            utterances=self.utterances,
            hand_over=hand_over,
        )

    @property
    def link(self) -> SessionLink:
        """The session at work."""
        return self._relay.link

    @property
    def busy(self) -> bool:
        """Whether the agent speaks, or is about to."""
        return self._playout.active or self.link.answering or self._relay.replacing or self._stopgap.busy

    # What the call asks for

    def start(self, greeting: str) -> None:
        """Begin to listen, and to talk."""
        self._relay.start()
        if greeting:
            self.say(greeting)

    def hear(self, frame: bytes) -> None:
        """20 ms of the caller. What no longer matters is kept from the session: it would fall silent, or answer."""
        self._relay.hear(self._playout.format.silence if self.deaf else frame)

    def say(self, line: str) -> None:
        """Say one line, word for word."""
        self._relay.debt.line = line
        self.link.session.say(verbatim(line))
        self.link.owe_more()

    def tell(self, note: str) -> None:
        """Have the session heed `note` from now on, and every one that follows it."""
        self._relay.note(note)

    def change(self, before: Manner[RealtimeParts], now: Manner[RealtimeParts]) -> None:
        """Be as `now` says, this session and all that follow it."""
        if now.parts is not before.parts:
            self.tools.change(now.parts.tools, timeout_s=now.agent.tool_timeout_s)
            self._stopgap.change(now.agent, _phrases(now.parts))
        self.tools.limit(now.tools)
        self._relay.change(before, now)

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
        self._relay.debt.paid()
        self._relay.replacing = False
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
        self.tools.end_waits(CALL_ENDS)
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
        silent = not (self._playout.active or caller_speaking or self.deaf)
        quiet = silent and not (self.busy or self.tools.running) and self._callers.onset_ms is None
        self._relay.tick(now_ms, quiet=quiet, wanted=not self.deaf)
        waiting = self.tools.running or self._relay.replacing
        self._stopgap.tick(now_ms, waiting=waiting, silent=silent, first=self.tools.filler)

    async def close(self) -> None:
        """Stop everything."""
        self.link.leave()
        await self._stopgap.close()
        await self.tools.close()
        await self._relay.close()

    # What the session tells

    def wrote(self) -> None:
        """Text of the agent came."""
        self.utterances.watch.first_text(self._call.now_ms())

    def sounded(self) -> None:
        """Sound of the agent came."""
        self.utterances.watch.first_text(self._call.now_ms())
        self._spoke = True
        self._relay.spoke()
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
            self._relay.failed(f"gave no answer: {detail}")
        elif status != "cancelled":
            self.link.answered()
            self._relay.debt.paid()
            self._relay.replacing = False

    def lost(self, error: ProviderError) -> None:
        """The session is of no use any more: the next one goes on, or nobody if the call ends anyway."""
        owed = self._relay.leave(error)
        if not self.deaf:
            self._relay.replace(error, owed=owed)
        elif self.ending is not None:
            self._end_alone(self._relay.debt.line, self.ending)

    def _end_alone(self, line: str, reason: EndReason) -> None:
        """Say the last line without a session, if there is a voice and it was not begun."""
        self.ending = reason
        if line and not self._playout.active:
            self._stopgap.say(line)

    def _say_meanwhile(self, line: str) -> None:
        """Have the session say a line itself, unless it is about to say something. It owes none: a model that cannot
        speak while it waits for a tool is not dead."""
        if not (self.link.answering or self.link.over or self._relay.replacing):
            self.link.session.say(verbatim(line))

    # Tools

    def _ran(self, link: SessionLink, call: ToolCall, ran: ToolRun) -> None:
        ends = self.ending is not None and call.name == Hold.spec.name
        answer = not (ends or caller_is_next(call.name, ran))
        if call.name == "end_call" and not ran.error:
            self.ending = EndReason.AGENT_HUNG_UP
            self.tools.end_waits(CALL_ENDS)
            # A model that hangs up before it says goodbye says it now.
            answer = not self._spoke
        if call.name == "transfer_call" and not ran.error:
            self.deaf = True
            answer = False
        link.session.tool_result(call.id, ran.text, answer=answer)
        if answer:
            link.owe_more()


def _phrases(parts: RealtimeParts) -> Phrases | None:
    return parts.fallback.phrases if parts.fallback is not None else None
