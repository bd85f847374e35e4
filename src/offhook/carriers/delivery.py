"""What a leg tells its call: kept until there is one to tell, and nothing after the end."""

from collections import deque

from offhook.calls.leg import LegEvents
from offhook.events import EndReason

__all__ = ["Delivery"]

MAX_EARLY = 100
"""Frames and digits kept for a call that has not attached yet: 2 s of audio."""


class Delivery:
    """The way of events from one leg to its call. `is_open` until either side has ended it."""

    def __init__(self) -> None:
        self.is_open = True
        self._events: LegEvents | None = None
        self._early: deque[bytes | str] = deque(maxlen=MAX_EARLY)
        self._end: tuple[EndReason, str] | None = None
        self._holds_end = False

    def attach(self, events: LegEvents) -> None:
        """Deliver to `events` from now on. Of what came before, the last 2 s are delivered first."""
        self._events = events
        while self._early:
            self._hand(self._early.popleft())
        self._tell_end()

    def give(self, item: bytes | str) -> None:
        """Deliver a frame of audio, or a key that was pressed."""
        if self.is_open:
            self._hand(item)

    def _hand(self, item: bytes | str) -> None:
        if self._events is None:
            self._early.append(item)
        elif isinstance(item, bytes):
            self._events.on_audio(item)
        else:
            self._events.on_dtmf(item)

    def played(self, name: str) -> None:
        """Deliver that all up to a mark was heard."""
        if self._events is not None:
            self._events.on_played(name)

    def close(self) -> None:
        """The call has ended it, and is told nothing any more."""
        self.is_open = False
        self._end = None
        self._early.clear()

    def end(self, reason: EndReason, detail: str) -> None:
        """Tell the call, once, that the carrier's side is gone."""
        if self.is_open:
            self.is_open = False
            self._end = (reason, detail)
            self._tell_end()

    def hold_end(self) -> None:
        """Keep the end back, if it comes, until `release_end`."""
        self._holds_end = True

    def release_end(self) -> None:
        """Tell of the end if it came."""
        self._holds_end = False
        self._tell_end()

    def _tell_end(self) -> None:
        if self._end is not None and self._events is not None and not self._holds_end:
            end, self._end = self._end, None
            self._events.on_closed(*end)
