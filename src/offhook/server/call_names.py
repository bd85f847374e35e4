"""By what a call is known: to its carrier, to us, and before it is there."""

from collections.abc import Container
from uuid import UUID, uuid4

from offhook.calls.leg import CallOrigin, Leg
from offhook.carriers.placed import PlacedCall

__all__ = ["announcement", "new_call_id", "person"]


def person(origin: CallOrigin) -> str:
    """The number of whom the agent talks to."""
    return origin.from_number if origin.direction == "inbound" else origin.to_number


def announcement(carrier: str, origin: CallOrigin, carrier_call_id: str) -> str:
    """By what a call is known before it is answered and after; empty for one that has no name yet."""
    if origin.dial_id:
        return f"dial:{origin.dial_id}"
    return f"{carrier}:{carrier_call_id}" if carrier_call_id else ""


def new_call_id(leg: Leg, placed: PlacedCall | None, taken: Container[str]) -> str:
    """Our id of the call that `leg` brings, which is `placed` if we placed it. None of those `taken`, except where
    AudioSocket names a call anew."""
    # Asterisk's own UUID is the one that the dialplan and its CDR know; who placed a call knows it by its dial id,
    # and a caller who comes back from a transfer begins another conversation.
    if leg.carrier == "audiosocket" or (leg.carrier == "asterisk" and _is_free_uuid(leg.carrier_call_id, taken)):
        return leg.carrier_call_id
    return placed.id if placed is not None and placed.id not in taken else str(uuid4())


def _is_free_uuid(text: str, taken: Container[str]) -> bool:
    try:
        return str(UUID(text)) == text and text not in taken
    except ValueError:
        return False
