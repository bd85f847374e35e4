"""Against values that textbooks and papers print."""

import numpy as np
import pytest

from offhook.experiments.confidence import (
    Estimate,
    mean,
    mean_difference,
    quantile,
    quantile_difference,
    share,
    share_difference,
    t_quantile,
)


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (30, 2.042), (120, 1.980), (1_000_000, 1.960)],
)
def test_students_table(freedom: float, t: float) -> None:
    assert t_quantile(freedom) == pytest.approx(t, abs=0.0005)


def test_degrees_of_freedom_need_not_be_whole() -> None:
    assert t_quantile(9) > t_quantile(9.5) > t_quantile(10)


def interval(estimate: Estimate | None) -> tuple[float, float | None, float | None]:
    assert estimate is not None
    return estimate.value, estimate.low, estimate.high


def test_the_mean_of_a_sample() -> None:
    # s = sqrt(2.5), t(4) = 2.776445: 3 +- 2.776445 * sqrt(2.5 / 5).
    assert interval(mean([1, 2, 3, 4, 5])) == pytest.approx((3, 1.036757, 4.963243), abs=1e-6)


def test_the_difference_of_two_means() -> None:
    # A worked example of Welch's test: means 20.8 and 23.0, variances 7.9 and 3.8, 25.0 degrees of freedom, t = -2.46.
    ours = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
    theirs = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4]
    value, low, high = interval(mean_difference(ours, theirs))
    assert low is not None
    assert high is not None
    assert value == pytest.approx(-2.167, abs=0.001)
    assert (high - low) / 2 == pytest.approx(2.060 * value / -2.46, abs=0.005)


def test_few_values_have_a_mean_and_no_interval() -> None:
    assert mean([]) is None
    assert mean([7]) == Estimate(7)
    assert mean([7, 7, 7]) == Estimate(7)
    assert mean_difference([], [1]) is None
    assert mean_difference([3], [1, 2]) == Estimate(1.5)
    assert mean_difference([3, 3], [1, 1]) == Estimate(2)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_as_newcombe_prints_them(successes: int, trials: int, low: float, high: float) -> None:
    # Statistics in Medicine 17 (1998), 857-872, table I, method 3.
    assert interval(share(successes, trials)) == pytest.approx((successes / trials, low, high), abs=0.00006)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_differences_of_shares_as_newcombe_prints_them(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    # Statistics in Medicine 17 (1998), 873-890, table II, method 10.
    found = interval(share_difference(*counts))
    assert found[1:] == pytest.approx((low, high), abs=0.00006)


def test_of_nothing_there_is_no_share() -> None:
    assert share(0, 0) is None
    assert share_difference(1, 2, 0, 0) is None
    assert share_difference(0, 0, 1, 2) is None


@pytest.mark.parametrize("at", [0.5, 0.95])
def test_quantiles_are_those_of_all_values(at: float) -> None:
    draw = np.random.default_rng(1)
    groups = [draw.exponential(500, size=size).tolist() for size in (3, 9, 1, 4, 40, 2)]
    whole = [value for group in groups for value in group]
    found = quantile([*groups, []], at)
    assert found is not None
    assert found.value == np.quantile(whole, at, method="inverted_cdf")
    assert found == quantile(groups, at), "the same draws every time"


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    draw = np.random.default_rng(2)
    held = 0
    for _ in range(100):
        found = quantile([[value] for value in draw.normal(500, 80, size=60)], 0.5)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 500 <= found.high
    assert 88 <= held <= 100


def test_turns_of_one_call_are_not_taken_for_independent() -> None:
    draw = np.random.default_rng(3)
    calls = [[wait] * 20 for wait in draw.normal(500, 80, size=12)]
    apart = [[wait] for call in calls for wait in call]
    together, alone = quantile(calls, 0.5), quantile(apart, 0.5)
    assert together is not None
    assert alone is not None
    assert _width(together) > 2 * _width(alone)


def test_the_difference_of_medians() -> None:
    draw = np.random.default_rng(4)
    slow, fast = ([[each] for each in draw.normal(middle, 50, size=80)] for middle in (900, 600))
    found = quantile_difference(slow, fast, 0.5)
    assert found is not None
    assert found.sure
    assert found.value == pytest.approx(300, abs=40)
    same = quantile_difference(slow, slow, 0.5)
    assert same is not None
    assert not same.sure


def test_of_few_groups_there_is_no_interval() -> None:
    assert quantile([], 0.5) is None
    assert quantile([[], []], 0.5) is None
    assert quantile([[1.0, 2.0, 3.0], [4.0]], 0.5) == Estimate(2)
    assert quantile_difference([[3.0]], [[1.0]] * 9, 0.5) == Estimate(2)
    assert quantile_difference([[]], [[1.0]], 0.5) is None


@pytest.mark.parametrize(
    ("low", "high", "sure"), [(1, 2, True), (-2, -1, True), (-1, 1, False), (0, 1, False), (None, None, False)]
)
def test_what_is_sure(low: float | None, high: float | None, sure: bool) -> None:
    assert Estimate(0.5, low, high).sure is sure


def _width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low
