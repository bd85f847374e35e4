"""What the agent says in a session at OpenAI: audio and text, item by item, and what was heard of it. No I/O."""

from collections.abc import Callable, Mapping
from typing import Any

from offhook.audio.formats import AudioFormat
from offhook.providers.openai_events import item_id
from offhook.providers.realtime.base import RealtimeEvents
from offhook.providers.realtime.item_audio import decoded
from offhook.providers.realtime.openai_answers import Answer, Answers
from offhook.providers.realtime.openai_items import AgentItem

__all__ = ["AgentSpeech"]


class AgentSpeech:
    """Tells `events` what the agent says, from audio in `wire` to audio in `leg`, unless its answer was dropped."""

    def __init__(self, events: RealtimeEvents, answers: Answers, *, wire: AudioFormat, leg: AudioFormat) -> None:
        self._events = events
        self._answers = answers
        self._wire = wire
        self._leg = leg
        self._items: dict[str, AgentItem] = {}
        self.handlers: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "response.output_audio.delta": self._on_audio,
            "response.output_audio.done": self._on_audio_done,
            "response.output_audio_transcript.delta": self._on_text,
            "response.output_text.delta": self._on_text,
            "response.output_audio_transcript.done": self._on_whole_text,
            "response.output_text.done": self._on_whole_text,
        }

    def heard(self, item: str, ms: float) -> str:
        """The event that tells how much of an item was heard; empty where there is nothing to tell."""
        return self._items[item].heard(ms) if item in self._items else ""

    def end(self, item: str) -> None:
        """There is no more of an item, if it is one that is spoken."""
        if item in self._items:
            self._finish(self._items[item])

    def end_all(self, answer: Answer) -> None:
        """There is no more of an answer."""
        for item in answer.items:
            self.end(item)

    def _on_audio(self, event: Mapping[str, Any]) -> None:
        if (item := self._spoken(event)) and not item.done:
            self._play(item, item.take(decoded(event.get("delta"))))

    def _on_audio_done(self, event: Mapping[str, Any]) -> None:
        self.end(item_id(event))

    def _on_text(self, event: Mapping[str, Any]) -> None:
        if (item := self._spoken(event)) and (delta := str(event.get("delta") or "")):
            item.text += delta
            self._events.on_agent_text(item.id, delta, whole=False)

    def _on_whole_text(self, event: Mapping[str, Any]) -> None:
        whole = str(event.get("transcript") or event.get("text") or "")
        if (item := self._spoken(event)) and whole and whole != item.text:
            item.text = whole
            self._events.on_agent_text(item.id, whole, whole=True)

    def _spoken(self, event: Mapping[str, Any]) -> AgentItem | None:
        """The item that an event is about; None where nobody is to hear of it any more."""
        item, answer = item_id(event), self._answers.get(str(event.get("response_id")))
        if answer.dropped:
            return None
        if item not in self._items:
            self._items[item] = AgentItem(item, self._wire, self._leg)
            answer.items.append(item)
        answer.gave = True
        return None if self._items[item].cut else self._items[item]

    def _play(self, item: AgentItem, audio: bytes) -> None:
        if audio:
            self._events.on_audio(item.id, audio)

    def _finish(self, item: AgentItem) -> None:
        if not item.done:
            rest = item.finish()
            if not item.cut:
                self._play(item, rest)
                self._events.on_item_done(item.id)
