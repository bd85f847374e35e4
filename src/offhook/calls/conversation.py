"""What was said in a call, as both sides heard it."""

from dataclasses import dataclass, replace
from itertools import takewhile

from offhook.calls.track import Track
from offhook.providers.llm.base import Message, ToolCall

__all__ = ["CallerEntry", "Conversation"]


@dataclass(eq=False)
class CallerEntry:
    """An utterance of the caller that has its place before its `text` is known."""

    text: str = ""

    def message(self) -> Message:
        """What is known of it."""
        return Message("caller", self.text.strip())


@dataclass(eq=False)
class _AgentEntry:
    track: Track
    tool_calls: tuple[ToolCall, ...] = ()

    def message(self) -> Message:
        cut = self.track.interrupted
        text = self.track.heard_text if cut else self.track.text
        return Message("agent", text.strip(), interrupted=cut, tool_calls=self.tool_calls)


_Entry = Message | CallerEntry | _AgentEntry


class Conversation:
    """The messages of a call. What the agent said counts only as far as the caller heard it."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._broken_off: Track | None = None

    def caller_said(self, text: str) -> None:
        """Add an utterance of the caller."""
        self._entries.append(Message("caller", text))

    def caller_speaks(self) -> CallerEntry:
        """Add an utterance of the caller whose words will come later, if they come."""
        entry = CallerEntry()
        self._entries.append(entry)
        return entry

    def caller_keyed(self, digits: str) -> None:
        """Add keys that the caller pressed."""
        self._entries.append(Message("caller", keypad=digits))

    def note(self, text: str) -> None:
        """Add what the agent is to know, and neither side said."""
        self._entries.append(Message("note", text))

    def begins_anew(self, text: str) -> None:
        """Add such a note, from which on a script knows nothing of what was said before."""
        self._entries.append(Message("note", text, restarts=True))

    def agent_says(self, track: Track) -> None:
        """Add an utterance of the agent; its text is read from `track` whenever it is asked for."""
        self._entries.append(_AgentEntry(track))

    def agent_calls(self, track: Track, calls: tuple[ToolCall, ...]) -> None:
        """Note the tools that the agent called in the utterance of `track`."""
        for entry in reversed(self._entries):
            if isinstance(entry, _AgentEntry) and entry.track is track:
                entry.tool_calls = calls
                return

    def agent_broke_off(self, track: Track) -> None:
        """What the agent said in `track` is not all that it was about to say, through no fault of the caller."""
        self._broken_off = track

    def tool_returned(self, call_id: str, result: str) -> None:
        """Add the result of a tool, as JSON, behind the utterance that called it, however late it comes, and in place
        of what was said of it before."""
        returned = Message("tool", result, tool_call_id=call_id)
        for place, entry in enumerate(self._entries):
            if isinstance(entry, Message) and entry.tool_call_id == call_id:
                self._entries[place] = returned
                return
        self._entries.insert(self._place_of(call_id), returned)

    def _place_of(self, call_id: str) -> int:
        for place, entry in enumerate(self._entries, 1):
            if isinstance(entry, _AgentEntry) and any(call.id == call_id for call in entry.tool_calls):
                results = takewhile(_is_result, self._entries[place:])
                return place + sum(1 for _ in results)
        return len(self._entries)

    def messages(self) -> list[Message]:
        """The conversation so far, without what the agent meant to say and never uttered."""
        rendered = [(entry, entry if isinstance(entry, Message) else entry.message()) for entry in self._entries]
        said = [(entry, each) for entry, each in rendered if each.text or each.keypad or each.tool_calls]
        messages = [message for _, message in said]
        if said and isinstance(said[-1][0], _AgentEntry) and said[-1][0].track is self._broken_off:
            messages[-1] = replace(messages[-1], unfinished=not messages[-1].interrupted)
        return messages


def _is_result(entry: _Entry) -> bool:
    return isinstance(entry, Message) and entry.role == "tool"
