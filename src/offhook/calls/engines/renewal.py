"""When a session that grows old hands its call on to another one. No I/O."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Heir", "Renewal", "Step"]

Step = Literal["open", "switch", "drop", "force"]
_STILL_MS = 200
_AGAIN_MS = 1_000
_MARGIN_MS = 2_000


@dataclass(frozen=True, slots=True)
class Heir:
    """How the session is that waits to take over: `ready`, or of no use as it was `stirred` by the caller, or died."""

    ready: bool
    stirred: bool


class Renewal:
    """Wants another session opened at a quiet moment, and the switch to it in the same one: it must know all that was
    said, and have heard nothing that it would answer. One during whose opening somebody speaks is dropped, and the next
    quiet moment is waited for. If none comes, the switch is forced shortly before the provider makes an end itself.
    """

    def __init__(self) -> None:
        self._quiet_since_ms: int | None = None
        self._not_before_ms = 0

    def tick(self, now_ms: int, expires_ms: float | None, *, quiet: bool, heir: Heir | None) -> Step | None:
        """What to do at this beat. The provider ends the session at work at `expires_ms`, if that is known; it is
        `quiet` while nobody speaks and nothing is owed."""
        if expires_ms is None:
            return None
        self._quiet_since_ms = (self._quiet_since_ms or now_ms) if quiet else None
        if heir is not None:
            return self._awaited(now_ms, heir)
        if now_ms >= expires_ms - _MARGIN_MS:
            return "force"
        if self._quiet_since_ms is None or now_ms < self._not_before_ms:
            return None
        return "open" if now_ms - self._quiet_since_ms >= _STILL_MS else None

    def _awaited(self, now_ms: int, heir: Heir) -> Step | None:
        if self._quiet_since_ms is None or heir.stirred:
            self._not_before_ms = now_ms + _AGAIN_MS
            return "drop"
        return "switch" if heir.ready else None
