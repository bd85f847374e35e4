"""Which provider's session serves a call, one after the other as they fail. No I/O."""

from typing import Generic, TypeVar

from offhook.errors import ProviderError
from offhook.providers.standby import Standby, Watched

__all__ = ["Succession"]

P = TypeVar("P")
_LONG_MS = 300_000


class Succession(Generic[P]):
    """The providers of one call, best first, and who was tried since the last one that worked.

    Whoever fails is followed by the best one that is well and was not tried. Where there is none, the same provider is
    tried once more, if its failure allows that. One that served for minutes before its session ended is asked first:
    it is a session's time that was over, or a connection's.
    """

    def __init__(self, standby: Standby[P]):
        self._standby = standby
        self._tried: list[Watched[P]] = []

    def first(self) -> Watched[P]:
        """Who begins."""
        return self._standby.best

    def worked(self) -> None:
        """Whoever serves has been heard: all others may be tried again."""
        self._tried.clear()

    def after(self, lost: Watched[P], error: ProviderError, *, served_ms: int) -> Watched[P] | None:
        """Who comes after `lost`, which failed with `error` after `served_ms`; None if nobody is left."""
        again = error.retryable and lost not in self._tried and not lost.exhausted
        self._tried.append(lost)
        if again and served_ms >= _LONG_MS:
            return lost
        return self._other() or (lost if again else None)

    def anyone_after(self, serving: Watched[P]) -> bool:
        """Whether anybody could take over from the one who serves."""
        return self._other(serving) is not None or serving not in self._tried

    def _other(self, *but: Watched[P]) -> Watched[P] | None:
        untried = (each for each in self._standby.watched if each not in self._tried and each not in but)
        return next((each for each in untried if each.available), None)
