"""What a carrier's media stream says, in words that all dialects share. No socket, no clock.

A dialect reads the carrier's JSON into these events and builds the messages that it takes; see `frames`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from offhook.audio.formats import AudioFormat
from offhook.config.carriers import CarrierName

__all__ = ["KEYS", "Cleared", "Event", "Frames", "KeyPressed", "Media", "Played", "Started", "Stopped", "Stream"]

KEYS = frozenset("0123456789*#ABCD")


class Stream(NamedTuple):
    """What is known of a stream: its id at the carrier, empty until the carrier has said it, and its audio."""

    id: str
    format: AudioFormat


@dataclass(frozen=True, slots=True)
class Started:
    """The stream is open. Ids are empty and `format` is None where the carrier does not tell them."""

    stream_id: str
    call_id: str
    format: AudioFormat | None
    parameters: Mapping[str, str]


class Media(NamedTuple):
    """Caller audio of any length, as it was on the wire. A tuple: there are fifty a second of each call."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key: one of `KEYS`."""

    digit: str


@dataclass(frozen=True, slots=True)
class Played:
    """What was sent before the mark `name` has been played; or, at Twilio, was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier's buffer is empty. It does not say for which of several clears."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """No more will come. `reason` is the carrier's word, mostly empty."""

    reason: str


Event = Started | Media | KeyPressed | Played | Cleared | Stopped


class Frames(Protocol):
    """One carrier's dialect on one connection: it remembers the stream that it reads of.

    Payloads are in the format and byte order of the wire. `acknowledges_clear` tells whether `Cleared` ever comes;
    `counters` has what was ignored, by why.
    """

    carrier: CarrierName
    acknowledges_clear: bool

    @property
    def stream(self) -> Stream:
        """The stream as far as it is known."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """How many messages were ignored, by why."""
        ...

    def read(self, text: str | bytes) -> Event | None:
        """One message of the carrier; None for one that tells us nothing. Raises WireError for what ends the
        connection."""
        ...

    def audio(self, payload: bytes) -> str:
        """Play `payload` after what was sent before."""
        ...

    def mark(self, name: str) -> str:
        """Have `Played(name)` sent when what was sent before has been played."""
        ...

    def clear(self) -> str:
        """Drop what has not been played."""
        ...

    def stop(self) -> str | None:
        """End the stream; None where closing the socket does."""
        ...

    def dtmf(self, digits: str) -> str | None:
        """Press keys towards the caller; None where the stream cannot. Raises CallError for what are no keys."""
        ...
