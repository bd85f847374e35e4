"""The leg of one call by Asterisk's WebSocket channel, which paces, marks and flushes for us. No socket."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from offhook.calls.leg import CallControl, LegEvents
from offhook.carriers.asterisk.websocket_origin import Introduction
from offhook.carriers.asterisk.websocket_wire import Flow, KeyPressed, MarkProcessed, MediaStart, command
from offhook.carriers.cutter import Cutter
from offhook.carriers.delivery import Delivery
from offhook.carriers.marks import Marks
from offhook.events import EndReason

__all__ = ["Sink", "WebSocketLeg"]


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
        self._cutter = Cutter(start.format)
        self._marks = Marks()
        self._delivery = Delivery()

    # What the call asks

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in. Of what came before, the last 2 s are delivered first."""
        self._delivery.attach(events)

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame."""
        if self._delivery.is_open:
            self._sink.write_bytes(frame)

    def mark(self, name: str) -> None:
        """Ask to be told when what was sent so far has been played."""
        if self._delivery.is_open:
            self._marks.ask(name)
            self._sink.write_text(command("MARK_MEDIA", name, is_json=self._is_json))

    def clear(self) -> None:
        """Drop what Asterisk has not played, and the marks in it. What is sent next comes after that for sure."""
        if self._delivery.is_open:
            self._marks.clear()
            self._sink.write_text(command("FLUSH_MEDIA", is_json=self._is_json))

    async def close(self, reason: EndReason) -> None:
        """End the call in the way that lets the dialplan go on; returns when the connection is gone."""
        self._delivery.close()
        await self._hang_up(reason)

    # What the connection tells

    def hear(self, payload: bytes) -> None:
        """Take caller audio of any length."""
        for frame in self._cutter.cut(payload):
            self._delivery.give(frame)

    def take(self, event: Flow | KeyPressed | MarkProcessed) -> None:
        """Take what Asterisk says of the call."""
        if not self._delivery.is_open:
            return
        match event:
            case Flow(is_open):
                self.ready = is_open
            case KeyPressed(digit):
                self._delivery.give(digit)
            case MarkProcessed(name):
                if self._marks.told(name):
                    self._delivery.played(name)

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        self._delivery.end(reason, detail)

    def hold_end(self) -> None:
        """Keep the end to ourselves, if it comes, until `release_end`: a transfer ends the connection before it is
        known to have worked."""
        self._delivery.hold_end()

    def release_end(self) -> None:
        """Tell of the end if it came."""
        self._delivery.release_end()
