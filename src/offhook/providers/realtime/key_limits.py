"""How much of its limits a key has left, as far as the vendor told: what all sessions of the key share."""

import re
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from offhook.providers.http import FATAL_CODES

__all__ = ["RATE_LIMIT", "KeyLimits", "RateLimits"]

RATE_LIMIT = "rate_limit_exceeded"
_SOON = re.compile(r"try again in ([0-9.]+) ?(ms|s|m)\b")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_UNKNOWN_S = 20.0
_NO_MONEY_S = 300.0


class KeyLimits:
    """The limits of one key: those of each model, and whether there is any money. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._models: dict[str, RateLimits] = {}
        self._broke_until = 0.0

    @property
    def broke(self) -> float:
        """Seconds for which a key without money is not worth asking; 0 for any other."""
        return max(0.0, self._broke_until - self._clock())

    def of(self, model: str) -> "RateLimits":
        """The limits of a model: tables that name the same one have the same."""
        return self._models.setdefault(model, RateLimits(self._clock, self))

    def out_of_money(self) -> None:
        """The key is refused until somebody pays; nobody tells when that is done."""
        self._broke_until = self._clock() + _NO_MONEY_S


class RateLimits:
    """What is left of a model, for all sessions of a key together."""

    def __init__(self, clock: Callable[[], float] = monotonic, key: KeyLimits | None = None) -> None:
        self._clock = clock
        self._key = key or KeyLimits(clock)
        self._resets: dict[str, float] = {}
        self._empty: set[str] = set()
        self._refused_until = 0.0

    @property
    def exhausted(self) -> float:
        """Seconds until there is something left again; 0 while there is."""
        now = self._clock()
        left = (self._resets[name] - now for name in self._empty)
        return max(0.0, self._key.broke, self._refused_until - now, *left)

    def take(self, event: Mapping[str, Any]) -> None:
        """An event `rate_limits.updated`."""
        limits = event.get("rate_limits")
        for limit in limits if isinstance(limits, list) else ():
            if isinstance(limit, dict):
                self._take(limit)

    def failed(self, code: str, text: str = "") -> None:
        """An answer or a session failed with `code`: for want of money, because of a limit, or for neither."""
        if code in FATAL_CODES:
            self._key.out_of_money()
        elif code == RATE_LIMIT:
            self.refused(text)

    def refused(self, text: str = "") -> None:
        """Something was refused because of a limit. Where `text` does not tell for how long, what resets last does."""
        found = _SOON.search(text)
        if found:
            self._refused_until = self._clock() + float(found[1].rstrip(".")) * _UNITS[found[2]]
        elif self._resets:
            self._empty.update(self._resets)
        else:
            self._refused_until = self._clock() + _UNKNOWN_S

    def _take(self, limit: Mapping[str, Any]) -> None:
        name, remaining, reset_s = str(limit.get("name")), limit.get("remaining"), limit.get("reset_seconds")
        if not isinstance(remaining, int | float) or not isinstance(reset_s, int | float):
            return
        self._resets[name] = self._clock() + reset_s
        if remaining > 0:
            self._empty.discard(name)
        else:
            self._empty.add(name)
