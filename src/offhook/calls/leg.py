"""The contract between a call and whichever carrier brought it."""

from typing import Protocol

from offhook.audio.formats import AudioFormat
from offhook.events import EndReason

__all__ = ["Leg", "LegEvents"]


class LegEvents(Protocol):
    """What a leg tells its call. Called on the event loop; none of these blocks or raises."""

    def on_audio(self, frame: bytes) -> None:
        """Exactly one 20 ms frame of caller audio in the leg's format."""
        ...

    def on_dtmf(self, digit: str) -> None:
        """A key the caller pressed: one of `0-9*#A-D`."""
        ...

    def on_closed(self, reason: EndReason, detail: str) -> None:
        """The carrier's side is gone, by hangup or by fault. Comes once, nothing comes after it, and it does not
        come after one's own `Leg.close`."""
        ...


class Leg(Protocol):
    """The two-way audio connection of one call to its carrier.

    `carrier_call_id` is the carrier's id of the call, `peer` its address for logs, `format` is fixed for the life of
    the leg. `lead_ms` is how far ahead of real time the leg wants its audio: 0 where the carrier plays at once what
    it gets.
    """

    carrier: str
    carrier_call_id: str
    peer: str
    format: AudioFormat
    lead_ms: int

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in; what came before is delivered first."""
        ...

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame in the leg's format towards the caller. Never blocks; after the close, does nothing."""
        ...

    def clear(self) -> None:
        """Drop what the carrier has buffered and not played, where it can."""
        ...

    async def close(self, reason: EndReason) -> None:
        """End the leg in the way the carrier wants for `reason`; returns when it is gone. May be repeated."""
        ...
