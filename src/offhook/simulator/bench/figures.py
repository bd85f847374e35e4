"""From what a load noted to figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offhook.simulator.bench.frame_notes import FrameNotes
from offhook.simulator.bench.load import Load
from offhook.simulator.bench.slot_clock import SlotClock

__all__ = ["FrameFigures", "LoadFigures", "Spread", "frame_figures", "load_figures", "pace_figures", "spread"]

FRAME_MS = 20.0
LATE_MS = 40.0
GENERATOR_LATE_MS = 5.0
GENERATOR_CPU = 0.9

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of something, in milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """Frames from the server in the measured time. `late` came more than 40 ms after the one before.

    The rest is known of a loopback agent only: frames `lost` of those `sent`, those that came back out of order, and
    the milliseconds from caller to server (`way_in`), from there back to the caller (`way_out`), and both.
    """

    expected: int
    received: int
    late: int
    interval: Spread
    sent: int
    lost: int | None = None
    out_of_order: int | None = None
    round_trip: Spread | None = None
    way_in: Spread | None = None
    way_out: Spread | None = None


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """How the load itself did. A result is worth nothing where it could not keep up; `problem` then says so."""

    late_p99_ms: float
    late_max_ms: float
    cpu_percent: float
    dropped_calls: int
    problem: str = ""


def spread(values: Numbers | Sequence[float]) -> Spread | None:
    """Percentiles of `values` in milliseconds; None of nothing."""
    if not len(values):
        return None
    p50, p95, p99, highest = np.percentile(np.asarray(values, np.float64), (50, 95, 99, 100))
    return Spread(*(round(float(value), 2) for value in (p50, p95, p99, highest)))


def frame_figures(load: Load) -> FrameFigures:
    """Frames of all calls of a load that was measured and stopped."""
    notes = [caller.notes for caller in load.callers]
    intervals = _joined([np.diff(np.asarray(call.arrivals, np.float64)) for call in notes]) / 1e6
    received = sum(len(call.arrivals) for call in notes)
    sent = sum(call.sequence - call.first_measured for call in notes)
    expected = sum(_expected(call) for call in notes)
    late = int(np.count_nonzero(intervals > LATE_MS))
    plain = FrameFigures(expected, received, late, spread(intervals) or Spread(0, 0, 0, 0), sent)
    return _with_round_trip(plain, notes) if any(len(call.sequences) for call in notes) else plain


def _expected(call: FrameNotes) -> int:
    if len(call.arrivals) < 2:
        return 0
    return round((call.arrivals[-1] - call.arrivals[0]) / 1e6 / FRAME_MS) + 1


def _with_round_trip(plain: FrameFigures, notes: Sequence[FrameNotes]) -> FrameFigures:
    sent, heard, returned = (
        _joined([np.asarray(getattr(call, name), np.float64) for call in notes])
        for name in ("sent", "heard", "returned")
    )
    seen = sum(len(set(call.sequences)) for call in notes)
    disorder = sum(int(np.count_nonzero(np.diff(np.asarray(call.sequences, np.int64)) <= 0)) for call in notes)
    stamped = heard > 0
    return FrameFigures(
        plain.expected,
        plain.received,
        plain.late,
        plain.interval,
        plain.sent,
        lost=plain.sent - seen,
        out_of_order=disorder,
        round_trip=spread((returned - sent) / 1e6),
        way_in=spread((heard - sent)[stamped] / 1e6),
        way_out=spread((returned - heard)[stamped] / 1e6),
    )


def _joined(parts: list[Numbers]) -> Numbers:
    return np.concatenate(parts) if parts else np.zeros(0)


def load_figures(load: Load) -> LoadFigures:
    """How well the load kept its own pace."""
    dropped = [
        caller.dropped or "no audio came" for caller in load.callers if caller.dropped or not caller.notes.arrivals
    ]
    return pace_figures(load.clock, load.cpu_s / load.window_s if load.window_s else 0.0, dropped, len(load.callers))


def pace_figures(clock: SlotClock, cpu: float, dropped: Sequence[str], calls: int) -> LoadFigures:
    """How well callers kept their pace who used `cpu` of a core; `dropped` says why calls of theirs were no good."""
    late = np.asarray(clock.lateness_ns, np.float64) / 1e6
    p99, highest = (float(value) for value in np.percentile(late, (99, 100))) if len(late) else (0.0, 0.0)
    problem = _problem(p99, cpu, calls, dropped)
    return LoadFigures(round(p99, 2), round(highest, 2), round(100 * cpu, 1), len(dropped), problem)


def _problem(late_p99_ms: float, cpu: float, calls: int, dropped: Sequence[str]) -> str:
    if dropped:
        return f"{len(dropped)} of {calls} calls were not answered or were dropped: {dropped[0]}"
    if late_p99_ms > GENERATOR_LATE_MS:
        return f"the load itself was late by {late_p99_ms:.1f} ms (p99): measure with fewer calls or more cores"
    if cpu > GENERATOR_CPU:
        return f"the load itself used {100 * cpu:.0f} % of a core: measure with fewer calls or more cores"
    return ""
