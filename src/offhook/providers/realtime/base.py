"""What a speech-to-speech provider must do: the caller's audio in, the agent's audio out, and what happened.

All audio is in the format of the call's leg, whatever the provider's wire speaks. Audio of the agent comes in items,
each one utterance; a provider that has no names for them makes some up. Nothing here says that there is one response at
a time, that audio comes at the pace it is heard, or that a text comes before its audio.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from offhook.audio.formats import AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import ProviderError
from offhook.providers.llm.base import CallFacts, Message, ToolCall, ToolSpec
from offhook.providers.usage import Usage

__all__ = [
    "RealtimeEvents",
    "RealtimeProvider",
    "RealtimeSession",
    "ResponseStatus",
    "TurnDetection",
    "Usage",
    "turns_of",
]

ResponseStatus = Literal["completed", "cancelled", "incomplete", "failed"]
"""How an answer ended: whole, stopped by the caller or by us, cut by a limit of the provider, or not given."""


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """How a provider tells that the caller's turn is over.

    `kind`: by silence, by what is said, or not at all; then `RealtimeSession.end_turn` tells it. `answers`: it answers
    a turn by itself. `interrupts`: a voice stops what it is generating. Providers use what they have.
    """

    kind: Literal["server_vad", "semantic_vad", "none"] = "server_vad"
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_ms: int | None = None
    idle_timeout_ms: int | None = None
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    answers: bool = True
    interrupts: bool = True


def turns_of(settings: RealtimeSettings) -> TurnDetection:
    """How the settings want turns to be told."""
    return TurnDetection(
        settings.turn_detection,
        threshold=settings.threshold,
        prefix_padding_ms=settings.prefix_padding_ms,
        silence_ms=settings.silence_ms,
        idle_timeout_ms=settings.idle_timeout_ms,
        eagerness=settings.eagerness,
    )


class RealtimeEvents(Protocol):
    """What a session tells. Called on the event loop; none of these blocks or raises.

    The times of the caller are ms of the audio given to `RealtimeSession.hear`. A provider without ears of its own for
    turns tells no speech. An item of the caller is one utterance of his.
    """

    def on_ready(self) -> None:
        """The session is as it was asked for. Comes once."""
        ...

    def on_sign(self) -> None:
        """It lives, and is at work on what is waited for, although there may be nothing to tell of that.

        Comes with everything the provider sends, and now and then while a model thinks."""
        ...

    def on_expiring(self, within_s: float) -> None:
        """The provider will end the session in so many seconds: another one should take its place before."""
        ...

    def on_speech_started(self, item_id: str, audio_ms: int) -> None:
        """The caller began to speak, an utterance that will be `item_id`. Whatever plays should stop."""
        ...

    def on_speech_stopped(self, item_id: str, audio_ms: int) -> None:
        """The caller's turn is over, and its answer is on its way if the provider answers by itself."""
        ...

    def on_caller_said(self, item_id: str, text: str, final: bool) -> None:
        """The words of the caller's item so far, in place of those told before. May come after the answer has begun."""
        ...

    def on_audio(self, item_id: str, audio: bytes) -> None:
        """More audio of an item of the agent: whole samples, any number, mostly faster than they are heard."""
        ...

    def on_agent_text(self, item_id: str, text: str, whole: bool) -> None:
        """More text of an item of the agent, to be joined without a separator; `whole` puts it in place of the rest.

        A provider that knows better than we what was heard of an item says that with `whole`."""
        ...

    def on_item_done(self, item_id: str) -> None:
        """All audio of an item of the agent was told. Its last text may come later."""
        ...

    def on_tool_call(self, call: ToolCall) -> None:
        """A tool is to be run. Its result goes to `RealtimeSession.tool_result`."""
        ...

    def on_response_done(self, status: ResponseStatus, detail: str) -> None:
        """An answer ended; tool calls of it were told before. `detail` is a reason in its words, or empty.

        A provider that does not know answers tells it when a model that was asked for something is silent again."""
        ...

    def on_interrupted(self) -> None:
        """The provider dropped, by itself, what it was saying: what was not yet heard of it must not be played."""
        ...

    def on_usage(self, usage: Usage) -> None:
        """What was used since the last time."""
        ...

    def on_failed(self, error: ProviderError) -> None:
        """The session is dead. Comes once, nothing comes after it, and it does not come after `RealtimeSession.close`.

        `retryable` tells whether a new session, with the conversation so far as its history, may go well."""
        ...


class RealtimeSession(Protocol):
    """One call at a speech-to-speech provider. No method but `close` waits, and none raises.

    What is asked for before the session is ready is done when it is; after its death nothing is done. No event comes
    from within a method.
    """

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of the caller's audio. Comes at the pace of the call, silence too."""
        ...

    def heard(self, item_id: str, ms: float) -> None:
        """The caller interrupted, and has heard `ms` of this item of the agent, 0 if nothing: forget the rest.

        For every item that was not heard to its end. Ones that were heard in full need no word."""
        ...

    def cancel(self) -> None:
        """Stop answering: no more audio and no more text is told of the answers under way."""
        ...

    def end_turn(self) -> None:
        """The caller's turn is over, as we judge: answer it. For `TurnDetection.kind` none, nothing otherwise."""
        ...

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell for this once, on top of those of the call; after what is being said."""
        ...

    def user_text(self, text: str) -> None:
        """The caller wrote `text`, or typed keys that it tells: answer that."""
        ...

    def tool_result(self, call_id: str, result: str, *, answer: bool = True) -> None:
        """The result of a tool, as JSON text. The provider goes on with it once it has all results of an answer.

        It does not if `answer` is False for all of them, as when a tool ended the call."""
        ...

    def update(
        self,
        *,
        instructions: str | None = None,
        voice: str | None = None,
        tools: Sequence[ToolSpec] | None = None,
        turns: TurnDetection | None = None,
        language: str | None = None,
    ) -> None:
        """Change what is given, from now on. A provider that cannot change it goes on as before and logs that.

        `language` is that of the caller's words as they are written down, empty where it is to be found out."""
        ...

    async def close(self) -> None:
        """The call needs it no more. Never raises."""
        ...


class RealtimeProvider(Protocol):
    """Opens sessions at one provider. One object serves all calls."""

    name: str

    @property
    def exhausted(self) -> float:
        """Seconds for which no session is worth opening, since the key's limits are used up; 0 while they are not."""
        ...

    def open(
        self,
        call: CallFacts,
        *,
        leg: AudioFormat,
        tools: Sequence[ToolSpec],
        history: Sequence[Message],
        events: RealtimeEvents,
    ) -> RealtimeSession:
        """Begin a session for `call`, whose audio is `leg` both ways, after the conversation that `history` is.

        Returns at once: the connection is made meanwhile, and what is heard before is kept, the latest of it."""
        ...

    async def warm_up(self) -> None:
        """A call is coming: open the connections it will need. Never raises."""
        ...

    async def check(self) -> None:
        """Whether the provider can be reached and takes the key. Raises ProviderError; not `retryable` for a key."""
        ...

    async def close(self) -> None:
        """Close what the sessions shared."""
        ...
