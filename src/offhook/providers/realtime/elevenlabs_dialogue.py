"""One conversation with an agent at ElevenLabs: what the server's messages mean for the call. No I/O, no clock."""

import binascii
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import structlog

from offhook.audio.formats import AudioFormat
from offhook.errors import WireError
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeEvents, ResponseStatus
from offhook.providers.realtime.elevenlabs_wire import event_in, pong, tool_result
from offhook.providers.realtime.item_audio import ItemAudio

__all__ = ["Dialogue"]

_log = structlog.get_logger(__name__)
_REMEMBERED = 20


class Dialogue:
    """Tells `events` what happens, and answers by `send`. `wire` is how the agent's audio comes, `heard_ms` how much of
    the caller's audio went up.

    The server does not always tell when an answer is whole: whoever has a clock calls `settle` when no more sound has
    come for a while. What comes after that is another item of the same answer.
    """

    def __init__(
        self, send: Callable[[str], None], events: RealtimeEvents, leg: AudioFormat, heard_ms: Callable[[], int]
    ) -> None:
        self.wire = leg
        self.awaited = False
        """Whether something was sent that is to be answered."""
        self.interruptible = True
        """Whether the call falls silent when the server takes the agent for interrupted."""
        self._send = send
        self._events = events
        self._leg = leg
        self._heard_ms = heard_ms
        self._caller = _Caller(events)
        self._calls: set[str] = set()
        self._written: deque[str] = deque(maxlen=_REMEMBERED)
        self._texts: dict[str, str] = {}
        self._numbers = count(1)
        self._item = ""
        self._audio: ItemAudio | None = None
        self._worded = True
        self._split = False
        self._next_text = ""
        self._dropped = False
        self._deaf_to = -1
        self._handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "audio": self._on_audio,
            "agent_response": self._on_response,
            "agent_response_complete": self._on_complete,
            "agent_response_correction": self._on_correction,
            "interruption": self._on_interruption,
            "user_transcript": self._on_transcript,
            "tentative_user_transcript": self._on_tentative,
            "client_tool_call": self._on_tool_call,
            "ping": self._on_ping,
        }

    @property
    def speaking(self) -> bool:
        """Whether an answer is under way, as far as is known."""
        return self._audio is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is being said, nothing was asked for, and no tool is waited for."""
        return not (self.speaking or self.awaited or self._calls)

    def take(self, message: Mapping[str, Any]) -> None:
        """A message of the server. Raises WireError."""
        handler = self._handlers.get(str(message.get("type")))
        if handler is not None:
            handler(event_in(message))

    def wrote(self, text: str) -> None:
        """A text was sent that is to be answered, and is none of the caller's if the server tells it again."""
        self._written.append(text.strip())
        self.awaited = True

    def tool_result(self, call_id: str, result: str, *, answer: bool) -> None:
        """The result of a tool, as JSON text."""
        if call_id not in self._calls:
            _log.debug("a result that no tool call waits for", call_id=call_id)
        elif answer:
            self._calls.remove(call_id)
            self.awaited = True
            self._send(tool_result(call_id, result))

    def drop(self) -> None:
        """Nothing more of the answer under way is wanted."""
        self._dropped = self.speaking

    def settle(self) -> None:
        """No more sound has come for a while."""
        if self.speaking:
            self._split = self._worded
            self._end("cancelled" if self._dropped else "completed")

    # The agent

    def _on_audio(self, event: Mapping[str, Any]) -> None:
        if _number(event.get("event_id")) <= self._deaf_to:
            return
        try:
            audio = b64decode(str(event.get("audio_base_64") or ""), validate=True)
        except binascii.Error as error:
            raise WireError("audio that is not base64") from error
        if not audio:
            return
        if self._audio is None:
            self._begin()
        if self._audio is not None and not self._dropped:
            self._play(self._audio.take(audio))

    def _begin(self) -> None:
        self.awaited = False
        self._item = f"agent_{next(self._numbers)}"
        self._audio = ItemAudio(self.wire, self._leg)
        # What goes on after a gap has its words already.
        self._worded, self._split = self._split, False
        if self._next_text:
            text, self._next_text = self._next_text, ""
            self._write(text)

    def _play(self, audio: bytes) -> None:
        if audio:
            self._events.on_audio(self._item, audio)

    def _on_response(self, event: Mapping[str, Any]) -> None:
        """The words of an answer, which come before its sound, in the middle of it or behind it."""
        text = str(event.get("agent_response") or "").strip()
        if not text:
            return
        if self._worded:
            self.settle()
            self._split = False
            self._next_text = text
        else:
            self._write(text)

    def _write(self, text: str) -> None:
        self._worded = True
        self._texts[self._item] = text
        if not self._dropped:
            self._events.on_agent_text(self._item, text, whole=True)

    def _turn_on(self) -> None:
        """Whatever comes now belongs to nothing before."""
        self._split = False
        self._worded = self._worded or not self.speaking

    def _on_complete(self, _event: Mapping[str, Any]) -> None:
        self.settle()
        self._split = False

    def _on_correction(self, event: Mapping[str, Any]) -> None:
        """What was heard of an answer that was interrupted, as the server judges."""
        original = str(event.get("original_agent_response") or "").strip()
        corrected = str(event.get("corrected_agent_response") or "").strip()
        meant = [item_id for item_id, text in self._texts.items() if text == original] or list(self._texts)
        if meant:
            self._events.on_agent_text(meant[-1], corrected, whole=True)

    def _on_interruption(self, event: Mapping[str, Any]) -> None:
        self._deaf_to = _number(event.get("event_id"))
        told = not self._dropped
        if self.speaking:
            self._end("cancelled", rest=False)
        self._next_text = ""
        self._turn_on()
        if told and self.interruptible:
            self._events.on_interrupted()

    def _end(self, status: ResponseStatus, *, rest: bool = True) -> None:
        self._end_item(rest=rest)
        self._events.on_response_done(status, "")

    def _end_item(self, *, rest: bool = True) -> None:
        audio, self._audio = self._audio, None
        if audio is None:
            return
        if rest and not self._dropped:
            self._play(audio.finish())
        self._dropped = False
        self._events.on_item_done(self._item)

    # The caller

    def _on_transcript(self, event: Mapping[str, Any]) -> None:
        text = str(event.get("user_transcript") or "").strip()
        if text in self._written:
            self._written.remove(text)
        elif text:
            self._turn_on()
            self._caller.said(text, self._heard_ms())

    def _on_tentative(self, event: Mapping[str, Any]) -> None:
        text = str(event.get("user_transcript") or "").strip()
        if text and text not in self._written:
            self._caller.says(text)

    # Tools and signs of life

    def _on_tool_call(self, call: Mapping[str, Any]) -> None:
        self._end_item()
        self._turn_on()
        self.awaited = False
        arguments = call.get("parameters")
        name, call_id = str(call.get("tool_name") or ""), str(call.get("tool_call_id") or "")
        self._calls.add(call_id)
        self._events.on_tool_call(ToolCall(call_id, name, arguments if isinstance(arguments, dict) else {}))
        self._events.on_response_done("completed", "")

    def _on_ping(self, event: Mapping[str, Any]) -> None:
        self._send(pong(event.get("event_id")))


class _Caller:
    """What the server understood of the caller, in items: one for each turn of his."""

    def __init__(self, events: RealtimeEvents) -> None:
        self._events = events
        self._numbers = count(1)
        self._item = ""

    def says(self, text: str) -> None:
        """Words so far."""
        self._events.on_caller_said(self._current(), text, final=False)

    def said(self, text: str, at_ms: int) -> None:
        """The words of a turn, which is over and will be answered."""
        item_id = self._current()
        self._events.on_speech_stopped(item_id, at_ms)
        self._events.on_caller_said(item_id, text, final=True)
        self._item = ""

    def _current(self) -> str:
        self._item = self._item or f"caller_{next(self._numbers)}"
        return self._item


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise WireError("an event without a number") from error
