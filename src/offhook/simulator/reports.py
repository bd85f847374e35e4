"""What came of a simulated call: the conversation, its timing, and whether it was as expected."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

__all__ = ["CallReport", "Check", "Interruption", "Line", "Speaker", "Timing", "Turn"]

Speaker = Literal["agent", "caller"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the conversation. Times are milliseconds since the line opened."""

    speaker: Speaker
    begin_ms: float
    end_ms: float
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A caller's utterance and the agent's answer. `reply_ms` runs from the caller's last audible sample to the
    agent's first, and is None where there was no answer."""

    caller: str
    caller_end_ms: float
    agent: str
    reply_ms: float | None


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller talked over the agent. `stop_ms` runs from the caller's first audible sample to the agent's last,
    and is None where the agent did not stop."""

    step: int
    caller: str
    stop_ms: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was expected. `passed` is None where nobody could tell."""

    what: str
    passed: bool | None
    detail: str = ""
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How the agent's frames arrived, and how well the caller kept its own pace. Milliseconds.

    `late` counts frames that came more than 40 ms after the one before; `caller_late_ms` is the caller's worst delay,
    which belongs to this machine and not to the agent.
    """

    frames: int
    interval_p50_ms: float
    interval_p99_ms: float
    interval_max_ms: float
    late: int
    underruns: int
    caller_late_ms: float

    @classmethod
    def of(cls, arrivals_s: list[float], underruns: int, caller_late_ms: float) -> "Timing":
        """From the monotonic times at which frames arrived."""
        gaps = np.diff(np.asarray(arrivals_s)) * 1000 if len(arrivals_s) > 1 else np.zeros(1)
        p50, p99 = (round(float(value), 2) for value in np.percentile(gaps, (50, 99)))
        late = int(np.count_nonzero(gaps > 40))
        worst = round(float(gaps.max()), 2)
        return cls(len(arrivals_s), p50, p99, worst, late, underruns, round(caller_late_ms, 2))


@dataclass(slots=True)
class CallReport:
    """One simulated call. `problem` says why it could not be carried out to its end."""

    scenario: str
    title: str
    call: int
    call_id: str
    ended_by: str
    duration_ms: float
    lines: list[Line]
    turns: list[Turn]
    interruptions: list[Interruption]
    timing: Timing
    problem: str = ""
    checks: list[Check] = field(default_factory=list)
    wav: Path | None = None

    @property
    def failures(self) -> list[Check]:
        """The checks that did not hold."""
        return [check for check in self.checks if check.passed is False]

    @property
    def passed(self) -> bool:
        """Whether everything that could be checked held."""
        return not self.failures

    @property
    def replies_ms(self) -> list[float]:
        """Reply times of the turns that were answered."""
        return [turn.reply_ms for turn in self.turns if turn.reply_ms is not None]

    @property
    def summary(self) -> str:
        """The failures in words, one a line; for a test's assertion message."""
        return "\n".join(f"{check.what}: {check.detail}" for check in self.failures) or "passed"
