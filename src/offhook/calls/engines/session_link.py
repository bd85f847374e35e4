"""One session of a call at one provider: what it says, what it tells, and whether it keeps the call waiting."""

from collections.abc import Callable
from typing import Protocol

from offhook.audio.formats import FRAME_MS
from offhook.calls.conversation import Conversation
from offhook.calls.engines.agent_items import AgentItems
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.usage import reporter
from offhook.errors import ProviderError
from offhook.events import EndReason
from offhook.providers.llm.base import ToolCall, ToolSpec
from offhook.providers.realtime.base import RealtimeEvents, RealtimeProvider, RealtimeSession, ResponseStatus
from offhook.providers.standby import Watched
from offhook.providers.tts.timing import Pace
from offhook.providers.usage import Usage

__all__ = ["CallerListener", "SessionLink", "SessionOwner"]


class CallerListener(Protocol):
    """Who is told what a session hears. Times are ms of the call."""

    def speech_started(self, item_id: str, at_ms: int) -> None:
        """The caller began to speak."""
        ...

    def speech_stopped(self, item_id: str, at_ms: int) -> None:
        """The caller's turn is over."""
        ...

    def caller_said(self, item_id: str, text: str, *, final: bool) -> None:
        """The words of an item so far."""
        ...

    def interrupted(self) -> None:
        """The session dropped what it was saying."""
        ...


class SessionOwner(Protocol):
    """Who answers for a session's answers. `deaf` is whether the call ends with what is being said, so that one that is
    lost need not be replaced."""

    deaf: bool

    def wrote(self) -> None:
        """Text of the agent came."""
        ...

    def sounded(self) -> None:
        """Sound of the agent came."""
        ...

    def tool_called(self, call: ToolCall) -> None:
        """A tool is to be run."""
        ...

    def response_done(self, status: ResponseStatus, detail: str) -> None:
        """An answer ended."""
        ...

    def lost(self, error: ProviderError) -> None:
        """The session is dead."""
        ...


class SessionLink:
    """One session, from its opening until it is left. `begins_ms` is where its audio begins, in ms of the caller's;
    `opener` gives a session that is open already."""

    def __init__(
        self,
        call: CallHandle,
        watched: Watched[RealtimeProvider],
        listener: CallerListener,
        owner: SessionOwner,
        *,
        conversation: Conversation,
        pace: Pace,
        tools: tuple[ToolSpec, ...],
        begins_ms: int,
        opener: Callable[[RealtimeEvents], RealtimeSession] | None = None,
    ):
        self.watched = watched
        self.items = AgentItems(call.playout, conversation, pace)
        self._call = call
        self._listener = listener
        self._owner = owner
        self._begins_ms = begins_ms
        self._on_used = reporter(call, "realtime")
        self._opened_ms = self._sign_ms = call.now_ms()
        self.over = False
        self.answering = False
        """Whether an answer is owed, or under way."""
        self._more_owed = False
        self._waits = False
        self.ready = False
        self.stirred = False
        """Whether it told anything, or died, while it waited to take over."""
        self.expires_ms: float | None = None
        """When its provider ends it, in ms of the call, once that is told."""
        self.session: RealtimeSession = (
            opener(self)
            if opener is not None
            else watched.provider.open(
                call.facts, leg=call.playout.format, tools=tools, history=conversation.messages(), events=self
            )
        )

    @property
    def served_ms(self) -> int:
        """How long it has been there."""
        return self._call.now_ms() - self._opened_ms

    def wait(self) -> None:
        """It is to be ready, but another one serves: nothing that it tells counts yet."""
        self._waits = True

    def take_over(self) -> None:
        """From now on it serves."""
        self._waits = False
        self._opened_ms = self._sign_ms = self._call.now_ms()

    def owe(self) -> None:
        """From now on it keeps somebody waiting."""
        self.answering = not self.over
        self._sign_ms = self._call.now_ms()

    def owe_more(self) -> None:
        """It is to say something behind an answer that may be under way."""
        self._more_owed = self.answering
        self.owe()

    def answered(self) -> None:
        """An answer is whole."""
        self.answering, self._more_owed = self._more_owed, False

    def silent_since(self, ms: int) -> bool:
        """Whether it has given no sign since `ms` of the call."""
        return self._sign_ms < ms

    def stalled(self, limit_ms: Callable[[], float]) -> bool:
        """Whether it gave no sign for `limit_ms`, which is no shorter than its usual patience, while it was waited for
        and nothing of it was left to be heard."""
        silent_ms = self._call.now_ms() - self._sign_ms
        # Asked at every beat, and seldom true: what is cheap to know comes first.
        if self.over or silent_ms <= 1_000 * self.watched.stall_s:
            return False
        waited_for = not self.ready or (self.answering and self._call.playout.queued_ms < FRAME_MS)
        return waited_for and silent_ms > limit_ms()

    def leave(self) -> None:
        """Nothing that it tells counts any more."""
        self.over = True
        self.forgive()

    def forgive(self) -> None:
        """Nothing is owed any more."""
        self.answering = self._more_owed = False

    # What the session tells

    def on_ready(self) -> None:
        """It is there."""
        self.ready = True
        self._sign_ms = self._call.now_ms()

    def on_sign(self) -> None:
        """It is at work."""
        if not self.over:
            self._sign_ms = self._call.now_ms()

    def on_expiring(self, within_s: float) -> None:
        """It will be ended."""
        self.expires_ms = self._call.now_ms() + 1_000 * within_s

    def on_speech_started(self, item_id: str, audio_ms: int) -> None:
        """The caller speaks."""
        self._tell(lambda: self._listener.speech_started(item_id, self._begins_ms + audio_ms))

    def on_speech_stopped(self, item_id: str, audio_ms: int) -> None:
        """The caller's turn is over."""
        self._tell(lambda: self._listener.speech_stopped(item_id, self._begins_ms + audio_ms))

    def on_caller_said(self, item_id: str, text: str, final: bool) -> None:
        """Words of the caller."""
        self._tell(lambda: self._listener.caller_said(item_id, text, final=final))

    def on_audio(self, item_id: str, audio: bytes) -> None:
        """Sound of the agent."""
        self._tell(lambda: self._owner.sounded() if self.items.audio(item_id, audio) else None)

    def on_agent_text(self, item_id: str, text: str, whole: bool) -> None:
        """Words of the agent."""
        self._tell(lambda: self._owner.wrote() if self.items.text(item_id, text, whole=whole) else None)

    def on_item_done(self, item_id: str) -> None:
        """The end of an item's sound."""
        self._tell(lambda: self.items.done(item_id))

    def on_tool_call(self, call: ToolCall) -> None:
        """A tool."""
        self._tell(lambda: self._owner.tool_called(call))

    def on_response_done(self, status: ResponseStatus, detail: str) -> None:
        """The end of an answer."""
        self._tell(lambda: self._owner.response_done(status, detail))

    def on_interrupted(self) -> None:
        """It dropped what it was saying."""
        self._tell(self._listener.interrupted)

    def on_usage(self, usage: Usage) -> None:
        """What is billed."""
        self._on_used(self.watched, usage)

    def on_failed(self, error: ProviderError) -> None:
        """It is dead."""
        if self._waits and not self.over:
            self.watched.failed(error)
        self._tell(lambda: self._owner.lost(error))

    def _tell(self, told: Callable[[], None]) -> None:
        if self.over:
            return
        if self._waits:
            self.stirred = True
            return
        self._sign_ms = self._call.now_ms()
        try:
            told()
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call, not the session's connection
            report_trouble(self._call, "session", error)
            self._call.end(EndReason.ERROR, str(error))
