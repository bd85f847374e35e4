"""How long the agent bears silence: it asks once, then gives up. No I/O; times are ms of the call's clock."""

from typing import Literal

from offhook.config import SilenceSettings

__all__ = ["Patience"]


class Patience:
    """Counts the silence in which neither side speaks."""

    def __init__(self, settings: SilenceSettings):
        self._ask_after_ms = int(settings.ask_after_s * 1000)
        self._give_up_after_ms = int(settings.hang_up_after_s * 1000)
        self._quiet_since_ms = 0
        self._asked = False

    def caller_active(self) -> None:
        """The caller gave a sign of life: the next silence is a first one again."""
        self._asked = False

    def tick(self, now_ms: int, *, quiet: bool) -> Literal["ask", "give_up"] | None:
        """Take one beat. `quiet` is whether nobody speaks and nothing is being prepared."""
        if not quiet:
            self._quiet_since_ms = now_ms
            return None
        limit = self._give_up_after_ms if self._asked else self._ask_after_ms
        if now_ms - self._quiet_since_ms < limit:
            return None
        self._quiet_since_ms = now_ms
        if self._asked:
            return "give_up"
        self._asked = True
        return "ask"
