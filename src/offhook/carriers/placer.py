"""A call to be placed, whichever carrier places it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from offhook.carriers.placed import CallState

__all__ = ["CallPlacer", "DialHooks", "DialOrder"]


@dataclass(frozen=True, slots=True)
class DialHooks:
    """Where the carrier tells of a call that it places for us. `status` and `ring` are for whoever has them; all are
    empty for a carrier that has no webhooks."""

    answer: str = ""
    ring: str = ""
    hangup: str = ""
    status: str = ""
    machine: str = ""
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class DialOrder:
    """A call to place. Numbers were checked by `destinations`.

    `dial_id` is our id of the call. A carrier without webhooks tells of the call by `tell`.

    `detect_machine` asks the carrier to tell machines from people while the call goes on: `verdict` as soon as it
    knows, `message_end` after the machine's own message where it can tell. `consults` is for a call to somebody who is
    asked to take another one over. `caller_name` and `sip_headers` are for
    Vobiz and Plivo only. `time_limit_s` is the longest the call may last.
    """

    to: str
    from_number: str
    hooks: DialHooks = DialHooks()
    ring_timeout_s: int = 60
    time_limit_s: int = 14_400
    detect_machine: Literal["no", "verdict", "message_end"] = "no"
    caller_name: str = ""
    send_digits: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    dial_id: str = ""
    consults: bool = False
    tell: Callable[[CallState, str], None] = lambda state, detail: None


class CallPlacer(Protocol):
    """Whoever places calls. Everything raises CarrierError."""

    async def dial(self, order: DialOrder) -> str:
        """Place a call and return the carrier's id of it; accepted is not answered. Never tried twice: with
        `CarrierError.unknown` the call may have been placed nevertheless."""
        ...

    async def hang_up(self, call_id: str) -> None:
        """End a call that rings or is up, by the carrier's id of it. One that is gone already is fine."""
        ...
