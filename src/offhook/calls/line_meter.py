"""What the carrier of a call is used for: seconds, from the answer to the end."""

from offhook.calls.leg import Leg
from offhook.events import EventSink, UsageReported

__all__ = ["LineMeter"]

_EVERY_MS = 60_000


class LineMeter:
    """Tells `emit` every minute how long the call of `leg` lasted since the last time; the rest at its end."""

    def __init__(self, call_id: str, leg: Leg, emit: EventSink):
        self._call_id = call_id
        self._leg = leg
        self._emit = emit
        self._told_ms = 0

    def tick(self, now_ms: int) -> None:
        """The call has lasted so long."""
        if now_ms - self._told_ms >= _EVERY_MS:
            self.close(now_ms)

    def close(self, now_ms: int) -> None:
        """Tell what was not told yet."""
        seconds = (now_ms - self._told_ms) / 1000
        self._told_ms = now_ms
        if seconds:
            leg, used = self._leg, {"seconds": seconds}
            self._emit(UsageReported(self._call_id, now_ms, leg.carrier, used, "carrier", leg.origin.direction))
