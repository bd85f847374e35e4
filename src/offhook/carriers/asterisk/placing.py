"""Calls that Asterisk places for us: it dials, and connects who answers to our AudioSocket."""

import asyncio
from collections.abc import Callable
from functools import partial

from offhook.carriers.asterisk.ami import Ami
from offhook.carriers.asterisk.ami_wire import Message, argument
from offhook.carriers.asterisk.causes import STATES
from offhook.carriers.placed import CallState
from offhook.carriers.placer import DialOrder
from offhook.config import AsteriskSettings
from offhook.errors import CarrierError, WireError

__all__ = ["AsteriskPlacer"]

_EVENTS = ("Newstate", "OriginateResponse", "Hangup")
_MOST_KEPT = 1_000
_AFTER_THE_LEG_S = 1.0
_REASONS: dict[str, tuple[CallState, str]] = {
    "3": ("no_answer", "nobody answered in time"),
    "5": ("busy", ""),
    "8": ("failed", "congestion"),
}
"""By the kinds of control frames (`include/asterisk/frame.h`) that ended a try; 0 and 1 say nothing more."""


class AsteriskPlacer:
    """Implements `CallPlacer`. `audiosocket` gives host:port at which Asterisk reaches our AudioSocket, or raises
    CarrierError.

    The id of a call is one everywhere: our own, the UUID of its AudioSocket, and the id of its channel.
    """

    def __init__(
        self,
        ami: Ami,
        settings: AsteriskSettings,
        audiosocket: Callable[[], str],
        *,
        call_later: Callable[[float, Callable[[], None]], object] | None = None,
    ):
        self._ami = ami
        self._call_later = call_later or (lambda delay, act: asyncio.get_running_loop().call_later(delay, act))
        self._settings = settings
        self._audiosocket = audiosocket
        self._orders: dict[str, DialOrder] = {}
        self._causes: dict[str, str] = {}
        ami.subscribe(_EVENTS, self._on_event)

    async def dial(self, order: DialOrder) -> str:
        """Place a call. Raises CarrierError, which is `unknown` where it may have been placed nevertheless."""
        try:
            fields = self._fields(order)
        except WireError as error:
            raise CarrierError(str(error), carrier="asterisk") from error
        self._orders[order.dial_id] = order
        if len(self._orders) > _MOST_KEPT:
            self._forget(next(iter(self._orders)))
        try:
            await self._ami.action("Originate", **fields)
        except CarrierError as error:
            if not error.unknown:
                self._forget(order.dial_id)
            raise
        return order.dial_id

    async def hang_up(self, call_id: str) -> None:
        """End a call; one that is gone already is fine. Raises CarrierError."""
        try:
            await self._ami.action("Hangup", Channel=argument("Channel", call_id), Cause="16")
        except CarrierError as error:
            if "no such channel" not in str(error).lower():
                raise

    def _fields(self, order: DialOrder) -> dict[str, str]:
        settings = self._settings
        template = (order.consults and settings.consult_template) or settings.dial_template
        fields = {
            "Channel": template.replace("{number}", argument("Channel", order.to)),
            "Application": "AudioSocket",
            "Data": f"{argument('Data', order.dial_id)},{argument('Data', self._audiosocket())}",
            "ChannelId": order.dial_id,
            "Timeout": str(order.ring_timeout_s * 1000),
            "Async": "true",
        }
        return fields | ({"CallerID": argument("CallerID", order.from_number)} if order.from_number else {})

    def _on_event(self, event: Message) -> None:
        order = self._orders.get(event.get("Uniqueid"))
        if order is None:
            return
        match event.event:
            case "Newstate" if event.get("ChannelStateDesc") == "Ringing":
                order.tell("ringing", "")
            case "OriginateResponse":
                self._originated(order, event)
            case "Hangup":
                self._hung_up(order, event)

    def _originated(self, order: DialOrder, event: Message) -> None:
        if event.get("Response") == "Success":
            order.tell("answered", "")
            return
        cause = self._causes.get(order.dial_id, "")
        state, detail = _REASONS.get(
            event.get("Reason"), (STATES.get(int(cause), "failed") if cause.isdigit() else "failed", "")
        )
        if state == "failed" and not detail:
            detail = f"Asterisk could not dial {event.get('Channel')}"
        self._forget(order.dial_id)
        order.tell(state, detail)

    def _hung_up(self, order: DialOrder, event: Message) -> None:
        # Before the answer, what became of the try is told by OriginateResponse, a moment sooner or later.
        self._causes[order.dial_id] = event.get("Cause")
        if event.get("ChannelStateDesc") == "Up":
            self._forget(order.dial_id)
            # The leg knows better why, and ends at about the same time.
            self._call_later(_AFTER_THE_LEG_S, partial(order.tell, "ended", event.get("Cause-txt")))

    def _forget(self, dial_id: str) -> None:
        self._orders.pop(dial_id, None)
        self._causes.pop(dial_id, None)
