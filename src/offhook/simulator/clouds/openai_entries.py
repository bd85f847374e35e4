"""The conversation of a session of the double of OpenAI's Realtime API, and what of it the caller heard."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from offhook.providers.tts.base import WordTime
from offhook.simulator.clouds.openai_session import Wrong

__all__ = ["Entries", "Entry"]

_USER_TOKENS_S, _AGENT_TOKENS_S = 10, 20
_CONTENT = {"user": ("input_text", "input_audio"), "assistant": ("output_text",), "system": ("input_text",)}
_CALL_ID_CHARS = 32


@dataclass(slots=True)
class Entry:
    """One item. `text` is what was said in it, `words` when, `audio_ms` how long it is, `kept_ms` how much is left."""

    item: dict[str, Any]
    text: str = ""
    audio_ms: float = 0.0
    words: list[WordTime] = field(default_factory=list)
    kept_ms: float | None = None

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.item["id"])

    @property
    def kept_text(self) -> str:
        """What the caller heard of it, as the server believes."""
        heard_ms = self.audio_ms if self.kept_ms is None else self.kept_ms
        if not self.words:
            return self.text
        return self.text[: max((word.end for word in self.words if word.end_ms <= heard_ms), default=0)]

    @property
    def tokens(self) -> tuple[int, int]:
        """How much text and audio it is for the model."""
        if not self.audio_ms:
            return len(self.text.split()), 0
        heard_ms = self.audio_ms if self.kept_ms is None else self.kept_ms
        rate = _USER_TOKENS_S if self.item.get("role") == "user" else _AGENT_TOKENS_S
        return 0, round(heard_ms / 1000 * rate)


class Entries:
    """The items in their order."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def add(self, entry: Entry) -> str | None:
        """Put an item at the end; gives the id of the one before."""
        before = next(reversed(self._entries), None)
        self._entries[entry.id] = entry
        return before

    def get(self, item_id: object, code: str) -> Entry:
        """The item of that id. Raises Wrong."""
        entry = self._entries.get(str(item_id))
        if entry is None:
            raise Wrong(f"Item with item_id '{item_id}' does not exist.", code, "item_id")
        return entry

    def delete(self, item_id: object) -> None:
        """Forget an item. Raises Wrong."""
        del self._entries[self.get(item_id, "item_delete_invalid_item_id").id]

    def truncate(self, event: Mapping[str, Any]) -> None:
        """Forget the rest of an item, and its text. Raises Wrong."""
        entry = self.get(event.get("item_id"), "item_truncate_invalid_item_id")
        if entry.item.get("role") != "assistant" or not entry.words:
            raise Wrong("Only model output audio messages can be truncated.", "invalid_value", "item_id")
        if event.get("content_index") != 0:
            raise Wrong("There is no such content.", "invalid_value", "content_index")
        end_ms = event.get("audio_end_ms")
        if not isinstance(end_ms, int) or end_ms < 0:
            raise Wrong("Expected an integer of at least 0.", "invalid_type", "audio_end_ms")
        if end_ms > entry.audio_ms:
            text = f"Audio content of {int(entry.audio_ms)}ms is already shorter than {end_ms}ms"
            raise Wrong(text, "invalid_value", "audio_end_ms")
        entry.kept_ms = end_ms
        for part in entry.item["content"]:
            part.pop("transcript", None)

    def accept(self, item: object, item_id: str) -> Entry:
        """An item as the client sends it, not yet put in. Raises Wrong."""
        if not isinstance(item, dict):
            raise Wrong("Missing required parameter: 'item'.", "missing_required_parameter", "item")
        kind = item.get("type")
        if kind == "message":
            text = _message_text(item)
        elif kind in ("function_call", "function_call_output"):
            text = self._tool_text(item, kind)
        else:
            raise Wrong(f"Invalid value: '{kind}'.", "invalid_value", "item.type")
        whole = {"object": "realtime.item", "status": "completed", **item, "id": item.get("id") or item_id}
        return Entry(whole, text)

    def messages(self) -> list[dict[str, Any]]:
        """The conversation as the chat API writes it."""
        messages: list[dict[str, Any]] = []
        for entry in self:
            kind, text = entry.item["type"], entry.kept_text
            if kind == "message" and text:
                messages.append({"role": entry.item["role"], "content": text})
            elif kind == "function_call":
                messages += [{"role": "assistant", "content": None, "tool_calls": [_chat_call(entry.item)]}]
                messages += self._result(entry.item["call_id"])
        return messages

    def _result(self, call_id: str) -> list[dict[str, Any]]:
        outputs = (e for e in self if e.item["type"] == "function_call_output" and e.item["call_id"] == call_id)
        return [{"role": "tool", "tool_call_id": call_id, "content": entry.text} for entry in outputs][:1]

    def _tool_text(self, item: Mapping[str, Any], kind: str) -> str:
        call_id = item.get("call_id")
        if not isinstance(call_id, str) or not call_id:
            raise Wrong("Missing required parameter: 'item.call_id'.", "missing_required_parameter", "item.call_id")
        if len(call_id) > _CALL_ID_CHARS:
            text = f"Expected a string with maximum length {_CALL_ID_CHARS}."
            raise Wrong(text, "string_above_max_length", "item.call_id")
        if kind == "function_call":
            return str(item.get("arguments") or "")
        if not any(each.item["type"] == "function_call" and each.item["call_id"] == call_id for each in self):
            text = f"Tool call ID '{call_id}' not found in conversation."
            raise Wrong(text, "invalid_tool_call_id", "item.call_id")
        return str(item.get("output") or "")


def _message_text(item: Mapping[str, Any]) -> str:
    role, content = item.get("role"), item.get("content")
    if role not in _CONTENT or not isinstance(content, list):
        raise Wrong("Expected a message with a role and content.", "invalid_value", "item")
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in _CONTENT[role]:
            text = f"Content of role {role} must be one of {', '.join(_CONTENT[role])}."
            raise Wrong(text, "invalid_value", "item.content[0].type")
    return " ".join(str(part.get("text") or "") for part in content)


def _chat_call(item: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": item["name"], "arguments": item["arguments"]}
    return {"id": item["call_id"], "type": "function", "function": function}
