"""Calls that Asterisk places for us by its REST interface: who answers comes into our application."""

import asyncio
from collections.abc import Callable
from functools import partial

from offhook.carriers.asterisk.ami_wire import argument
from offhook.carriers.asterisk.ari import Ari, path
from offhook.carriers.asterisk.ari_calls import PLACED
from offhook.carriers.asterisk.ari_wire import AriEvent, Destroyed, Dialled, Started
from offhook.carriers.asterisk.causes import STATES
from offhook.carriers.placed import CallState
from offhook.carriers.placer import DialOrder
from offhook.config import AsteriskSettings
from offhook.errors import CarrierError, WireError

__all__ = ["AriPlacer"]

_MOST_KEPT = 1_000
_AFTER_THE_LEG_S = 1.0
_OUTCOMES: dict[str, tuple[CallState, str]] = {
    "BUSY": ("busy", ""),
    "NOANSWER": ("no_answer", "nobody answered in time"),
    "CONGESTION": ("failed", "congestion"),
    "CHANUNAVAIL": ("failed", "the channel is not available"),
}
"""By the states of a dial."""


class AriPlacer:
    """Implements `CallPlacer`. The id of a call is one everywhere: our own, that of its channel, and the UUID of its
    AudioSocket."""

    def __init__(
        self,
        ari: Ari,
        settings: AsteriskSettings,
        *,
        call_later: Callable[[float, Callable[[], None]], object] | None = None,
    ):
        self._ari = ari
        self._settings = settings
        self._call_later = call_later or (lambda delay, act: asyncio.get_running_loop().call_later(delay, act))
        self._orders: dict[str, DialOrder] = {}
        self._answered: set[str] = set()
        self._outcomes: dict[str, tuple[CallState, str]] = {}
        ari.subscribe(self._on_event)

    async def dial(self, order: DialOrder) -> str:
        """Place a call. Raises CarrierError, which is `unknown` where it may have been placed nevertheless."""
        template = (order.consults and self._settings.consult_template) or self._settings.dial_template
        try:
            endpoint = template.replace("{number}", argument("number", order.to))
            shown = argument("callerId", order.from_number) if order.from_number else ""
        except WireError as error:
            raise CarrierError(str(error), carrier="asterisk") from error
        if not self._ari.connected.is_set():
            raise CarrierError("Asterisk's REST interface is not there now", carrier="asterisk")
        self._orders[order.dial_id] = order
        if len(self._orders) > _MOST_KEPT:
            self._forget(next(iter(self._orders)))
        try:
            await self._ari.ask(
                "POST",
                path("channels", order.dial_id),
                endpoint=endpoint,
                app=self._ari.app,
                appArgs=PLACED,
                timeout=str(order.ring_timeout_s),
                callerId=shown,
            )
        except CarrierError as error:
            if error.unknown:
                raise
            self._forget(order.dial_id)
            # So does Asterisk say that it cannot make the channel, whatever its words.
            problem = f"Asterisk cannot dial {endpoint}" if error.status == 409 else str(error.args[0])
            raise CarrierError(problem.partition("\n")[0], status=error.status, hint=error.hint) from error
        return order.dial_id

    async def hang_up(self, call_id: str) -> None:
        """End a call; one that is gone already is fine. Raises CarrierError."""
        await self._ari.ask("DELETE", path("channels", call_id), fine=(404,), reason="normal")

    def expects(self, channel: str) -> bool:
        """Whether a channel is that of a call which we placed."""
        return channel in self._orders

    def missed(self, there: set[str]) -> None:
        """Events were missed; `there` are the channels that are left. Those that rang and are gone have failed."""
        for dial_id, order in tuple(self._orders.items()):
            if dial_id not in there:
                self._forget(dial_id)
                order.tell("failed", "it is not known what became of the call")

    def _on_event(self, event: AriEvent) -> None:
        match event:
            case Dialled(channel, status) if channel in self._orders:
                self._dialled(self._orders[channel], status)
            case Started(channel) if channel.id in self._orders:
                self._answered.add(channel.id)
                self._orders[channel.id].tell("answered", "")
            case Destroyed(channel, cause, text) if channel in self._orders:
                self._destroyed(self._orders[channel], cause, text)

    def _dialled(self, order: DialOrder, status: str) -> None:
        if status == "RINGING":
            order.tell("ringing", "")
        elif status in _OUTCOMES:
            self._outcomes[order.dial_id] = _OUTCOMES[status]

    def _destroyed(self, order: DialOrder, cause: int, text: str) -> None:
        answered, outcome = order.dial_id in self._answered, self._outcomes.get(order.dial_id)
        self._forget(order.dial_id)
        if answered:
            # The leg knows better why, and ends at about the same time.
            self._call_later(_AFTER_THE_LEG_S, partial(order.tell, "ended", text))
        else:
            state = STATES.get(cause, "failed")
            order.tell(*(outcome or (state, f"Asterisk could not dial: {text}" if state == "failed" else "")))

    def _forget(self, dial_id: str) -> None:
        self._orders.pop(dial_id, None)
        self._outcomes.pop(dial_id, None)
        self._answered.discard(dial_id)
