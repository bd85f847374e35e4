"""What a carrier's REST API does for us, whichever the carrier."""

from collections.abc import Callable
from typing import Protocol

from offhook.carriers.placer import DialHooks, DialOrder
from offhook.config import CarrierName

__all__ = ["CarrierApi", "DialHooks", "DialOrder", "Publish"]

Publish = Callable[[bytes], str]
"""Serves a document to the carrier for a minute; returns its address."""


class CarrierApi(Protocol):
    """One account at one carrier. `call_id` is the carrier's own id of a call. Everything raises CarrierError."""

    carrier: CarrierName

    async def dial(self, order: DialOrder) -> str:
        """Place a call and return its id; accepted is not answered. Never tried twice: with `CarrierError.unknown`
        the call may have been placed nevertheless."""
        ...

    async def hang_up(self, call_id: str) -> None:
        """End a call that rings or is up. One that is gone already is fine."""
        ...

    async def transfer(self, call_id: str, document: bytes, publish: Publish) -> None:
        """Let the call go on with `document`, which is published if the carrier wants to fetch it."""
        ...

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        """Press keys towards the other side."""
        ...

    async def play(self, call_id: str, url: str) -> None:
        """Play the sound file at `url` to the other side."""
        ...

    async def record(self, call_id: str) -> str:
        """Record the call from now on; returns the recording's id or address."""
        ...

    async def is_live(self, call_id: str) -> bool:
        """Whether the carrier still has the call, ringing or up."""
        ...

    async def check(self) -> None:
        """Whether the credentials are right; costs nothing and changes nothing."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
