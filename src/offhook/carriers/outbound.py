"""Placing calls, and knowing what became of them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from uuid import uuid4

import structlog

from offhook.calls.leg import CallOrigin
from offhook.carriers.destinations import destination, extension
from offhook.carriers.media_stream.accounts import CARRIERS
from offhook.carriers.orders import Judge, Orders
from offhook.carriers.placed import CallState, PlacedCall
from offhook.carriers.placer import CallPlacer, DialOrder
from offhook.config import DialCarrier, Settings
from offhook.errors import CallError, CarrierError

__all__ = ["Dialler"]

log = structlog.get_logger(__name__)

_MARGIN_S = 30
_FORGET_AFTER_S = 3_600
_MOST_KEPT = 1_000


class Dialler:
    """Places calls through the carriers that have an account, and is told by their webhooks how they go.

    Implements `CallWatch`. Whoever has no webhooks tells by the order itself. `reachable` gives what the addresses of
    our hooks begin with, empty while carriers cannot reach us. `sweep` must be called every few seconds: it ends calls
    of which nothing is heard any more, and forgets old ones.
    """

    def __init__(
        self,
        settings: Settings,
        apis: Mapping[DialCarrier, CallPlacer],
        reachable: Callable[[], str],
        *,
        now: Callable[[], float] = monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._settings = settings
        self._apis = apis
        self._orders = Orders(settings, apis, reachable)
        self._now = now
        self._wall = wall
        self._calls: dict[str, PlacedCall] = {}
        self._due: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def dial(
        self,
        to: str,
        *,
        from_number: str = "",
        agent: str = "",
        variables: Mapping[str, str] | None = None,
        carrier: DialCarrier | None = None,
        ring_timeout_s: int | None = None,
        machine_detection: Judge | None = None,
        consults_for: str = "",
    ) -> PlacedCall:
        """Place a call, once; what is not given comes from the settings. `consults_for` is the id of a call that who
        answers is asked to take over.

        The call rings when this returns, or is in `doubt`. Raises ConfigError, and CallError when it cannot be placed.
        """
        chosen = self._orders.carrier(carrier)
        settings = self._settings.outbound(chosen)
        call = PlacedCall(
            str(uuid4()),
            chosen,
            destination(to) if chosen in CARRIERS else extension(to),
            self._orders.from_number(chosen, from_number),
            self._orders.agent(agent),
            dict(variables or {}),
            self._orders.judge(chosen, machine_detection or settings.machine_detection),
            consults_for,
            wall=self._wall,
        )
        order = self._orders.order(call, ring_timeout_s or settings.ring_timeout_s, partial(self.progress, call.id))
        self._calls[call.id] = call
        self._due[call.id] = self._now() + order.ring_timeout_s + _MARGIN_S
        await self._place(call, order)
        return call

    def agent_of(self, wanted: str) -> str:
        """Who will talk: the agent that is wanted, or the first one."""
        return wanted or next(iter(self._settings.agents))

    def places_by(self, carrier: str) -> bool:
        """Whether calls can be placed through `carrier`."""
        return carrier in self._apis

    async def hang_up(self, call: PlacedCall) -> None:
        """End a call at its carrier, whether it rings or is up. Raises CallError."""
        if call.over:
            return
        if not call.carrier_call_id:
            raise CallError("the carrier has not told its id of the call yet")
        await self._apis[call.carrier].hang_up(call.carrier_call_id)
        self.progress(call.id, "ended" if call.answered else "failed", "we hung up")

    def find(self, call_id: str) -> PlacedCall | None:
        """A call by our id or by the carrier's."""
        found = self._calls.get(call_id)
        by_carrier = (call for call in self._calls.values() if call.carrier_call_id == call_id != "")
        return found or next(by_carrier, None)

    @property
    def live(self) -> tuple[PlacedCall, ...]:
        """The calls that are not over, the oldest first."""
        return tuple(call for call in self._calls.values() if not call.over)

    # What webhooks and legs tell

    def origin(self, dial_id: str) -> CallOrigin | None:
        """What is known of a call before anybody speaks; None for an id that is not ours."""
        call = self._calls.get(dial_id)
        if call is None:
            return None
        return CallOrigin("outbound", call.from_number, call.to, call.agent, call.variables, call.id, call.consults_for)

    def identify(self, dial_id: str, carrier_call_id: str) -> None:
        """The carrier's id of a call, which is needed where its answer to our request got lost."""
        call = self._calls.get(dial_id)
        if call is not None and not call.carrier_call_id:
            call.carrier_call_id = carrier_call_id

    def progress(self, dial_id: str, state: CallState, detail: str = "") -> None:
        """A call has come to `state`. Whatever comes twice, late or out of order does no harm."""
        call = self._calls.get(dial_id)
        if call is None:
            log.debug("news of no call of ours", dial_id=dial_id, state=state)
            return
        was_answered = call.answered
        if not call.advance(state, detail):
            return
        log.info("outbound call", call=call.id[:8], carrier=call.carrier, state=call.state, detail=detail)
        if call.over:
            self._due[call.id] = self._now() + _FORGET_AFTER_S
        elif call.answered and not was_answered:
            self._due[call.id] = self._now() + self._orders.longest_s(call.agent) + _MARGIN_S

    # Time

    def sweep(self) -> None:
        """End the calls of which nothing was heard for too long; forget what ended long ago, or is too much."""
        now = self._now()
        for call_id in [call_id for call_id, due in self._due.items() if due <= now]:
            call = self._calls[call_id]
            if call.over:
                self._forget(call_id)
            else:
                self._give_up(call)
        finished = [call_id for call_id, call in self._calls.items() if call.over]
        for call_id in finished[: max(0, len(self._calls) - _MOST_KEPT)]:
            self._forget(call_id)

    async def close(self) -> None:
        """Hang up what still rings, and wait until the carriers know."""
        for call in self.live:
            self._spawn_hang_up(call)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _give_up(self, call: PlacedCall) -> None:
        self._spawn_hang_up(call)
        self.progress(call.id, "failed", call.doubt or "nothing more was heard of the call")

    def _forget(self, call_id: str) -> None:
        del self._calls[call_id]
        del self._due[call_id]

    def _spawn_hang_up(self, call: PlacedCall) -> None:
        if call.carrier_call_id:
            task = asyncio.get_running_loop().create_task(self._surely_hang_up(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _surely_hang_up(self, call: PlacedCall) -> None:
        try:
            await self._apis[call.carrier].hang_up(call.carrier_call_id)
        except CarrierError as error:
            log.warning("a call could not be hung up", call=call.id[:8], error=str(error))

    async def _place(self, call: PlacedCall, order: DialOrder) -> None:
        try:
            carrier_call_id = await self._apis[call.carrier].dial(order)
        except CarrierError as error:
            if not error.unknown:
                self.progress(call.id, "failed", str(error.args[0]).partition("\n")[0])
                raise
            log.warning("it is unknown whether a call was placed", call=call.id[:8], error=str(error))
            call.be_in_doubt(str(error))
        except asyncio.CancelledError:
            call.be_in_doubt("given up while the carrier was asked")
            raise
        else:
            self.identify(call.id, carrier_call_id)
            log.info("call placed", call=call.id[:8], carrier=call.carrier, carrier_call_id=carrier_call_id)
