"""Watches over the silence of a session at OpenAI: whether something should have come by now. No I/O."""

import asyncio
from collections.abc import Callable
from typing import Protocol

__all__ = ["Timers", "Watch", "Watched"]

_LOOKS = 4


class Watched(Protocol):
    """What is watched: `waiting` for a sign of the server, or `thinking`, as far as the server said."""

    @property
    def waiting(self) -> bool:
        """Whether the server should be about to say something."""
        ...

    @property
    def thinking(self) -> bool:
        """Whether an answer began, and nothing of it came yet."""
        ...


class Timers(Protocol):
    """What of an event loop is needed."""

    def time(self) -> float:
        """Seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        """Call back once."""
        ...


class Watch:
    """Calls `stalled(seconds)` once no sign came for so long where one was due: `opening_s` for the first one,
    `patience_s` for any other, and `thinking_s` for the first piece of an answer that has begun.

    Whatever the server sends is a sign. While a model thinks it sends nothing, so `vouch` is called now and then: that
    the connection lives is the business of whoever keeps it.
    """

    def __init__(
        self,
        watched: Watched,
        timers: Timers,
        *,
        opening_s: float,
        patience_s: float,
        thinking_s: float,
        vouch: Callable[[], None],
        stalled: Callable[[float], None],
    ) -> None:
        self._watched = watched
        self._timers = timers
        self._opening_s = opening_s
        self._patience_s = patience_s
        self._thinking_s = thinking_s
        self._vouch = vouch
        self._stalled = stalled
        self._greeted = False
        self._since_s = timers.time()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A connection is being made: watch."""
        self.due()
        self._look_in(self._opening_s)

    def sign(self) -> None:
        """The server sent something."""
        self.due()
        if not self._greeted:
            self._greeted = True
            self._look_in(self._patience_s)

    def due(self) -> None:
        """From now on the server has its time to say something."""
        self._since_s = self._timers.time()

    def rest(self) -> None:
        """Watch no more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    @property
    def _limit_s(self) -> float:
        if not self._greeted:
            return self._opening_s
        return self._thinking_s if self._watched.thinking else self._patience_s

    def _look(self) -> None:
        silent_s, limit_s = self._timers.time() - self._since_s, self._limit_s
        if self._watched.waiting and silent_s >= limit_s:
            self._timer = None
            self._stalled(limit_s)
            return
        if self._watched.thinking:
            self._vouch()
        pause_s = self._patience_s / _LOOKS
        self._look_in(min(pause_s, limit_s - silent_s) if self._watched.waiting else pause_s)

    def _look_in(self, pause_s: float) -> None:
        self.rest()
        self._timer = self._timers.call_later(pause_s, self._look)
