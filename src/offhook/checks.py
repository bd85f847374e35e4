"""What a look over the machine finds."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `poor` works but deserves a look; `bad` stops calls from working."""

    name: str
    state: Literal["good", "poor", "bad"]
    found: str
    remedy: str = ""
