"""Legs of calls that we placed: whose they are, how they are answered, and what their dialler hears of them."""

from offhook.calls.call import Call
from offhook.calls.engines.base import EngineFactory
from offhook.calls.leg import Leg
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import AgentSettings
from offhook.server.screened import screened

__all__ = ["PlacedLegs"]


class PlacedLegs:
    """Joins legs to what `dialler` has placed; without one no call is ours. `listens` is whether there is a detector
    that hears who answers."""

    def __init__(self, dialler: Dialler | None, *, listens: bool):
        self._dialler = dialler
        self._listens = listens

    @property
    def ringing(self) -> list[PlacedCall]:
        """Calls to callers that nobody has answered yet."""
        placed = self._dialler.live if self._dialler is not None else ()
        return [call for call in placed if not (call.answered or call.consults_for)]

    def find(self, leg: Leg) -> PlacedCall | None:
        """The call in progress that we placed and that `leg` brings; None for any other."""
        dial_id = leg.origin.dial_id
        placed = self._dialler.find(dial_id) if self._dialler is not None and dial_id else None
        return None if placed is None or placed.over else placed

    def answered(self, leg: Leg) -> None:
        """Somebody has answered: if we placed the call, that is known now."""
        placed = self.find(leg)
        if placed is not None and self._dialler is not None:
            self._dialler.identify(placed.id, leg.carrier_call_id)
            self._dialler.progress(placed.id, "answered")

    def engine(self, leg: Leg, engine: EngineFactory, agent: AgentSettings) -> EngineFactory:
        """`engine`, which finds out first who answered a call that we placed."""
        placed = self.find(leg)
        if self._dialler is None or placed is None or placed.judge == "off" or not self._listens:
            return engine
        return screened(engine, placed, agent, self._dialler)

    def ended(self, call: Call) -> None:
        """A call is over."""
        if self._dialler is not None and call.leg.origin.dial_id:
            why = call.end_reason.value.replace("_", " ") if call.end_reason is not None else ""
            self._dialler.progress(call.leg.origin.dial_id, "ended", why)
