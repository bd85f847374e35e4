"""One spoken session of the double of OpenAI's Realtime API: it hears, thinks with a brain, and speaks with a voice."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from offhook.simulator.clouds.ears import EarFactory
from offhook.simulator.clouds.minds import Mind
from offhook.simulator.clouds.openai_answering import Answering
from offhook.simulator.clouds.openai_entries import Entries
from offhook.simulator.clouds.openai_hearing import Heard, Hearing
from offhook.simulator.clouds.openai_responding import Emit
from offhook.simulator.clouds.openai_session import Wrong, decoded_audio
from offhook.simulator.clouds.openai_speaking_settings import SpeakingSettings

__all__ = ["SpeakingSession"]

_BUFFER = "input_audio_buffer"


class SpeakingSession:
    """Tells what happens by `emit`, in the documented order. `number` is in the ids it makes."""

    def __init__(self, ears: EarFactory, mind: Mind, emit: Emit, *, model: str, number: int) -> None:
        self.entries = Entries()
        self.settings = SpeakingSettings(f"sess_{number}", model)
        self._number = number
        self._items = 0
        self._hearing = Hearing(ears, self.entries, self.settings, emit)
        self._answering = Answering(
            mind,
            self.entries,
            self.settings,
            emit,
            number=number,
            written=self._hearing.written,
            on_said=self._hearing.turns.answered,
        )
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], Iterator[dict[str, Any]]]] = {
            "session.update": self._update,
            f"{_BUFFER}.commit": self._commit,
            f"{_BUFFER}.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.retrieve": self._retrieve_item,
        }

    def opening(self) -> dict[str, Any]:
        """The event that greets."""
        return {"type": "session.created", "session": self.settings.told()}

    def kept_text(self, item_id: str) -> str:
        """What the caller heard of an item, as the session believes. Raises KeyError for one that it forgot."""
        return {entry.id: entry for entry in self.entries}[item_id].kept_text

    async def handle(self, event: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """What an event of the client brings at once."""
        try:
            if event.get("type") == f"{_BUFFER}.append":
                async for heard in self._hearing.hear(decoded_audio(event.get("audio"))):
                    for answer in self._on_heard(heard):
                        yield answer
            else:
                for answer in self._command(event):
                    yield answer
        except Wrong as wrong:
            yield {"type": "error", "error": {**wrong.error, "event_id": event.get("event_id")}}

    async def close(self) -> None:
        """Stop whatever is under way."""
        await self._hearing.close()
        await self._answering.close()

    def _command(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        kind = str(event.get("type"))
        if kind == "response.create":
            self._answering.create(event)
        elif kind == "response.cancel":
            self._answering.cancel(event)
        elif kind in self._commands:
            yield from self._commands[kind](event)
        else:
            raise Wrong(f"Invalid value: '{kind}'.", "invalid_value", "type")

    def _on_heard(self, heard: Heard) -> Iterator[dict[str, Any]]:
        turns = self._hearing.turns
        if heard == "started":
            if self._hearing.asked("interrupt_response"):
                self._answering.interrupt()
            yield self._about_next("speech_started", audio_start_ms=turns.start_ms)
        elif heard == "stopped":
            turns.stop()
            yield self._about_next("speech_stopped", audio_end_ms=turns.now_ms)
            yield from self._hearing.commit(self._item_id())
            if self._hearing.asked("create_response"):
                self._answering.answer()
        else:
            span = {"audio_start_ms": turns.idle_from_ms, "audio_end_ms": turns.now_ms}
            yield self._about_next("timeout_triggered", **span)
            turns.answered(0)
            yield from self._hearing.commit(self._item_id())
            self._answering.answer()

    def _update(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        self.settings.update(event.get("session"), heard=self._hearing.began, spoken=self._answering.spoken)
        self._hearing.turns.settings = self.settings.input["turn_detection"]
        yield {"type": "session.updated", "session": self.settings.told()}

    def _commit(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        self._hearing.check_commit()
        yield from self._hearing.commit(self._item_id())

    def _clear(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        self._hearing.clear()
        yield {"type": f"{_BUFFER}.cleared"}

    def _create_item(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        entry = self.entries.accept(event.get("item"), self._item_id())
        before = {"previous_item_id": self.entries.add(entry)}
        yield {"type": "conversation.item.added", "item": dict(entry.item), **before}
        yield {"type": "conversation.item.done", "item": dict(entry.item), **before}

    def _delete_item(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        self.entries.delete(event.get("item_id"))
        yield {"type": "conversation.item.deleted", "item_id": event["item_id"]}

    def _truncate_item(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        self.entries.truncate(event)
        about = {name: event[name] for name in ("item_id", "content_index", "audio_end_ms")}
        yield {"type": "conversation.item.truncated", **about}

    def _retrieve_item(self, event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        entry = self.entries.get(event.get("item_id"), "item_retrieve_invalid_item_id")
        yield {"type": "conversation.item.retrieved", "item": dict(entry.item)}

    def _about_next(self, kind: str, **span: int) -> dict[str, Any]:
        """An event of the caller's audio, which is about the item that it will be."""
        return {"type": f"{_BUFFER}.{kind}", "item_id": f"item_{self._number}_{self._items + 1}", **span}

    def _item_id(self) -> str:
        self._items += 1
        return f"item_{self._number}_{self._items}"
