"""One conversation with OpenAI's Live API: the server's events in, ours out, and what the call is told. No I/O.

The model has no turns: it listens and speaks all the time. What the call wants to know, an answer that began and ended,
an utterance of either side, is found here in the sound and the words.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import structlog

from offhook.audio.formats import AudioFormat
from offhook.errors import WireError
from offhook.providers.openai_events import Failure
from offhook.providers.realtime.base import RealtimeEvents, Usage
from offhook.providers.realtime.item_audio import decoded
from offhook.providers.realtime.key_limits import RateLimits
from offhook.providers.realtime.openai_live_backend import LiveBackend
from offhook.providers.realtime.openai_live_hearing import LiveHearing
from offhook.providers.realtime.openai_live_speech import LiveSpeech
from offhook.providers.realtime.openai_live_wire import commentary, failure_of, mismatch, pieces

__all__ = ["LiveDialogue"]

_log = structlog.get_logger(__name__)
_SAY = "offhook_say_"
_BEHIND_MS = 500
"""Sound for so long behind a wish may still be of what was said before."""
_CLOSED: Mapping[object, tuple[str, bool]] = {
    "expired": ("the session is too old", True),
    "content": ("a safety filter ended the session", False),
}


class LiveDialogue:
    """`clock_ms` is how much audio of the caller the session was given.

    Words of the caller may be answered within `grace_ms`; the model is free not to. Whatever else it was asked for must
    be, and silence is then no sign of life, unless the backend has been at work for less than `think_ms`.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        events: RealtimeEvents,
        *,
        wire: AudioFormat,
        leg: AudioFormat,
        limits: RateLimits,
        grace_ms: int,
        think_ms: int,
    ) -> None:
        self.clock_ms = 0
        self.ready = False
        self.expires_at: float | None = None
        """Unix time at which the session ends, once that is told."""
        self.closed = False
        self.backend = LiveBackend(send, events)
        self.hearing = LiveHearing(events)
        self.speech = LiveSpeech(events, wire=wire, leg=leg, clock=lambda: self.clock_ms, began=self._acts)
        self._send = send
        self._events = events
        self._wire = wire
        self._limits = limits
        self._grace_ms = grace_ms
        self._think_ms = think_ms
        self._says = count(1)
        self._asked = 0
        self._turn_over = False
        self._since_ms = 0
        self._acted_ms = -1
        self._busy_since_ms: int | None = None
        self._billed_s = 0.0
        self._handlers: dict[str, Callable[[Mapping[str, Any]], Failure | None]] = {
            "session.started": self._on_started,
            "session.closed": self._on_closed,
            "session.usage.updated": self._on_usage,
            "session.output_audio.delta": self._on_audio,
            "session.output_transcript.delta": self._on_agent_words,
            "session.input_transcript.delta": self._on_caller_words,
            "session.delegation.created": self._on_delegation,
            "response.event": self._on_backend,
            "error": self._on_error,
        }

    def take(self, event: Mapping[str, Any]) -> Failure | None:
        """An event of the server; gives what it is the end of the session by, if it is. Raises WireError."""
        handle = self._handlers.get(str(event["type"]))
        failure = handle(event) if handle else None
        if event["type"] != "session.output_audio.delta":
            self._events.on_sign()
        if failure is None:
            self._look()
        return failure

    def settle(self, event: Mapping[str, Any]) -> None:
        """An event behind our farewell, of which only the bill counts."""
        if event["type"] in ("session.usage.updated", "session.closed"):
            self._handlers[str(event["type"])](event)

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell."""
        for piece in pieces(instructions):
            self._send(commentary(piece, f"{_SAY}{next(self._says)}"))
        self._ask()

    def user_text(self, text: str) -> None:
        """The caller wrote `text`."""
        self.backend.user_text(text)
        self._ask()

    def tool_result(self, call_id: str, result: str, *, answer: bool) -> None:
        """The result of a tool."""
        if self.backend.result(call_id, result, answer=answer) and answer:
            self._ask()

    def cancel(self) -> None:
        """Nothing that was asked for is wanted any more."""
        self._asked, self._turn_over = 0, False
        self.speech.drop()

    def _ask(self) -> None:
        self.speech.expect()
        self._asked += 1
        self._since_ms = self.clock_ms

    def _acts(self) -> None:
        """The model speaks, or has something done: it took the caller's turn for over."""
        self._acted_ms = self.clock_ms
        if self.hearing.over(self.clock_ms):
            self._turn_over = True
            self._since_ms = self.clock_ms

    def _look(self) -> None:
        """See what is over by now."""
        if self.hearing.look(self.clock_ms, agent_speaking=self.speech.speaking):
            self._turn_over = True
            self._since_ms = self.clock_ms
        thinking = self.backend.busy and not self.backend.waiting
        self._busy_since_ms = (self._busy_since_ms or self.clock_ms) if thinking else None
        if self.speech.speaking or self.backend.busy:
            return
        spoke = self.speech.began_at_ms >= self._since_ms or self.speech.voiced_at_ms >= self._since_ms + _BEHIND_MS
        let_be = not self._asked and self.clock_ms - self._since_ms >= self._grace_ms
        if (self._asked or self._turn_over) and (spoke or let_be):
            self._conclude()

    def _conclude(self) -> None:
        """Once for each that was asked for: who waits for two answers may get one to both."""
        asked, self._asked, self._turn_over = max(1, self._asked), 0, False
        for _ in range(asked):
            self._events.on_response_done("completed", "")

    def _on_started(self, event: Mapping[str, Any]) -> Failure | None:
        session = event.get("session")
        if problem := mismatch(self._wire, session):
            return Failure(problem, "", fatal=True, retryable=False)
        if isinstance(session, dict) and isinstance(session.get("expires_at"), int | float):
            self.expires_at = session["expires_at"]
        self.ready = True
        return None

    def _on_closed(self, event: Mapping[str, Any]) -> Failure | None:
        self._on_usage(event)
        self.closed = True
        reason = event.get("reason")
        text, retryable = _CLOSED.get(reason, (f"the session was closed ({reason})", True))
        return Failure(text, str(reason), fatal=True, retryable=retryable)

    def _on_usage(self, event: Mapping[str, Any]) -> Failure | None:
        """The seconds are those of the whole session. Where there are fewer than before, they are not, whatever the
        reference says; then they come on top."""
        usage = event.get("usage")
        seconds = usage.get("seconds") if isinstance(usage, dict) else None
        if not isinstance(seconds, int | float) or seconds < 0:
            return None
        total = seconds if seconds >= self._billed_s else self._billed_s + seconds
        if total > self._billed_s:
            self._events.on_usage(Usage(seconds=total - self._billed_s))
        self._billed_s = total
        return None

    def _on_audio(self, event: Mapping[str, Any]) -> Failure | None:
        if self.speech.sound(decoded(event.get("delta"))) or not self._owes():
            self._events.on_sign()
        return None

    def _owes(self) -> bool:
        """Whether there should be something by now, and not silence."""
        if self._busy_since_ms is not None:
            return self.clock_ms - self._busy_since_ms >= self._think_ms
        return not self.backend.waiting

    def _on_agent_words(self, event: Mapping[str, Any]) -> Failure | None:
        self.speech.write(str(event.get("delta") or ""), _ms(event, "start_ms"))
        return None

    def _on_caller_words(self, event: Mapping[str, Any]) -> Failure | None:
        text = str(event.get("delta") or "")
        start_ms, end_ms = _ms(event, "start_ms"), _ms(event, "end_ms")
        if text:
            # They may come behind what the model does about them.
            answered = start_ms < self._acted_ms
            self.hearing.words(text, start_ms, end_ms, self.clock_ms, answered=answered)
        return None

    def _on_delegation(self, event: Mapping[str, Any]) -> Failure | None:
        self._acts()
        return None

    def _on_backend(self, event: Mapping[str, Any]) -> Failure | None:
        called, failure = self.backend.take(event)
        if called:
            self._conclude()
        if failure is not None:
            self._limits.failed(failure.code, failure.text)
            self._events.on_response_done("failed", failure.text)
            return failure if failure.fatal else None
        return None

    def _on_error(self, event: Mapping[str, Any]) -> Failure | None:
        failure = failure_of(event)
        self._limits.failed(failure.code, failure.text)
        if failure.fatal or not self.ready:
            return Failure(failure.text, failure.code, fatal=True, retryable=failure.retryable, quotes=failure.quotes)
        _log.warning("provider objects", code=failure.code, quotes=failure.quotes)
        if failure.quotes.startswith(_SAY) or self.backend.refused(failure.quotes):
            self._asked = max(0, self._asked - 1)
            self._events.on_response_done("failed", failure.text)
        return None


def _ms(event: Mapping[str, Any], name: str) -> int:
    """A time of the session. Raises WireError."""
    value = event.get(name)
    if not isinstance(value, int | float):
        raise WireError(f"{event['type']} without {name}")
    return int(value)
