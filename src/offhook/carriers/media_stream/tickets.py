"""Tickets: what is known of a call between its answer webhook and its media socket."""

from dataclasses import dataclass

from offhook.audio.formats import AudioFormat
from offhook.calls.leg import CallOrigin
from offhook.config import CarrierName

__all__ = ["Ticket"]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was answered and whose media socket may now be opened, once.

    `format` is what the answer asked the carrier to send.
    """

    carrier: CarrierName
    carrier_call_id: str
    origin: CallOrigin
    format: AudioFormat
