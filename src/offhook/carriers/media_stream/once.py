"""Values that are fetched by a secret address: single-use random tokens that expire."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

__all__ = ["Once"]

T = TypeVar("T")

_TOKEN_BYTES = 24


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    uses: int
    until: float


class Once(Generic[T]):
    """Keeps values behind tokens, each for `valid_s` seconds and at most `most` of them; the oldest gives way.

    A token is 32 letters and digits with `-` and `_`, fit for a URL's path; it cannot be guessed. `now` is a clock
    in seconds.
    """

    def __init__(self, valid_s: float, *, most: int = 10_000, now: Callable[[], float] = monotonic):
        self._valid_s = valid_s
        self._most = most
        self._now = now
        self._kept: dict[str, _Kept[T]] = {}

    def __len__(self) -> int:
        self._forget_expired()
        return len(self._kept)

    def put(self, value: T, *, uses: int = 1) -> str:
        """Keep a value that may be taken `uses` times; returns its token."""
        self._forget_expired()
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._kept[token] = _Kept(value, uses, self._now() + self._valid_s)
        return token

    def peek(self, token: str) -> T | None:
        """The value behind a token, which stays good; None if the token is not good."""
        kept = self._kept.get(token)
        return kept.value if kept is not None and self._now() < kept.until else None

    def take(self, token: str) -> T | None:
        """The value behind a token, which is used by it; None if the token is not good."""
        value = self.peek(token)
        if value is None:
            return None
        kept = self._kept[token]
        kept.uses -= 1
        if not kept.uses:
            del self._kept[token]
        return value

    def renew(self, token: str) -> bool:
        """Let a good token be valid for the whole time again; false if it is not good."""
        if self.peek(token) is None:
            return False
        kept = self._kept.pop(token)
        kept.until = self._now() + self._valid_s
        self._kept[token] = kept
        return True

    def drop(self, token: str) -> None:
        """Make a token bad, if it was good."""
        self._kept.pop(token, None)

    def _forget_expired(self) -> None:
        # All are valid for the same time, and renewed ones go to the end: the first is the first to expire.
        now = self._now()
        while self._kept and next(iter(self._kept.values())).until <= now:
            del self._kept[next(iter(self._kept))]
