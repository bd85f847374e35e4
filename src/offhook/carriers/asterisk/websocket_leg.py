"""The leg of one call by Asterisk's WebSocket channel, which paces, marks and flushes for us. No socket."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from offhook.calls.leg import CallControl, LegEvents
from offhook.carriers.asterisk.websocket_origin import Introduction
from offhook.carriers.asterisk.websocket_wire import Flow, KeyPressed, MarkProcessed, MediaStart, command
from offhook.events import EndReason

__all__ = ["Sink", "WebSocketLeg"]

MAX_EARLY = 100
"""Frames and digits kept for a call that has not attached yet: 2 s of audio."""

MAX_MARKS = 256
"""Marks that wait. An Asterisk that never answers them must not fill the memory."""


class Sink(Protocol):
    """Where a leg writes; nothing waits."""

    def write_text(self, text: str) -> None:
        """A command."""
        ...

    def write_bytes(self, data: bytes) -> None:
        """Sound."""
        ...


class WebSocketLeg:
    """Implements `offhook.calls.leg.Leg`. Its format is that of the channel; Asterisk plays 20 ms of it at a time.

    Names of marks are to be used once a call: one that is told after a clear is stale, and dropped. On the wire a
    hangup and a hand-back are one: Asterisk goes on with the dialplan, by the options of `Dial`. `control` is for
    whoever has one to set before the leg is answered.
    """

    carrier = "asterisk"

    def __init__(
        self,
        sink: Sink,
        hang_up: Callable[[EndReason], Awaitable[None]],
        *,
        start: MediaStart,
        introduction: Introduction,
        peer: str,
        lead_ms: int,
    ):
        self.carrier_call_id = introduction.call_id
        self.channel = start.channel
        self.caller_channel = introduction.channel
        self.peer = peer
        self.origin = introduction.origin
        self.format = start.format
        self.lead_ms = lead_ms
        self.ready = True
        self.control: CallControl | None = None
        self._sink = sink
        self._hang_up = hang_up
        self._is_json = start.is_json
        self._held_bytes = b""
        self._marks: dict[str, None] = {}
        self._events: LegEvents | None = None
        self._early: deque[bytes | str] = deque(maxlen=MAX_EARLY)
        self._end: tuple[EndReason, str] | None = None
        self._open = True
        self._holds_end = False

    # What the call asks

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._events = events
        while self._early:
            self._deliver(self._early.popleft())
        self._tell_end()

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame."""
        if self._open:
            self._sink.write_bytes(frame)

    def mark(self, name: str) -> None:
        """Ask to be told when what was sent so far has been played."""
        if self._open:
            self._marks[name] = None
            if len(self._marks) > MAX_MARKS:
                del self._marks[next(iter(self._marks))]
            self._sink.write_text(command("MARK_MEDIA", name, is_json=self._is_json))

    def clear(self) -> None:
        """Drop what Asterisk has not played, and the marks in it. What is sent next comes after that for sure."""
        if self._open:
            self._marks.clear()
            self._sink.write_text(command("FLUSH_MEDIA", is_json=self._is_json))

    async def close(self, reason: EndReason) -> None:
        """End the call in the way that lets the dialplan go on; returns when the connection is gone."""
        self._open = False
        self._end = None
        self._early.clear()
        await self._hang_up(reason)

    # What the connection tells

    def hear(self, payload: bytes) -> None:
        """Take caller audio of any length."""
        whole = len(payload) == self.format.frame_bytes and not self._held_bytes
        for frame in (payload,) if whole else self._cut(payload):
            if self._open:
                self._deliver(frame)

    def take(self, event: Flow | KeyPressed | MarkProcessed) -> None:
        """Take what Asterisk says of the call."""
        if not self._open:
            return
        match event:
            case Flow(is_open):
                self.ready = is_open
            case KeyPressed(digit):
                self._deliver(digit)
            case MarkProcessed(name):
                self._played(name)

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        if not self._open:
            return
        self._open = False
        self._end = (reason, detail)
        self._tell_end()

    def hold_end(self) -> None:
        """Keep the end to ourselves, if it comes, until `release_end`: a transfer ends the connection before it is
        known to have worked."""
        self._holds_end = True

    def release_end(self) -> None:
        """Tell of the end if it came."""
        self._holds_end = False
        self._tell_end()

    def _tell_end(self) -> None:
        if self._end is not None and self._events is not None and not self._holds_end:
            end, self._end = self._end, None
            self._events.on_closed(*end)

    def _cut(self, payload: bytes) -> Sequence[bytes]:
        """The frames that `payload` completes. Half a sample at its end is dropped: all that follow would be noise."""
        size = self.format.frame_bytes
        held = self._held_bytes + payload[: len(payload) - len(payload) % self.format.sample_bytes]
        whole = len(held) - len(held) % size
        self._held_bytes = held[whole:]
        return [held[at : at + size] for at in range(0, whole, size)]

    def _deliver(self, item: bytes | str) -> None:
        if self._events is None:
            self._early.append(item)
        elif isinstance(item, bytes):
            self._events.on_audio(item)
        else:
            self._events.on_dtmf(item)

    def _played(self, name: str) -> None:
        # Asterisk may have told of a mark just before it heard of the flush.
        if name in self._marks:
            del self._marks[name]
            if self._events is not None:
                self._events.on_played(name)
