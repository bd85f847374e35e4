"""Compares the variants of an experiment with its control, one measure after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from offhook.config import ExperimentSettings
from offhook.experiments.confidence import (
    Estimate,
    mean,
    mean_difference,
    quantile,
    quantile_difference,
    share,
    share_difference,
)
from offhook.experiments.samples import CallSample

__all__ = ["Comparison", "Figure", "Measure", "compare"]

_FEWEST_CALLS = 10

_Calls = Sequence[CallSample]
_Values = Callable[[_Calls], Sequence[float]]
_Counts = Callable[[_Calls], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure of one variant: the figure, and how far it is above the control's; None where there is nothing."""

    value: Estimate | None
    difference: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of all variants. `unit` is s, ms, a currency, "share" for parts of 1, or empty for numbers."""

    name: str
    unit: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One experiment: how many `calls` each variant has, `measures`, and what can be said of them in `words`."""

    experiment: str
    agent: str
    control: str
    calls: Mapping[str, int]
    measures: tuple[Measure, ...]
    words: tuple[str, ...]


def compare(experiment: str, calls: _Calls, settings: ExperimentSettings | None = None) -> Comparison:
    """Compare the variants of an experiment that has `calls`. One that is in the `settings` no more has its control
    in the variant of that name, else in the first by name."""
    control, variants = _order(calls, settings)
    by_variant = {variant: [call for call in calls if call.variant == variant] for variant in variants}
    measures = tuple(_measures(by_variant, control))
    numbers = {variant: len(own) for variant, own in by_variant.items()}
    words = tuple(_words(variant, control, numbers, measures) for variant in variants if variant != control)
    return Comparison(experiment, calls[-1].agent, control, numbers, measures, words)


def _order(calls: _Calls, settings: ExperimentSettings | None) -> tuple[str, list[str]]:
    seen = sorted({call.variant for call in calls})
    known = list(settings.variants) if settings is not None else []
    control = settings.control if settings is not None else "control" if "control" in seen else seen[0]
    return control, list(dict.fromkeys([control, *known, *seen]))


def _measures(calls: Mapping[str, _Calls], control: str) -> Iterator[Measure]:
    every = [call for own in calls.values() for call in own]
    means, shares = partial(_means, calls, control), partial(_shares, calls, control)
    yield means("duration", "s", lambda own: [call.duration_s for call in own])
    yield _waits(calls, control, "wait for an answer, median", 0.5)
    yield _waits(calls, control, "wait for an answer, p95", 0.95)
    yield means("interruptions a call", "", lambda own: [call.interruptions for call in own])
    yield shares("tools that worked", _worked)
    for currency in sorted({call.currency for call in every if call.cost is not None}):
        yield means("cost of a call", currency, partial(_costs, currency))
    for reason in sorted({call.end_reason for call in every}):
        yield shares(f"ended by {reason.replace('_', ' ')}", partial(_ended_by, reason))
    for disposition in sorted({call.disposition for call in every if call.disposition}):
        yield shares(f"came to {disposition.replace('_', ' ')}", partial(_came_to, disposition))


def _means(calls: Mapping[str, _Calls], control: str, name: str, unit: str, values: _Values) -> Measure:
    figures = _figures(
        calls, control, lambda own: mean(values(own)), lambda own, others: mean_difference(values(own), values(others))
    )
    return Measure(name, unit, figures)


def _waits(calls: Mapping[str, _Calls], control: str, name: str, at: float) -> Measure:
    figures = _figures(
        calls,
        control,
        lambda own: quantile(_turns(own), at),
        lambda own, others: quantile_difference(_turns(own), _turns(others), at),
    )
    return Measure(name, "ms", figures)


def _shares(calls: Mapping[str, _Calls], control: str, name: str, counts: _Counts) -> Measure:
    figures = _figures(
        calls,
        control,
        lambda own: share(*counts(own)),
        lambda own, others: share_difference(*counts(own), *counts(others)),
    )
    return Measure(name, "share", figures)


def _figures(
    calls: Mapping[str, _Calls],
    control: str,
    value: Callable[[_Calls], Estimate | None],
    difference: Callable[[_Calls, _Calls], Estimate | None],
) -> dict[str, Figure]:
    figures = {}
    for variant, own in calls.items():
        found = None if variant == control else difference(own, calls[control])
        if found is not None and min(len(own), len(calls[control])) < _FEWEST_CALLS:
            # An interval of a handful of calls would say more than they do.
            found = Estimate(found.value)
        figures[variant] = Figure(value(own), found)
    return figures


def _turns(calls: _Calls) -> list[tuple[float, ...]]:
    return [call.first_audio_ms for call in calls]


def _worked(calls: _Calls) -> tuple[int, int]:
    tools = [worked for call in calls for worked in call.tools]
    return sum(tools), len(tools)


def _costs(currency: str, calls: _Calls) -> list[float]:
    return [call.cost for call in calls if call.cost is not None and call.currency == currency]


def _ended_by(reason: str, calls: _Calls) -> tuple[int, int]:
    return sum(call.end_reason == reason for call in calls), len(calls)


def _came_to(disposition: str, calls: _Calls) -> tuple[int, int]:
    return sum(call.disposition == disposition for call in calls), len(calls)


def _words(variant: str, control: str, numbers: Mapping[str, int], measures: Sequence[Measure]) -> str:
    ours, theirs = numbers[variant], numbers[control]
    if min(ours, theirs) < _FEWEST_CALLS:
        return (
            f"{variant}: too few calls to tell it from {control} ({ours} against {theirs}); "
            f"each needs {_FEWEST_CALLS} at the very least."
        )
    sure = [each.name for each in measures if (found := each.figures[variant].difference) is not None and found.sure]
    if not sure:
        return f"{variant}: nothing tells it from {control} yet ({ours} calls against {theirs})."
    return f"{variant} differs from {control} in: {', '.join(sure)}."
