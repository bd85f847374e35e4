"""Whether a peer is still there: a line on which nothing is said may be muted, so it is asked."""

from collections.abc import Callable
from typing import Protocol

__all__ = ["CallLater", "Pulse", "Timer"]


class Timer(Protocol):
    """What `call_later` gives back."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class CallLater(Protocol):
    """`asyncio.AbstractEventLoop.call_later`, or the clock of a test."""

    def __call__(self, delay: float, callback: Callable[[], None], /) -> Timer:
        """Call `callback` in `delay` seconds."""
        ...


class Pulse:
    """Looks every `every_s` seconds whether `alive` was set since, asks once if not, and then gives up.

    One timer a connection and no work a message, but for setting `alive`.
    """

    def __init__(self, call_later: CallLater, every_s: float, *, ask: Callable[[], None], give_up: Callable[[], None]):
        self.alive = True
        self._asked = False
        self._call_later = call_later
        self._every_s = every_s
        self._ask = ask
        self._give_up = give_up
        self._timer = call_later(every_s, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._asked and not self.alive:
            self._give_up()
            return
        self._asked = not self.alive
        if self._asked:
            self._ask()
        self.alive = False
        self._timer = self._call_later(self._every_s, self._look)
