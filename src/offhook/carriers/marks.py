"""Marks that a carrier has been sent, and has not told back."""

__all__ = ["Marks"]

MAX_MARKS = 256
"""Marks that wait. A carrier that never answers them must not fill the memory."""


class Marks:
    """Names are to be used once a call: one that is told after a clear is stale."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}

    def ask(self, name: str) -> None:
        """A mark was sent."""
        self._waiting[name] = None
        if len(self._waiting) > MAX_MARKS:
            del self._waiting[next(iter(self._waiting))]

    def clear(self) -> None:
        """Those that wait are void."""
        self._waiting.clear()

    def told(self, name: str) -> bool:
        """A mark came back: whether it was waited for."""
        # Twilio returns the marks of what was cleared, and any carrier may answer just before it hears of the clear.
        if name not in self._waiting:
            return False
        del self._waiting[name]
        return True
