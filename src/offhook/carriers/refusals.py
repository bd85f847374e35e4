"""Tells of requests that were refused, without letting strangers fill the log."""

from collections.abc import Callable
from time import monotonic

import structlog

from offhook.carriers.allowance import Allowance

__all__ = ["Refusals"]

MOST_A_MINUTE = 30

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Refusals:
    """Warnings, of which so many a minute are written; the next one that is says how many were not (`untold`)."""

    def __init__(self, *, clock: Callable[[], float] = monotonic):
        self._allowance = Allowance(MOST_A_MINUTE / 60, MOST_A_MINUTE, clock=clock)
        self._untold = 0

    def tell(self, what: str, **why: str) -> None:
        """Write a warning, or count it."""
        if not self._allowance.spend(1):
            self._allowance.spend(-1)
            self._untold += 1
            return
        untold, self._untold = self._untold, 0
        log.warning(what, **why, **({"untold": untold} if untold else {}))
