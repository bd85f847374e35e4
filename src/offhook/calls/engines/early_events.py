"""What a session tells before there is a call to tell it to."""

import asyncio
from collections.abc import Callable

from offhook.errors import ProviderError
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeEvents, ResponseStatus, Usage

__all__ = ["EarlyEvents"]


class EarlyEvents:
    """Keeps what it is told until there is somebody to `tell` it to, and passes it on from then. `on_death` is told of
    a death before that, and `failed` is its error."""

    def __init__(self, on_death: Callable[[ProviderError], None]) -> None:
        self.failed: ProviderError | None = None
        self._on_death = on_death
        self._kept: list[Callable[[RealtimeEvents], None]] = []
        self._to: RealtimeEvents | None = None

    def tell(self, events: RealtimeEvents) -> None:
        """Tell `events` from the loop's next turn on: a session tells nothing while it is opened."""
        asyncio.get_running_loop().call_soon(self._deliver, events)

    def on_ready(self) -> None:
        """It is there."""
        self._pass(lambda to: to.on_ready())

    def on_sign(self) -> None:
        """It lives, which nobody needs to know as long as nothing is asked of it."""
        if self._to is not None:
            self._to.on_sign()

    def on_expiring(self, within_s: float) -> None:
        """It ends soon."""
        self._pass(lambda to: to.on_expiring(within_s))

    def on_speech_started(self, item_id: str, audio_ms: int) -> None:
        """The caller speaks."""
        self._pass(lambda to: to.on_speech_started(item_id, audio_ms))

    def on_speech_stopped(self, item_id: str, audio_ms: int) -> None:
        """The caller's turn is over."""
        self._pass(lambda to: to.on_speech_stopped(item_id, audio_ms))

    def on_caller_said(self, item_id: str, text: str, final: bool) -> None:
        """Words of the caller."""
        self._pass(lambda to: to.on_caller_said(item_id, text, final))

    def on_audio(self, item_id: str, audio: bytes) -> None:
        """Sound of the agent."""
        self._pass(lambda to: to.on_audio(item_id, audio))

    def on_agent_text(self, item_id: str, text: str, whole: bool) -> None:
        """Words of the agent."""
        self._pass(lambda to: to.on_agent_text(item_id, text, whole))

    def on_item_done(self, item_id: str) -> None:
        """The end of an item's sound."""
        self._pass(lambda to: to.on_item_done(item_id))

    def on_tool_call(self, call: ToolCall) -> None:
        """A tool."""
        self._pass(lambda to: to.on_tool_call(call))

    def on_response_done(self, status: ResponseStatus, detail: str) -> None:
        """The end of an answer."""
        self._pass(lambda to: to.on_response_done(status, detail))

    def on_interrupted(self) -> None:
        """It dropped what it was saying."""
        self._pass(lambda to: to.on_interrupted())

    def on_usage(self, usage: Usage) -> None:
        """What is billed."""
        self._pass(lambda to: to.on_usage(usage))

    def on_failed(self, error: ProviderError) -> None:
        """It is dead."""
        if self._to is None:
            self.failed = error
            self._on_death(error)
        self._pass(lambda to: to.on_failed(error))

    def _pass(self, told: Callable[[RealtimeEvents], None]) -> None:
        if self._to is not None:
            told(self._to)
        else:
            self._kept.append(told)

    def _deliver(self, events: RealtimeEvents) -> None:
        self._to = events
        kept, self._kept = self._kept, []
        for told in kept:
            told(events)
