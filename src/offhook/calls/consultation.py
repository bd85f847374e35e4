"""Asking somebody whether they take a call over, before the caller is connected."""

from dataclasses import dataclass

__all__ = ["Wish"]


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is to be asked: `to` is the number of `place`, which rings for `ring_s`. `summary` is what they are told."""

    to: str
    place: str
    summary: str = ""
    ring_s: int = 25
