"""Intervals that hold the true figure in 95 of 100 cases: of means, shares and quantiles, and of their differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Estimate",
    "mean",
    "mean_difference",
    "quantile",
    "quantile_difference",
    "share",
    "share_difference",
    "t_quantile",
]

_Z = 1.959963984540054
"""The 0.975 quantile of the normal distribution."""
_LOW, _HIGH = 0.025, 0.975
_DRAWS = 2_000
_SEED = 20_101
_FEWEST_GROUPS = 5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; both ends are None where there is too little to give one."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def sure(self) -> bool:
        """Whether the interval does not hold 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def t_quantile(freedom: float) -> float:
    """The 0.975 quantile of Student's t distribution; `freedom` is 1 or more and need not be whole.

    With t = sqrt(freedom) * tan(angle) its density is a power of a cosine, which Gauss and Legendre integrate."""
    log_factor = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - math.log(math.pi) / 2

    def beyond_half(angle: float) -> float:
        angles = angle / 2 * (_NODES + 1)
        return float(angle / 2 * np.sum(_WEIGHTS * np.cos(angles) ** (freedom - 1)) * math.exp(log_factor))

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond_half(middle) < _HIGH - 0.5 else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def mean(values: Sequence[float]) -> Estimate | None:
    """The mean, by Student's t; None of no values, and without an interval of one, or where all are the same."""
    if not values:
        return None
    value, spread = float(np.mean(values)), _squared_error(values)
    if not spread:
        return Estimate(value)
    reach = t_quantile(len(values) - 1) * math.sqrt(spread)
    return Estimate(value, value - reach, value + reach)


def mean_difference(values: Sequence[float], others: Sequence[float]) -> Estimate | None:
    """How far the mean of `values` is above that of `others`, by Welch's t for unequal spreads."""
    if not values or not others:
        return None
    value = float(np.mean(values) - np.mean(others))
    ours, theirs = _squared_error(values), _squared_error(others)
    if len(values) < 2 or len(others) < 2 or not ours + theirs:
        return Estimate(value)
    freedom = (ours + theirs) ** 2 / (ours**2 / (len(values) - 1) + theirs**2 / (len(others) - 1))
    reach = t_quantile(freedom) * math.sqrt(ours + theirs)
    return Estimate(value, value - reach, value + reach)


def _squared_error(values: Sequence[float]) -> float:
    """The square of the standard error of the mean."""
    return float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else 0.0


def share(successes: int, trials: int) -> Estimate | None:
    """The share of successes, by Wilson's score interval (1927); None of no trials."""
    if not trials:
        return None
    part, square = successes / trials, _Z**2
    middle = (part + square / (2 * trials)) / (1 + square / trials)
    reach = _Z * math.sqrt(part * (1 - part) / trials + square / (4 * trials**2)) / (1 + square / trials)
    return Estimate(part, max(0.0, middle - reach), min(1.0, middle + reach))


def share_difference(successes: int, trials: int, other_successes: int, other_trials: int) -> Estimate | None:
    """How far the first share is above the second, by Newcombe's hybrid score interval (1998, method 10)."""
    ours, theirs = share(successes, trials), share(other_successes, other_trials)
    if ours is None or theirs is None:
        return None
    value = ours.value - theirs.value
    down = math.hypot(ours.value - _low(ours), _high(theirs) - theirs.value)
    up = math.hypot(_high(ours) - ours.value, theirs.value - _low(theirs))
    return Estimate(value, value - down, value + up)


def _low(estimate: Estimate) -> float:
    return estimate.value if estimate.low is None else estimate.low


def _high(estimate: Estimate) -> float:
    return estimate.value if estimate.high is None else estimate.high


def quantile(groups: Sequence[Sequence[float]], at: float) -> Estimate | None:
    """The quantile of all values, by a bootstrap that draws whole groups: those of one call are not independent.

    The draws are the same every time. Without an interval of fewer than five groups that have a value."""
    pool = _Pool(groups)
    if not pool.groups:
        return None
    value = pool.value(at)
    if pool.groups < _FEWEST_GROUPS:
        return Estimate(value)
    return _interval(value, pool.drawn(at))


def quantile_difference(
    groups: Sequence[Sequence[float]], others: Sequence[Sequence[float]], at: float
) -> Estimate | None:
    """How far the quantile of `groups` is above that of `others`, by the same bootstrap."""
    ours, theirs = _Pool(groups), _Pool(others)
    if not ours.groups or not theirs.groups:
        return None
    value = ours.value(at) - theirs.value(at)
    if min(ours.groups, theirs.groups) < _FEWEST_GROUPS:
        return Estimate(value)
    return _interval(value, ours.drawn(at) - theirs.drawn(at, seed=_SEED + 1))


def _interval(value: float, drawn: NDArray[np.float64]) -> Estimate:
    low, high = np.quantile(drawn, (_LOW, _HIGH))
    return Estimate(value, float(low), float(high))


class _Pool:
    """The values of all groups in order, each knowing its group."""

    def __init__(self, groups: Sequence[Sequence[float]]):
        filled = [group for group in groups if group]
        self.groups = len(filled)
        values = np.array([value for group in filled for value in group], dtype=np.float64)
        owners = np.repeat(np.arange(len(filled)), [len(group) for group in filled])
        order = np.argsort(values, kind="stable")
        self._values, self._owners = values[order], owners[order]

    def value(self, at: float) -> float:
        """The least value that is not exceeded by a part `at` of all."""
        return self._weighed(np.ones(self.groups), at)

    def drawn(self, at: float, seed: int = _SEED) -> NDArray[np.float64]:
        """The same of as many groups drawn with replacement, many times."""
        draw = np.random.default_rng(seed)
        even = np.full(self.groups, 1 / self.groups)
        times = (draw.multinomial(self.groups, even) for _ in range(_DRAWS))
        return np.array([self._weighed(each, at) for each in times])

    def _weighed(self, times: NDArray[Any], at: float) -> float:
        heaped = np.cumsum(times[self._owners])
        place = np.searchsorted(heaped, at * heaped[-1] - 1e-9)
        return float(self._values[place])
