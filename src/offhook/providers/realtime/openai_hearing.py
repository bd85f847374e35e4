"""What OpenAI's Realtime API hears of the caller: when he speaks, and his words. No I/O."""

from collections.abc import Callable, Mapping
from typing import Any

from offhook.providers.openai_events import item_id
from offhook.providers.openai_usage import transcription_usage
from offhook.providers.realtime.base import RealtimeEvents, TurnDetection
from offhook.providers.realtime.openai_answers import Answers

__all__ = ["CallerSpeech"]

_TRANSCRIPTION = "conversation.item.input_audio_transcription."


class CallerSpeech:
    """Tells `events` of the caller, and `answers` when he speaks. `skipped_ms` of his audio were never sent.
    `writer` is the model that writes down his words, which is billed apart."""

    def __init__(self, events: RealtimeEvents, answers: Answers, turns: TurnDetection, writer: str = "") -> None:
        self.turns = turns
        self.skipped_ms = 0
        self._events = events
        self._answers = answers
        self._writer = writer
        self._words: dict[str, str] = {}
        self.handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "input_audio_buffer.speech_started": self._on_speech_started,
            "input_audio_buffer.speech_stopped": self._on_speech_stopped,
            "input_audio_buffer.timeout_triggered": self._on_timeout,
            f"{_TRANSCRIPTION}delta": self._on_words,
            f"{_TRANSCRIPTION}completed": self._on_transcript,
            f"{_TRANSCRIPTION}failed": self._on_transcript,
        }

    def _on_speech_started(self, event: Mapping[str, Any]) -> None:
        self._answers.caller_speaks, self._answers.owed = True, False
        stopped = [answer for answer in self._answers.active if not answer.dropped] if self.turns.interrupts else []
        for answer in stopped:
            answer.dropped = True
        self._events.on_speech_started(item_id(event), self._position(event, "audio_start_ms"))
        if stopped:
            self._events.on_interrupted()

    def _on_speech_stopped(self, event: Mapping[str, Any]) -> None:
        self._answers.caller_speaks = False
        self._answers.owed = self.turns.answers and all(answer.dropped for answer in self._answers.active)
        self._events.on_speech_stopped(item_id(event), self._position(event, "audio_end_ms"))

    def _on_timeout(self, event: Mapping[str, Any]) -> None:
        self._answers.owed = True

    def _position(self, event: Mapping[str, Any], name: str) -> int:
        position = event.get(name)
        return self.skipped_ms + (position if isinstance(position, int) else 0)

    def _on_words(self, event: Mapping[str, Any]) -> None:
        item = item_id(event)
        self._words[item] = self._words.get(item, "") + str(event.get("delta") or "")
        self._events.on_caller_said(item, self._words[item].strip(), final=False)

    def _on_transcript(self, event: Mapping[str, Any]) -> None:
        item = item_id(event)
        self._words.pop(item, None)
        if usage := transcription_usage(event, self._writer):
            self._events.on_usage(usage)
        self._events.on_caller_said(item, str(event.get("transcript") or "").strip(), final=True)
