"""A call that we placed: how far it has come, and who waits to hear of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from offhook.config import DialCarrier

__all__ = ["CallState", "PlacedCall", "Progress", "Verdict"]

CallState = Literal["queued", "ringing", "answered", "human", "machine", "busy", "no_answer", "failed", "ended"]
Verdict = Literal["human", "machine"]

_RANKS: dict[CallState, int] = {
    "queued": 0,
    "ringing": 1,
    "answered": 2,
    "human": 3,
    "machine": 3,
    "busy": 9,
    "no_answer": 9,
    "failed": 9,
    "ended": 9,
}
_ANSWERED = _RANKS["answered"]
_OVER = _RANKS["ended"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A state that a call came to, with the carrier's words where there are any. `at` is in UTC."""

    state: CallState
    detail: str
    at: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class PlacedCall:
    """One call to the outside. `id` is ours, `carrier_call_id` the carrier's, empty until it is known.

    `doubt` says why it is unknown whether the carrier has placed the call; empty if there is no doubt. `judge` is who
    tells machines from people. `consults_for` is the call that somebody is asked to take over.
    """

    id: str
    carrier: DialCarrier
    to: str
    from_number: str
    agent: str
    variables: Mapping[str, str] = field(default_factory=dict)
    judge: Literal["carrier", "own", "off"] = "off"
    consults_for: str = ""
    carrier_call_id: str = ""
    doubt: str = ""
    history: list[Progress] = field(default_factory=list)
    wall: Callable[[], datetime] = _utc_now
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.history.append(Progress("queued", "", self.wall()))

    @property
    def state(self) -> CallState:
        """The latest state."""
        return self.history[-1].state

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return _RANKS[self.state] == _OVER

    @property
    def answered(self) -> bool:
        """Whether somebody, or something, took the call."""
        return any(_ANSWERED <= _RANKS[step.state] < _OVER for step in self.history)

    @property
    def verdict(self) -> Progress | None:
        """Who answered: a step to the state human or machine, once that is known."""
        return next((step for step in self.history if step.state in get_args(Verdict)), None)

    def advance(self, state: CallState, detail: str = "") -> bool:
        """Go on to `state`. False if the call was there or further already: carriers tell things twice and late.

        A call that was answered cannot have been busy; whatever ends it, it has ended.
        """
        if _RANKS[state] <= _RANKS[self.state]:
            return False
        if _RANKS[state] == _OVER and self.answered:
            state = "ended"
        self.doubt = ""
        self.history.append(Progress(state, detail, self.wall()))
        self._tell()
        return True

    def be_in_doubt(self, why: str) -> None:
        """The carrier has not said whether it placed the call; what it tells of the call later settles it."""
        if self.state == "queued":
            self.doubt = why
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, seen: int) -> None:
        """Return when there are more than `seen` steps in the history, or nothing more to come."""
        while len(self.history) <= seen and not self.over:
            await self._news.wait()

    async def changes(self) -> AsyncIterator[Progress]:
        """Every step from the first to the last, as they come."""
        seen = 0
        while seen < len(self.history):
            yield self.history[seen]
            seen += 1
            await self.news(seen)
