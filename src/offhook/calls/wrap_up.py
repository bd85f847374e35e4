"""When an agent is told that its call nears the limit, so that it can come to an end. No I/O; times are ms of the
call's clock."""

from offhook.config import SilenceSettings

__all__ = ["WrapUp"]


class WrapUp:
    """Finds the moment, once: so long before the limit, when nobody speaks. Nobody is told in a call without one."""

    def __init__(self, settings: SilenceSettings):
        self._limit_ms = int(settings.max_duration_s * 1000)
        self._from_ms = self._limit_ms - int(settings.wrap_up_s * 1000)
        self._told = settings.wrap_up_s == 0

    def tick(self, now_ms: int, *, quiet: bool) -> int | None:
        """Take one beat; the seconds that are left if this is the moment. `quiet` is whether nobody speaks and nothing
        is being prepared."""
        if self._told or not quiet or now_ms < self._from_ms:
            return None
        self._told = True
        return max(0, self._limit_ms - now_ms) // 1000
