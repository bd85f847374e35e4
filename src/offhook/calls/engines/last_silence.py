"""The silence after the last words of a call, before it is hung up. No I/O; times are ms of the call's clock."""

__all__ = ["LastSilence"]

_LAST_SILENCE_MS = 240


class LastSilence:
    """Waits until nobody has said anything for a moment."""

    def __init__(self) -> None:
        self._since_ms: int | None = None

    def over(self, now_ms: int, *, quiet: bool) -> bool:
        """Take one beat; `quiet` is whether nobody speaks and nothing is being done. True when that lasted long."""
        if not quiet:
            self._since_ms = None
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        return now_ms - self._since_ms >= _LAST_SILENCE_MS
