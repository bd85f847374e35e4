"""The contract between a call and whichever carrier brought it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from offhook.audio.formats import AudioFormat
from offhook.events import EndReason

__all__ = ["CallControl", "CallOrigin", "Leg", "LegEvents"]


@dataclass(frozen=True, slots=True)
class CallOrigin:
    """What the carrier tells of a call before anybody speaks.

    Numbers are as E.164 with `+` where the carrier gives whole ones; empty where it gives none. `agent` is who is to
    answer where the call was placed for one; else the routes decide. `variables` fill the agent's instructions.
    `dial_id` is our own id of a call that we placed, `consults_for` that of the call for which we did, to ask whether
    it is taken over.
    """

    direction: Literal["inbound", "outbound"] = "inbound"
    from_number: str = ""
    to_number: str = ""
    agent: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    dial_id: str = ""
    consults_for: str = ""


class CallControl(Protocol):
    """What a carrier lets us do to a call in progress. Each raises CallError, with what the carrier said."""

    async def transfer(self, to: str) -> None:
        """Hand the caller over to `to`, a number or an address of the carrier's. Our leg ends soon after."""
        ...

    async def send_dtmf(self, digits: str) -> None:
        """Press keys towards the caller: `0-9*#A-D`, and `w` for a pause of half a second."""
        ...

    async def bridge(self, other: "CallControl") -> None:
        """Connect our caller with the party of `other`, a call at the same carrier; both legs end soon after."""
        ...

    async def play(self, url: str) -> None:
        """Let the carrier play the MP3 or WAV file at `url`."""
        ...

    async def record(self) -> str:
        """Let the carrier record from now on; returns its id or address of the recording."""
        ...


class LegEvents(Protocol):
    """What a leg tells its call. Called on the event loop; none of these blocks or raises."""

    def on_audio(self, frame: bytes) -> None:
        """Exactly one 20 ms frame of caller audio in the leg's format."""
        ...

    def on_dtmf(self, digit: str) -> None:
        """A key the caller pressed: one of `0-9*#A-D`."""
        ...

    def on_played(self, name: str) -> None:
        """The caller has heard everything up to the mark `name`; marks that were cleared may come or not."""
        ...

    def on_closed(self, reason: EndReason, detail: str) -> None:
        """The carrier's side is gone, by hangup or by fault. Comes once, nothing comes after it, and it does not
        come after one's own `Leg.close`."""
        ...


class Leg(Protocol):
    """The two-way audio connection of one call to its carrier.

    `carrier_call_id` is the carrier's id of the call, `peer` its address for logs, `format` is fixed for the life of
    the leg. `lead_ms` is how far ahead of real time the leg takes audio: 0 where the carrier plays at once what it
    gets, and then it gets a frame for every 20 ms, silence too. A carrier with a buffer of its own gets sound only.
    """

    carrier: str
    carrier_call_id: str
    peer: str
    format: AudioFormat
    lead_ms: int
    origin: CallOrigin

    @property
    def control(self) -> CallControl | None:
        """The carrier's hand on the call, if it has one."""
        ...

    @property
    def ready(self) -> bool:
        """Whether sound may be sent; false for a moment after `clear`, until the carrier says that it is done."""
        ...

    def attach(self, events: LegEvents) -> None:
        """Deliver from now on what comes in; what came before is delivered first."""
        ...

    def send(self, frame: bytes) -> None:
        """Send one 20 ms frame in the leg's format towards the caller. Never blocks; after the close, does nothing."""
        ...

    def mark(self, name: str) -> None:
        """Have `LegEvents.on_played(name)` called when what was sent so far has been played. Does nothing where
        `lead_ms` is 0."""
        ...

    def clear(self) -> None:
        """Drop what the carrier has buffered and not played, where it can."""
        ...

    async def close(self, reason: EndReason) -> None:
        """End the leg in the way the carrier wants for `reason`; returns when it is gone. May be repeated."""
        ...
