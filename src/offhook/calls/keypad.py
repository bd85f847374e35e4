"""Keys that the caller presses one after the other, taken together. No I/O; times are ms of the call's clock."""

__all__ = ["Keypad"]

_PAUSE_MS = 2_500
_MOST_DIGITS = 64


class Keypad:
    """Collects digits until `#` or a pause."""

    def __init__(self, *, pause_ms: int = _PAUSE_MS):
        self._pause_ms = pause_ms
        self._digits = ""
        self._last_ms = 0

    @property
    def waiting(self) -> bool:
        """Whether keys were pressed that more may follow."""
        return bool(self._digits)

    def press(self, digit: str, now_ms: int) -> str:
        """Take a key; returns all keys if this one ends them, else nothing."""
        self._last_ms = now_ms
        self._digits += digit
        return self._take() if digit == "#" or len(self._digits) >= _MOST_DIGITS else ""

    def tick(self, now_ms: int) -> str:
        """All keys if the pause after the last one is over, else nothing."""
        return self._take() if self._digits and now_ms - self._last_ms >= self._pause_ms else ""

    def _take(self) -> str:
        digits, self._digits = self._digits, ""
        return digits
