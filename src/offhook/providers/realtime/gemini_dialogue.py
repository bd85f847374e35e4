"""One conversation with Gemini's Live API: what the server's messages mean for the call. No I/O."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import structlog

from offhook.audio.formats import PCM_24K, AudioFormat
from offhook.providers.llm.base import ToolCall
from offhook.providers.realtime.base import RealtimeEvents, ResponseStatus
from offhook.providers.realtime.gemini_wire import seconds, tool_response, usage_of
from offhook.providers.realtime.item_audio import ItemAudio, decoded

__all__ = ["Dialogue"]

_log = structlog.get_logger(__name__)
_CANCELLED = '{"error":"cancelled"}'
_NO_REASON = frozenset({"", "TURN_COMPLETE_REASON_UNSPECIFIED", "NEED_MORE_INPUT"})


class Dialogue:
    """Tells `events` what happens, and answers by `send`. `handle` is what the session can be resumed by, if it can be.

    The server has one answer at a time. Tools are run beside it: some models wait for their results within an answer,
    others go on, so that a call of tools always counts as the end of what was said before.
    """

    def __init__(self, send: Callable[[str], None], events: RealtimeEvents, leg: AudioFormat) -> None:
        self.handle = ""
        self.awaited = False
        """Whether something was sent that is to be answered."""
        self._send = send
        self._calls: dict[str, str] = {}
        self._caller = _Caller(events)
        self._events = events
        self._leg = leg
        self._numbers = count(1)
        self._item = ""
        self._audio: ItemAudio | None = None
        self._answering = False
        self._dropped = False
        self._interrupted = False
        self._told_done = False
        self._handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "serverContent": self._on_content,
            "toolCall": self._on_tool_call,
            "toolCallCancellation": self._on_cancellation,
            "sessionResumptionUpdate": self._on_resumption,
            "voiceActivity": self._caller.voice_activity,
        }

    @property
    def idle(self) -> bool:
        """Whether nothing is being said, and nothing was asked for."""
        return not (self._answering or self.awaited)

    @property
    def busy(self) -> bool:
        """Whether a session that is resumed now would have forgotten something of its own."""
        return not self.idle or bool(self._calls)

    @property
    def resumable(self) -> bool:
        """Whether a session that is resumed now would go on as if nothing had been."""
        return not (self.busy or self._caller.speaking)

    def take(self, message: Mapping[str, Any]) -> None:
        """A message of the server. Raises WireError."""
        for kind, tell in self._handlers.items():
            if isinstance(value := message.get(kind), dict):
                tell(value)
        if isinstance(used := message.get("usageMetadata"), dict):
            self._events.on_usage(usage_of(used))

    def connected(self, heard_ms: int) -> None:
        """Another connection begins, whose audio begins behind `heard_ms` of it."""
        self._caller.base_ms = heard_ms

    def drop(self) -> None:
        """Nothing more of the answer under way is wanted."""
        self._dropped = self._answering

    def tool_result(self, call_id: str, result: str, *, answer: bool) -> None:
        """The result of a tool, as JSON text."""
        name = self._calls.pop(call_id, None)
        if name is None:
            _log.debug("a result that no tool call waits for", call_id=call_id)
            return
        if answer:
            self._told_done = False
            self.awaited = True
        self._send(tool_response(call_id, name, result, answer=answer))

    def _on_content(self, content: Mapping[str, Any]) -> None:
        self._caller.hear(content)
        if content.get("interrupted"):
            self._on_interrupted()
        for audio in _sounds(content.get("modelTurn")):
            self._say(audio)
        if text := _text(content.get("outputTranscription")):
            self._write(text)
        if content.get("generationComplete"):
            self._end_item()
        if content.get("turnComplete"):
            self._on_turn_complete(str(content.get("turnCompleteReason") or ""))

    def _on_interrupted(self) -> None:
        self._end_item()
        self._interrupted = True
        told = self._answering and not self._dropped
        self._dropped = self._answering = False
        self._caller.answered(over=True)
        if told:
            self._events.on_interrupted()

    def _on_turn_complete(self, reason: str) -> None:
        self._end_item()
        self._item = ""
        gave, cancelled = self._answering, self._interrupted or self._dropped
        swallowed = self._told_done and not gave and not cancelled
        self.awaited = self.awaited and cancelled
        self._answering = self._dropped = self._interrupted = self._told_done = False
        self._caller.answered(over=not cancelled)
        if not swallowed:
            self._events.on_response_done(*_outcome(reason, gave=gave, cancelled=cancelled))

    def _say(self, audio: bytes) -> None:
        self._begin()
        if self._dropped:
            return
        if self._audio is None:
            self._item = f"gemini_{next(self._numbers)}"
            self._audio = ItemAudio(PCM_24K, self._leg)
        self._play(self._audio.take(audio))

    def _write(self, text: str) -> None:
        # Words of an item may come behind its sound, but hardly ever behind the end of the turn.
        self._begin()
        if self._dropped:
            return
        if not self._item:
            self._item = f"gemini_{next(self._numbers)}"
            self._audio = ItemAudio(PCM_24K, self._leg)
        self._events.on_agent_text(self._item, text, whole=False)

    def _begin(self) -> None:
        if not self._answering:
            self._answering = True
            self._told_done = self._interrupted = self.awaited = False
            self._caller.answered(over=False)

    def _play(self, audio: bytes) -> None:
        if audio:
            self._events.on_audio(self._item, audio)

    def _end_item(self) -> None:
        audio, self._audio = self._audio, None
        if audio is not None:
            if not self._dropped:
                self._play(audio.finish())
            self._events.on_item_done(self._item)

    def _on_tool_call(self, called: Mapping[str, Any]) -> None:
        self._caller.answered(over=False)
        self._end_item()
        dropped = self._dropped
        self._answering = self._dropped = self.awaited = False
        self._told_done = True
        for call in _objects(called.get("functionCalls")):
            self._call(str(call.get("id") or ""), str(call.get("name") or ""), call.get("args"), dropped=dropped)
        self._events.on_response_done("cancelled" if dropped else "completed", "")

    def _call(self, call_id: str, name: str, arguments: object, *, dropped: bool) -> None:
        if dropped:
            self._send(tool_response(call_id, name, _CANCELLED, answer=False))
            return
        self._calls[call_id] = name
        self._events.on_tool_call(ToolCall(call_id, name, arguments if isinstance(arguments, dict) else {}))

    def _on_cancellation(self, cancelled: Mapping[str, Any]) -> None:
        ids = cancelled.get("ids")
        for call_id in ids if isinstance(ids, list) else ():
            self._calls.pop(str(call_id), None)

    def _on_resumption(self, update: Mapping[str, Any]) -> None:
        if update.get("resumable"):
            self.handle = str(update.get("newHandle") or "")


class _Caller:
    """What the server understood of the caller, in items: one lasts until the answer to it is over."""

    def __init__(self, events: RealtimeEvents) -> None:
        self.speaking = False
        """Whether there are words that nobody has answered yet."""
        self.base_ms = 0
        self._events = events
        self._numbers = count(1)
        self._item = ""
        self._words = ""
        self._final = False
        self._voiced = False

    def hear(self, content: Mapping[str, Any]) -> None:
        """Words of the caller, if there are any."""
        heard = content.get("inputTranscription")
        if text := _text(heard):
            self._current()
            self._words += text
            self._tell(self._words)
        if isinstance(heard, dict) and heard.get("finished"):
            self._finish()
        if text := _text(content.get("interimInputTranscription")):
            self._current()
            self._tell(self._words + text)

    def voice_activity(self, activity: Mapping[str, Any]) -> None:
        """A voice begins or ends, as models tell that have this."""
        at_ms = self.base_ms + round(seconds(activity.get("audioOffset")) * 1000)
        kind = activity.get("voiceActivityType")
        if kind == "ACTIVITY_START":
            self._finish()
            self._item, self._voiced, self.speaking = "", True, True
            self._events.on_speech_started(self._current(), at_ms)
        elif kind == "ACTIVITY_END" and self._voiced:
            self._voiced = False
            self._events.on_speech_stopped(self._current(), at_ms)

    def answered(self, *, over: bool) -> None:
        """An answer begins, or is over: what comes after that is another item, unless it began meanwhile."""
        self._finish()
        self.speaking = self._voiced
        if over and not self._voiced:
            self._item = ""

    def _current(self) -> str:
        if not self._item:
            self._item, self._words, self._final = f"caller_{next(self._numbers)}", "", False
        return self._item

    def _tell(self, text: str) -> None:
        self.speaking = self.speaking or not self._final
        self._events.on_caller_said(self._item, text.strip(), final=self._final)

    def _finish(self) -> None:
        if self._item and self._words and not self._final:
            self._final = True
            self._events.on_caller_said(self._item, self._words.strip(), final=True)


def _outcome(reason: str, *, gave: bool, cancelled: bool) -> tuple[ResponseStatus, str]:
    if cancelled:
        return "cancelled", ""
    if reason in _NO_REASON:
        return "completed", ""
    return ("incomplete" if gave else "failed"), reason


def _sounds(turn: object) -> Iterator[bytes]:
    for part in _objects(turn.get("parts")) if isinstance(turn, dict) else ():
        data = part.get("inlineData")
        if isinstance(data, dict) and str(data.get("mimeType") or "").startswith("audio/pcm"):
            yield decoded(data.get("data"))


def _text(transcription: object) -> str:
    return str(transcription.get("text") or "") if isinstance(transcription, dict) else ""


def _objects(values: object) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
