"""What a provider was used for, as far as it is billed: counted by the provider itself, or from what it was sent."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from offhook.errors import ProviderError

__all__ = ["OnUsage", "Usage", "may_have_worked", "not_counted", "tokens_of"]

_CHARS_A_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """What is billed: tokens by kind, seconds of audio, characters spoken; zero where it is not counted.

    The counts share nothing: what was read from a cache is in `*_cached` and not in `*_in`. `estimated` ones are ours,
    where the provider was cut short. `transcribed_by` is a model beside the provider's own that wrote down what the
    caller said, if that is what these counts are of.
    """

    text_in: int = 0
    text_cached: int = 0
    text_out: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    audio_out: int = 0
    seconds: float = 0.0
    characters: int = 0
    estimated: bool = False
    transcribed_by: str = ""

    @property
    def counts(self) -> dict[str, float]:
        """The counts that are not zero, by kind."""
        return {name: count for name in _KINDS if (count := getattr(self, name))}

    def __add__(self, other: "Usage") -> "Usage":
        sums = {name: getattr(self, name) + getattr(other, name) for name in _KINDS}
        return Usage(**sums, estimated=self.estimated or other.estimated, transcribed_by=self.transcribed_by)


_KINDS = tuple(each.name for each in fields(Usage) if each.name not in ("estimated", "transcribed_by"))

OnUsage = Callable[[Usage], None]
"""Told what was used since the last time."""


def not_counted(usage: Usage) -> None:
    """An `OnUsage` for those who do not want to know."""


def may_have_worked(error: ProviderError) -> bool:
    """Whether a provider that failed before it gave anything may bill it all the same: it was given up, and did not
    refuse."""
    return isinstance(error.__cause__, TimeoutError)


def tokens_of(characters: int) -> int:
    """About how many tokens a text has."""
    return -(-characters // _CHARS_A_TOKEN)
