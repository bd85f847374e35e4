"""Which calls are in progress, and who is being told that there is no line free."""

from collections import Counter
from collections.abc import Iterator, Mapping

from offhook.calls.call import Call
from offhook.events import EndReason

__all__ = ["Lines"]


class Lines:
    """All calls of this process, by our ids. While they are `draining` no new one is taken."""

    def __init__(self) -> None:
        self.draining = False
        self._taken: dict[str, Call] = {}
        self._turned_away: dict[str, Call] = {}

    @property
    def taken(self) -> Mapping[str, Call]:
        """The calls in progress, the oldest first."""
        return self._taken

    @property
    def active(self) -> int:
        """How many callers are talked to."""
        return self.per_agent.total()

    @property
    def turned_away(self) -> int:
        """How many callers are being told that they are not taken."""
        return len(self._turned_away)

    @property
    def per_agent(self) -> Counter[str]:
        """How many callers each agent talks to. People who are asked to take a call over are no callers: their calls
        end with the others."""
        return Counter(call.facts.agent for call in self._taken.values() if not call.leg.origin.consults_for)

    def take(self, call: Call) -> None:
        """A call begins."""
        self._taken[call.facts.call_id] = call

    def turn_away(self, call: Call) -> None:
        """A call begins in which a caller is told to call again."""
        self._turned_away[call.facts.call_id] = call

    def free(self, call: Call) -> None:
        """A call is over."""
        for calls in (self._taken, self._turned_away):
            # A carrier may use an id again while the call that had it is still being closed.
            if calls.get(call.facts.call_id) is call:
                del calls[call.facts.call_id]

    def find(self, call_id: str) -> Call | None:
        """A call in progress by our id, or by the carrier's."""
        by_carrier = (call for call in self._taken.values() if call.leg.carrier_call_id == call_id)
        return self._taken.get(call_id) or next(by_carrier, None)

    def of(self, carrier: str, carrier_call_id: str) -> Iterator[Call]:
        """The calls that the carrier knows by that id."""
        for call in self._all:
            if (call.leg.carrier, call.leg.carrier_call_id) == (carrier, carrier_call_id):
                yield call

    @property
    def _all(self) -> list[Call]:
        return [*self._taken.values(), *self._turned_away.values()]

    async def empty(self) -> None:
        """Return when every call that is there now is over."""
        for call in self._all:
            await call.ended.wait()

    async def hang_up(self) -> None:
        """End every call now; returns when they are over."""
        calls = self._all
        for call in calls:
            call.end(EndReason.SHUTDOWN)
        for call in calls:
            await call.ended.wait()
