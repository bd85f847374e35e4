"""Which variant of an experiment answers a caller: the same one whenever that number calls."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from offhook.config import Settings
from offhook.server.caller_numbers import caller_key

__all__ = ["Choice", "Variants", "choose"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers a call: an agent, in a variant if an experiment divides its callers, in another language than its own
    if one is named."""

    agent: str
    experiment: str = ""
    variant: str = ""
    language: str = ""

    @property
    def key(self) -> str:
        """Its name among those that answer, as in `Settings.answering`."""
        way = f"{self.agent}/{self.variant}" if self.variant else self.agent
        return f"{way}@{self.language}" if self.language else way


class Variants:
    """The experiments of the settings."""

    def __init__(self, settings: Settings):
        self._experiments = {each.agent: (name, each) for name, each in settings.experiments.items()}

    def choose(self, agent: str, number: str, call_id: str = "") -> Choice:
        """Who answers a caller of `agent`: judged by the caller's number, or by the call where that is withheld."""
        name, experiment = self._experiments.get(agent, ("", None))
        caller = caller_key(number) or call_id
        if experiment is None or not caller:
            return Choice(agent)
        weights = {variant: each.weight for variant, each in experiment.variants.items()}
        return Choice(agent, name, choose(weights, salt=experiment.salt or name, caller=caller))


def choose(weights: Mapping[str, float], *, salt: str, caller: str) -> str:
    """The variant of `caller`, each getting its share by weight (Schindelhauer and Schomaker 2005).

    Callers stay where they are; a changed weight moves only those who come to, or leave, that variant."""
    return max(weights, key=lambda variant: _score(weights[variant], f"{salt}\0{variant}\0{caller}"))


def _score(weight: float, text: str) -> float:
    if not weight:
        return -math.inf
    # 52 bits, in the middle of their steps: neither 0 nor 1, so that the logarithm is finite and below 0.
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 12
    return math.log((number + 0.5) / 2**52) / weight
