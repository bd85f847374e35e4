"""One conversation with OpenAI's Realtime API: the server's events in, ours out, and what the call is told. No I/O."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import structlog

from offhook.audio.formats import AudioFormat
from offhook.errors import WireError
from offhook.providers.http import FATAL_CODES
from offhook.providers.llm.base import ToolCall
from offhook.providers.openai_events import COMMIT, SESSION_UPDATE, Failure
from offhook.providers.realtime.base import RealtimeEvents, ResponseStatus, TurnDetection
from offhook.providers.realtime.key_limits import RATE_LIMIT, RateLimits
from offhook.providers.realtime.openai_answers import Answer, Answers
from offhook.providers.realtime.openai_hearing import CallerSpeech
from offhook.providers.realtime.openai_speech import AgentSpeech
from offhook.providers.realtime.openai_unbilled import Unbilled
from offhook.providers.realtime.openai_wire import (
    cancel,
    create_response,
    differences,
    event_kind,
    merged,
    mismatch,
    session_update,
    tool_output,
    turn_detection,
    usage_of,
    user_message,
    writer_of,
)

__all__ = ["Dialogue"]

_log = structlog.get_logger(__name__)
_BENIGN = frozenset(
    {
        "response_cancel_not_active",
        "conversation_already_has_active_response",
        "input_audio_buffer_commit_empty",
    }
)
_UPDATE = "offhook_update_"
_BUSY = "conversation_already_has_active_response"
_HOPELESS = FATAL_CODES | {RATE_LIMIT}
"""Failures of an answer after which another attempt is of no use."""
_STATUSES: Mapping[object, ResponseStatus] = {
    "completed": "completed",
    "cancelled": "cancelled",
    "incomplete": "incomplete",
    "failed": "failed",
}
_NOT_AN_OBJECT = '{"error":"the arguments are not a JSON object"}'


class Dialogue:
    """Begins with the `session` object and the events of the `history`, at the first word of the server.

    `send` takes events, and is asked for nothing but that. The caller's audio is no part of it.
    """

    def __init__(
        self,
        send: Callable[[str], None],
        events: RealtimeEvents,
        *,
        model: str,
        session: Mapping[str, Any],
        turns: TurnDetection,
        history: Iterable[str],
        wire: AudioFormat,
        leg: AudioFormat,
        limits: RateLimits,
    ) -> None:
        self.ready = False
        self._send = send
        self._events = events
        self._model = model
        self._session = session
        self._instructions = str(session["instructions"])
        self._limits = limits
        self._unsent = list(history)
        self._answers = Answers()
        self.hearing = CallerSpeech(events, self._answers, turns, writer_of(session))
        self._speech = AgentSpeech(events, self._answers, wire=wire, leg=leg)
        self._unbilled = Unbilled(wire)
        self._updates = count(1)
        self._configured = False
        self._unconfirmed: dict[str, Mapping[str, Any]] = {}
        self._failures = 0
        self._handlers: dict[str, Callable[[Mapping[str, Any]], Failure | None]] = {
            "session.created": self._on_created,
            "session.updated": self._on_updated,
            "error": self._on_error,
            "rate_limits.updated": self._on_limits,
            "response.created": self._on_response_created,
            "response.output_item.done": self._on_item_done,
            "response.done": self._on_response_done,
        }

    @property
    def waiting(self) -> bool:
        """Whether the server should be about to say something."""
        return not self.ready or self._answers.waiting

    @property
    def thinking(self) -> bool:
        """Whether an answer began, and nothing of it came yet."""
        return any(not answer.gave for answer in self._answers.active)

    def take(self, event: Mapping[str, Any]) -> Failure | None:
        """An event of the server; gives what it is the end of the session by, if it is. Raises WireError."""
        kind = event_kind(event)
        failure = None
        self._unbilled.take(kind, event)
        if tell := self.hearing.handlers.get(kind) or self._speech.handlers.get(kind):
            tell(event)
        elif handle := self._handlers.get(kind):
            failure = handle(event)
        self._ask()
        return failure

    def leave(self) -> None:
        """The session is over: what an answer under way has used is an estimate."""
        if usage := self._unbilled.rest():
            self._events.on_usage(usage)

    def heard(self, item: str, ms: float) -> None:
        """The caller interrupted, and has heard so much of this item."""
        if event := self._speech.heard(item, ms):
            self._give(event)

    def cancel(self) -> None:
        """Stop all answers."""
        self._answers.forget_wants()
        for answer in self._answers.active:
            self._cancel(answer)

    def end_turn(self) -> None:
        """The caller's turn is over: what was heard is to be answered."""
        if self.hearing.turns.kind == "none":
            self._give(COMMIT)
            self._want()

    def say(self, instructions: str) -> None:
        """Speak, as `instructions` tell on top of those of the call."""
        self._want("\n\n".join(part for part in (self._instructions, instructions) if part))

    def user_text(self, text: str) -> None:
        """The caller wrote `text`."""
        self._give(user_message(text))
        self._want()

    def tool_result(self, call_id: str, result: str, *, answer: bool) -> None:
        """The result of a tool."""
        if not self._answers.result(call_id, answer=answer):
            _log.debug("a result that no tool call waits for", call_id=call_id)
            return
        self._give(tool_output(call_id, result))
        self._ask()

    def update(self, changes: Mapping[str, Any], turns: TurnDetection | None) -> None:
        """Change the session object by `changes`, and how turns are told to `turns`."""
        changes = dict(changes)
        self._instructions = str(changes.get("instructions", self._instructions))
        if turns:
            self.hearing.turns = turns
            audio = changes.setdefault("audio", {})
            audio["input"] = {**audio.get("input", {}), "turn_detection": turn_detection(turns)}
        before, self._session = self._session, merged(self._session, changes)
        if changes and self._configured:
            event_id = f"{_UPDATE}{next(self._updates)}"
            self._unconfirmed[event_id] = before
            self._give(session_update(changes, event_id))

    def _want(self, instructions: str = "") -> None:
        self._answers.want(instructions)
        self._ask()

    def _ask(self) -> None:
        if self.ready and (want := self._answers.next()):
            self._send(create_response(want.id, want.instructions))

    def _give(self, event: str) -> None:
        if self.ready:
            self._send(event)
        else:
            self._unsent.append(event)

    def _cancel(self, answer: Answer) -> None:
        answer.dropped = True
        self._give(cancel(answer.id))

    def _on_created(self, event: Mapping[str, Any]) -> Failure | None:
        self._configured = True
        self._send(session_update(self._session, SESSION_UPDATE))
        return None

    def _on_updated(self, event: Mapping[str, Any]) -> Failure | None:
        if self.ready:
            self._confirm(event.get("session"))
            return None
        if problem := mismatch(self._session, self._model, event.get("session")):
            return Failure(problem, "", fatal=True, retryable=False)
        self.ready = True
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self._send(message)
        if not self._unconfirmed:
            self._compare(event.get("session"))
        self._events.on_ready()
        return None

    def _confirm(self, session: object) -> None:
        """The oldest of our changes was made; the session that is told has none of the later ones."""
        if self._unconfirmed:
            self._unconfirmed.pop(next(iter(self._unconfirmed)))
        if not self._unconfirmed:
            self._compare(session)

    def _compare(self, session: object) -> None:
        if unlike := differences(self._session, session):
            _log.warning("the provider's session is not as it was asked for", model=self._model, settings=unlike)

    def _on_error(self, event: Mapping[str, Any]) -> Failure | None:
        failure = Failure.of(event)
        self._limits.failed(failure.code, failure.text)
        if failure.fatal:
            return failure
        tell = _log.debug if failure.code in _BENIGN else _log.warning
        tell("provider objects", code=failure.code, quotes=failure.quotes)
        if failure.quotes in self._unconfirmed:
            self._session = self._unconfirmed.pop(failure.quotes)
        refused = self._answers.refused(failure.quotes, later=failure.code == _BUSY)
        if refused and failure.code != _BUSY:
            self._events.on_response_done("failed", failure.text)
        return None

    def _on_limits(self, event: Mapping[str, Any]) -> Failure | None:
        self._limits.take(event)
        return None

    def _on_response_created(self, event: Mapping[str, Any]) -> Failure | None:
        answer_id, request, _ = _response(event)
        answer, cancelled = self._answers.begin(answer_id, request)
        if cancelled:
            self._cancel(answer)
        return None

    def _on_item_done(self, event: Mapping[str, Any]) -> Failure | None:
        item = event.get("item")
        if isinstance(item, dict):
            self._end_item(self._answers.get(str(event.get("response_id"))), item)
        return None

    def _on_response_done(self, event: Mapping[str, Any]) -> Failure | None:
        answer_id, request, response = _response(event)
        answer = self._answers.end(answer_id, request)
        output = response.get("output")
        for item in output if isinstance(output, list) else ():
            if isinstance(item, dict):
                self._end_item(answer, item)
        self._speech.end_all(answer)
        if usage := usage_of(response):
            self._unbilled.billed(usage)
            self._events.on_usage(usage)
        return self._conclude(answer, response)

    def _conclude(self, answer: Answer, response: Mapping[str, Any]) -> Failure | None:
        status = _STATUSES.get(response.get("status"), "completed")
        details = response.get("status_details")
        details = details if isinstance(details, dict) else {}
        if status == "failed":
            return self._on_failed(answer, details)
        reason = str(details.get("reason") or "")
        self._failures = 0
        if reason == "turn_detected" and not answer.dropped:
            self._events.on_interrupted()
        self._events.on_response_done(status, reason)
        self._answers.settle(answer)
        return None

    def _on_failed(self, answer: Answer, details: Mapping[str, Any]) -> Failure | None:
        error = details.get("error")
        failure = Failure.of({"error": error if isinstance(error, dict) else {}})
        self._failures += 1
        if self._failures == 1 and not answer.gave and not failure.fatal and failure.code not in _HOPELESS:
            # Nothing was said: the caller need not know that it takes two attempts.
            _log.warning("an answer failed, asking once more", code=failure.code)
            self._answers.want(answer.instructions)
            return None
        self._events.on_response_done("failed", failure.text)
        self._limits.failed(failure.code, failure.text)
        if failure.fatal or failure.code in _HOPELESS or self._failures > 1:
            return replace(failure, fatal=True, retryable=failure.retryable and failure.code not in FATAL_CODES)
        return None

    def _end_item(self, answer: Answer, item: Mapping[str, Any]) -> None:
        if item.get("type") == "function_call":
            self._call(answer, item)
        else:
            self._speech.end(str(item.get("id")))

    def _call(self, answer: Answer, item: Mapping[str, Any]) -> None:
        call_id, complete = str(item.get("call_id") or ""), item.get("status", "completed") == "completed"
        if not call_id or call_id in answer.told or answer.dropped or not complete:
            return
        answer.gave = True
        answer.told.add(call_id)
        try:
            arguments = orjson.loads(str(item.get("arguments") or "{}"))
        except orjson.JSONDecodeError:
            arguments = None
        if isinstance(arguments, dict):
            answer.calls.add(call_id)
            self._events.on_tool_call(ToolCall(call_id, str(item.get("name") or ""), arguments))
        else:
            answer.goes_on = True
            self._give(tool_output(call_id, _NOT_AN_OBJECT))


def _response(event: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """Its id, which request of ours it quotes, and all of it. Raises WireError."""
    response = event.get("response")
    if not isinstance(response, dict):
        raise WireError(f"{event['type']} without a response")
    metadata = response.get("metadata")
    request = metadata.get("request") if isinstance(metadata, dict) else None
    return str(response.get("id")), str(request or ""), response
