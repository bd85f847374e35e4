"""The providers of one stage, best first: who is well, who is being tried again, and who is asked next.

Every call asks the best one that is well and has something of its limits left. Whoever fails is left alone by all
calls, while one background task tries it again; the last of a list is asked even so, when nobody else is left.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import structlog

from offhook.errors import ProviderError
from offhook.providers.usage import Usage

__all__ = ["OnTrouble", "OnUsed", "Standby", "Watched", "in_time", "no_trouble", "not_billed", "nothing"]

log = structlog.get_logger(__name__)

P = TypeVar("P")
T = TypeVar("T")
OnTrouble = Callable[[ProviderError], None]
"""Told of each provider that failed a call and was replaced; the error names it."""

OnUsed = Callable[["Watched[Any]", Usage], None]
"""Told what each provider was used for since the last time."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_CHECK_S = 5.0


def no_trouble(error: ProviderError) -> None:
    """An `OnTrouble` for those who do not want to know."""


def not_billed(watched: "Watched[Any]", usage: Usage) -> None:
    """An `OnUsed` for those who do not want to know."""


async def nothing() -> None:
    """The check of a provider that has none, which is well again when its pause is over; or its warming up."""


class Watched(Generic[P]):
    """One provider and what is known of its health; shared by all lists that it is in.

    `warm_up` opens what a coming call needs. `check` is asked in the background after a failure: first after a second,
    then ever more seldom, up to once a minute, until it raises nothing. Passing the check does not end the growing of
    the pauses, real work does: a provider that passes and fails again is soon left alone. `stall_ms` is the longest
    wait for a sign of it. `exhausted` tells for how many seconds its limits are used up, 0 while they are not. `model`
    is what it is billed by.
    """

    def __init__(
        self,
        provider: P,
        name: str,
        *,
        check: Callable[[], Awaitable[None]] = nothing,
        warm_up: Callable[[], Awaitable[None]] = nothing,
        stall_ms: int = 1_200,
        model: str = "",
        exhausted: Callable[[], float] = lambda: 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ):
        self.provider = provider
        self.name = name
        self.model = model
        self.stall_s = stall_ms / 1000
        self.healthy = True
        self._exhausted = exhausted
        self._check = check
        self._warm_up = warm_up
        self._warming = False
        self._sleep = sleep
        self._jitter = jitter
        self._pauses = 0
        self._trial: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Watched({self.name!r}, healthy={self.healthy})"

    @property
    def exhausted(self) -> bool:
        """Whether its limits are used up for now."""
        return self._exhausted() > 0

    @property
    def available(self) -> bool:
        """Whether it is worth asking: well, and not exhausted."""
        return self.healthy and not self.exhausted

    async def check(self) -> None:
        """Ask the provider whether it works. Raises ProviderError, also if it does not say within 5 s."""
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._check()
        except TimeoutError as error:
            raise ProviderError(f"does not answer for {_CHECK_S:g} s", provider=self.name, retryable=True) from error

    async def warm_up(self) -> None:
        """A call is coming. Never raises; one at a time is enough."""
        if self._warming:
            return
        self._warming = True
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._warm_up()
        except (ProviderError, TimeoutError) as error:
            log.debug("a provider could not be warmed up", provider=self.name, error=str(error))
        finally:
            self._warming = False

    def failed(self, error: ProviderError) -> None:
        """It failed: nobody asks it until it passes its check. Further failures change nothing."""
        if not self.healthy:
            return
        self.healthy = False
        log.warning("a provider failed", provider=self.name, error=str(error))
        self._trial = asyncio.get_running_loop().create_task(self._try_again())

    def worked(self) -> None:
        """It did what it is there for."""
        self._pauses = 0
        if not self.healthy:
            self._recovered()
            self._stop()

    async def close(self) -> None:
        """Try it no more."""
        trial = self._trial
        self._stop()
        if trial is not None:
            await asyncio.gather(trial, return_exceptions=True)

    def _stop(self) -> None:
        if self._trial is not None:
            self._trial.cancel()
            self._trial = None

    async def _try_again(self) -> None:
        while not self.healthy:
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0**self._pauses)
            self._pauses = min(self._pauses + 1, 16)
            # Many servers that lost the same provider must not come back to it in step.
            await self._sleep(pause_s * (0.5 + self._jitter() / 2))
            try:
                await self.check()
            except ProviderError as error:
                log.debug("a provider still fails", provider=self.name, error=str(error))
            except Exception:  # a task's top: a faulty check must not end the trials
                log.exception("a provider could not be checked", provider=self.name)
            else:
                self._recovered()

    def _recovered(self) -> None:
        self.healthy = True
        log.info("a provider works again", provider=self.name)


class Standby(Generic[P]):
    """The providers of one stage, best first; at least one."""

    def __init__(self, watched: Sequence[Watched[P]]):
        self.watched = tuple(watched)

    @property
    def name(self) -> str:
        """The names of all."""
        return ", ".join(each.name for each in self.watched)

    @property
    def first(self) -> Watched[P]:
        """The one that is wanted, well or not."""
        return self.watched[0]

    @property
    def any_available(self) -> bool:
        """Whether anybody is worth asking."""
        return any(each.available for each in self.watched)

    @property
    def best(self) -> Watched[P]:
        """Whom to ask now."""
        return self._next(()) or self.watched[-1]

    def asked(self, at_work: Watched[P] | None = None) -> Iterator[tuple[Watched[P], float | None]]:
        """Whom to ask for one piece of work, one after the other until one succeeds, and for how many seconds each
        may give no sign; None for one that nobody can replace. Judged anew at every step. `at_work` comes first."""
        tried: list[Watched[P]] = []
        chosen: Watched[P] | None = at_work or self.best
        while chosen is not None:
            tried.append(chosen)
            yield chosen, chosen.stall_s if self._next(tried) is not None else None
            chosen = self._next(tried)

    def after(self, watched: Watched[P]) -> Watched[P] | None:
        """Who stands in for `watched` now, if there is anybody."""
        return self._next((watched,))

    def is_better(self, watched: Watched[P], than: Watched[P]) -> bool:
        """Whether `watched` is wanted rather than `than`."""
        return self.watched.index(watched) < self.watched.index(than)

    def _next(self, tried: Sequence[Watched[P]]) -> Watched[P] | None:
        for each in self.watched:
            if each.available and each not in tried:
                return each
        last = self.watched[-1]
        return last if last not in tried else None


async def in_time(pieces: AsyncIterator[T], limit_s: float | None, name: str) -> AsyncGenerator[T]:
    """`pieces`, none of which may take longer than `limit_s`. Raises ProviderError for `name`; closes `pieces`."""
    async with aclosing(_closable(pieces)) as closable:
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    piece = await anext(closable)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise ProviderError(f"nothing came for {limit_s:g} s", provider=name, retryable=True) from error
            yield piece


def _closable(pieces: AsyncIterator[T]) -> AsyncGenerator[T]:
    return pieces if isinstance(pieces, AsyncGenerator) else _generated(pieces)


async def _generated(pieces: AsyncIterator[T]) -> AsyncGenerator[T]:
    async for piece in pieces:
        yield piece
