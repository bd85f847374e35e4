"""Which channel of Asterisk an AudioSocket call belongs to, read from events. No socket, no clock.

The UUID is all that AudioSocket tells. The dialplan names it on the caller's channel, as a variable and as an argument,
a few milliseconds before or after the connection comes.
"""

import asyncio
import re
from dataclasses import dataclass

from offhook.carriers.asterisk.ami_wire import Message

__all__ = ["EVENTS", "ChannelFacts", "Channels", "uuids_in"]

EVENTS = ("VarSet", "Newexten", "DialBegin")
_MOST_KEPT = 2_000
_UUID = re.compile(r"(?<![0-9a-fA-F-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F-])")
_DRIVER = "AudioSocket/"


def uuids_in(text: str) -> tuple[str, ...]:
    """Every UUID in `text`, in small letters."""
    return tuple(found.lower() for found in _UUID.findall(text))


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """What an event tells of the caller's channel. `id` is what does not change when the channel is renamed."""

    id: str
    name: str
    caller_number: str
    caller_name: str
    extension: str
    context: str
    language: str
    account: str

    @classmethod
    def of(cls, message: Message) -> "ChannelFacts":
        """The channel that an event is about."""
        fields = ("Uniqueid", "Channel", "CallerIDNum", "CallerIDName", "Exten", "Context", "Language", "AccountCode")
        return cls(*("" if (value := message.get(name)) == "<unknown>" else value for name in fields))


class Channels:
    """The channels of the latest UUIDs, `most` at most; the oldest gives way."""

    def __init__(self, most: int = _MOST_KEPT):
        self._most = most
        self._kept: dict[str, tuple[bool, ChannelFacts]] = {}
        self._awaited: dict[str, list[asyncio.Future[ChannelFacts]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def note(self, event: Message) -> None:
        """Take an event of one of the names in `EVENTS`."""
        match event.event:
            case "VarSet":
                self._keep(event, event.get("Value").strip(), sure=False)
            case "Newexten" if "AudioSocket" in event.get("Application") + event.get("AppData"):
                self._keep(event, event.get("AppData"), sure=True)
            case "DialBegin" if event.get("DestChannel").startswith(_DRIVER):
                self._keep(event, event.get("DestChannel").rpartition(":")[2].partition("-")[2], sure=True)

    def find(self, call_id: str) -> ChannelFacts | None:
        """The caller's channel of a call, if it is known."""
        kept = self._kept.get(call_id)
        return kept[1] if kept is not None else None

    async def wait(self, call_id: str) -> ChannelFacts:
        """The caller's channel of a call, once it is known."""
        found = self.find(call_id)
        if found is not None:
            return found
        news: asyncio.Future[ChannelFacts] = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(call_id, []).append(news)
        try:
            return await news
        finally:
            waiting = self._awaited[call_id]
            waiting.remove(news)
            if not waiting:
                del self._awaited[call_id]

    def _keep(self, event: Message, text: str, *, sure: bool) -> None:
        """Keep the channel of `event` for the UUID in `text`. What runs AudioSocket is the caller's channel for sure; a
        variable with the value of a UUID may be one of many, of which the first is likely."""
        found = uuids_in(text)
        if len(found) != 1 or (not sure and len(text) != len(found[0])):
            return
        call_id, facts = found[0], ChannelFacts.of(event)
        if not facts.id or facts.id == "none" or facts.name.startswith(_DRIVER):
            return
        known = self._kept.get(call_id)
        if known is not None and (known[0] or not sure):
            return
        self._kept.pop(call_id, None)
        self._kept[call_id] = (sure, facts)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        for news in self._awaited.get(call_id, ()):
            if not news.done():
                news.set_result(facts)
