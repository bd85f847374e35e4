"""The model behind GPT-Live's voice, which thinks and calls tools: what it runs, and what it is waiting for. No I/O."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import orjson
import structlog

from offhook.errors import WireError
from offhook.providers.llm.base import ToolCall
from offhook.providers.openai_events import Failure
from offhook.providers.realtime.base import RealtimeEvents
from offhook.providers.realtime.openai_live_wire import response_create, tool_output, usage_of, user_message

__all__ = ["GO_ON", "LiveBackend"]

_log = structlog.get_logger(__name__)
GO_ON = "offhook_go_on_"
"""What our ids of the events begin with that let the backend go on."""
_NOT_AN_OBJECT = '{"error":"the arguments are not a JSON object"}'
_TOO_LONG = '{"error":"the result is too long to be read: ask for less"}'
_MOST_BYTES = 30_000
_LONGEST_BYTES = 8_000
_MOST_ITEMS = 120
_NEARLY = 0.7
_FULL_WITHIN_S = 120.0


class LiveBackend:
    """Tells `events` of its tool calls, and answers by `send`.

    It has one chain of answers. It is let go on once, when nothing of it runs any more and every call has its result.
    All that it is given in a session may be 128 items and 32,768 bytes: a result that is too long is replaced by a
    word on that, and before there is no room left another session is asked for.
    """

    def __init__(self, send: Callable[[str], None], events: RealtimeEvents) -> None:
        self._send = send
        self._events = events
        self._running: dict[str, set[str]] = {}
        self._open: set[str] = set()
        self._wanted = False
        self._asked = ""
        self._numbers = count(1)
        self._items = self._bytes = 0
        self._filling = False

    @property
    def busy(self) -> bool:
        """Whether it is at work, or waits for results."""
        return bool(self._running or self._asked or self._open)

    @property
    def waiting(self) -> bool:
        """Whether it waits for results."""
        return bool(self._open)

    def take(self, told: Mapping[str, Any]) -> tuple[bool, Failure | None]:
        """An event `response.event`: whether an answer ended with calls of tools, and why one failed. Raises
        WireError."""
        event = told.get("event")
        if not isinstance(event, dict):
            raise WireError("a response.event without an event")
        delegation, response = str(told.get("delegation_id") or ""), event.get("response")
        match event.get("type"):
            case "response.created":
                self._asked = ""
                self._running[delegation] = set()
            case "response.output_item.done":
                self._item(delegation, event.get("item"))
            case "response.completed" | "response.incomplete":
                return self._completed(delegation, response), None
            case "response.failed" | "error":
                return False, self._failed(delegation, event)
        return False, None

    def result(self, call_id: str, result: str, *, answer: bool) -> bool:
        """The result of a tool; false if no call waits for one."""
        if call_id not in self._open:
            _log.debug("a result that no tool call waits for", call_id=call_id)
            return False
        self._open.discard(call_id)
        self._give(tool_output(call_id, result), instead=tool_output(call_id, _TOO_LONG))
        self._wanted |= answer
        self._go_on()
        return True

    def user_text(self, text: str) -> None:
        """The caller wrote `text`."""
        self._give(user_message(text), instead="")
        self._wanted = True
        self._go_on()

    def refused(self, event_id: str) -> bool:
        """The server would not do what event `event_id` asked for; true if that was to go on."""
        if not event_id or event_id != self._asked:
            return False
        self._asked = ""
        return True

    def _completed(self, delegation: str, response: object) -> bool:
        calls = self._running.pop(delegation, set())
        if usage := usage_of(response):
            self._events.on_usage(usage)
        self._go_on()
        return bool(calls)

    def _failed(self, delegation: str, event: Mapping[str, Any]) -> Failure:
        # It forgets the calls of the answer, and refuses their results.
        self._open -= self._running.pop(delegation, set())
        self._asked = ""
        response = event.get("response")
        error = (response.get("error") if isinstance(response, dict) else event.get("error")) or event
        return Failure.of({"error": error})

    def _item(self, delegation: str, item: object) -> None:
        if not isinstance(item, dict) or item.get("type") != "function_call":
            return
        call_id = str(item.get("call_id") or "")
        if not call_id or call_id in self._open:
            return
        self._open.add(call_id)
        self._running.setdefault(delegation, set()).add(call_id)
        try:
            arguments = orjson.loads(str(item.get("arguments") or "{}"))
        except orjson.JSONDecodeError:
            arguments = None
        if isinstance(arguments, dict):
            self._events.on_tool_call(ToolCall(call_id, str(item.get("name") or ""), arguments))
        else:
            self.result(call_id, _NOT_AN_OBJECT, answer=True)

    def _go_on(self) -> None:
        if self._wanted and not self.busy:
            self._wanted = False
            self._asked = f"{GO_ON}{next(self._numbers)}"
            self._send(response_create(self._asked))

    def _give(self, event: str, *, instead: str) -> None:
        length = len(event.encode())
        if instead and length > min(_LONGEST_BYTES, _MOST_BYTES - self._bytes):
            _log.warning("a tool's result is too long for the session", size=length)
            event, length = instead, len(instead)
        self._items += 1
        self._bytes += length
        self._send(event)
        if not self._filling and max(self._items / _MOST_ITEMS, self._bytes / _MOST_BYTES) > _NEARLY:
            self._filling = True
            self._events.on_expiring(_FULL_WITHIN_S)
