"""How much of its rate limits a key has left, as far as OpenAI told."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

__all__ = ["RateLimits"]


class RateLimits:
    """What is left, for all sessions of a key together. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._resets: dict[str, float] = {}
        self._empty: set[str] = set()

    @property
    def exhausted(self) -> float:
        """Seconds until there is something left again; 0 while there is."""
        now = self._clock()
        return max(0.0, *(self._resets[name] - now for name in self._empty), 0.0)

    def take(self, event: Mapping[str, Any]) -> None:
        """An event `rate_limits.updated`."""
        limits = event.get("rate_limits")
        for limit in limits if isinstance(limits, list) else ():
            if isinstance(limit, dict):
                self._take(limit)

    def refused(self) -> None:
        """An answer was refused because of a limit: what resets last is taken for it."""
        self._empty.update(self._resets)

    def _take(self, limit: Mapping[str, Any]) -> None:
        name, remaining, reset_s = str(limit.get("name")), limit.get("remaining"), limit.get("reset_seconds")
        if not isinstance(remaining, int | float) or not isinstance(reset_s, int | float):
            return
        self._resets[name] = self._clock() + reset_s
        if remaining > 0:
            self._empty.discard(name)
        else:
            self._empty.add(name)
