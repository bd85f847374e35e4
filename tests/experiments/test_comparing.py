import pytest

from offhook.config import ExperimentSettings
from offhook.experiments.comparing import Comparison, Measure, compare
from offhook.experiments.confidence import Estimate
from offhook.experiments.samples import CallSample
from tests.experiments.calls import sample


def measure(comparison: Comparison, name: str) -> Measure:
    [found] = [each for each in comparison.measures if each.name == name]
    return found


def calls(variant: str, number: int, *, longer_s: float = 0.0, waits_ms: float = 600.0) -> list[CallSample]:
    """Calls that differ a little from each other."""
    return [
        sample(
            variant,
            duration_s=60 + longer_s + place % 7,
            first_audio_ms=(waits_ms + place % 5, waits_ms + 100 + place % 3),
            interruptions=place % 2,
        )
        for place in range(number)
    ]


def test_variants_are_compared_with_the_control() -> None:
    comparison = compare("tone", [*calls("calm", 40, longer_s=20, waits_ms=900), *calls("control", 40)])
    assert (comparison.control, list(comparison.calls), comparison.agent) == (
        "control",
        ["control", "calm"],
        "reception",
    )
    duration = measure(comparison, "duration")
    calm = duration.figures["calm"].difference
    assert duration.figures["control"].difference is None
    assert calm is not None
    assert calm.sure
    assert calm.value == pytest.approx(20)
    for name, at in (("median", 300), ("p95", 300)):
        wait = measure(comparison, f"wait for an answer, {name}").figures["calm"].difference
        assert wait is not None
        assert wait.sure
        assert wait.value == pytest.approx(at, abs=3)
    assert comparison.words == (
        "calm differs from control in: duration, wait for an answer, median, wait for an answer, p95.",
    )


def test_variants_that_do_the_same_are_not_told_apart() -> None:
    comparison = compare("tone", [*calls("calm", 40), *calls("control", 35)])
    assert comparison.words == ("calm: nothing tells it from control yet (40 calls against 35).",)


def test_a_handful_of_calls_tells_nothing_however_they_differ() -> None:
    comparison = compare("tone", [*calls("calm", 9, longer_s=500), *calls("control", 400)])
    assert comparison.words == (
        "calm: too few calls to tell it from control (9 against 400); each needs 10 at the very least.",
    )
    difference = measure(comparison, "duration").figures["calm"].difference
    assert difference is not None
    assert (difference.low, difference.high) == (None, None)


def test_shares_of_ends_outcomes_and_tools() -> None:
    booked = [sample("control", disposition="booked_visit", tools=(True, True, False))] * 6
    lost = [sample("control", end_reason="caller_hung_up", tools=(True,))] * 4
    comparison = compare("tone", [*booked, *lost, *[sample("calm")] * 10])
    shares = {each.name: each.figures for each in comparison.measures if each.unit == "share"}
    assert list(shares) == [
        "tools that worked",
        "ended by agent hung up",
        "ended by caller hung up",
        "came to booked visit",
    ]
    values = {name: figures["control"].value for name, figures in shares.items()}
    assert {name: value.value for name, value in values.items() if value is not None} == {
        "tools that worked": 16 / 22,
        "ended by agent hung up": 0.6,
        "ended by caller hung up": 0.4,
        "came to booked visit": 0.6,
    }
    tools = shares["tools that worked"]["calm"]
    assert (tools.value, tools.difference) == (None, None)
    difference = shares["came to booked visit"]["calm"].difference
    assert difference is not None
    assert difference.sure


def test_costs_are_compared_in_each_currency() -> None:
    costs = [sample("control", cost=each, currency="USD") for each in (0.01, 0.03)]
    comparison = compare("tone", [*costs, sample("control"), sample("calm", cost=1, currency="EUR")])
    found = [each for each in comparison.measures if each.name == "cost of a call"]
    assert [each.unit for each in found] == ["EUR", "USD"]
    usd = found[1].figures["control"].value
    assert usd is not None
    assert usd.value == pytest.approx(0.02)
    assert found[0].figures["calm"].value == Estimate(1)
    assert found[0].figures["control"].value is None


def test_the_settings_name_the_control_and_the_order() -> None:
    variants = {"brisk": {"speed": 1.1}, "plain": {}, "calm": {"speed": 0.9}}
    settings = ExperimentSettings.model_validate({"agent": "reception", "variants": variants})
    comparison = compare("tone", [sample("calm"), sample("gone"), sample("plain")], settings)
    assert comparison.control == "plain"
    assert comparison.calls == {"plain": 1, "brisk": 0, "calm": 1, "gone": 1}
    assert len(comparison.words) == 3


def test_without_settings_the_first_by_name_is_the_control() -> None:
    assert compare("tone", [sample("b"), sample("a")]).control == "a"
