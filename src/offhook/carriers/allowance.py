"""How much a peer may send: what no carrier needs would only take time from other calls."""

from collections.abc import Callable
from time import monotonic

__all__ = ["Allowance"]


class Allowance:
    """`rate` units a second, of which `burst` may come at once, as after a network that was stuck.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float] = monotonic):
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def spend(self, units: float) -> bool:
        """Take `units`; false if that is more than is left."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - units
        self._at = now
        return self._left >= 0
