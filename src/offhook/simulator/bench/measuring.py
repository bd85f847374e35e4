"""The measurement: an idle server, then step after step of calls."""

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from offhook import __version__
from offhook.simulator.bench.audiosocket_caller import AudioSocketCaller
from offhook.simulator.bench.child import ServerUnderTest
from offhook.simulator.bench.cloud_figures import CloudFigures
from offhook.simulator.bench.figures import (
    FrameFigures,
    LoadFigures,
    Spread,
    frame_figures,
    load_figures,
    spread,
)
from offhook.simulator.bench.load import Load, LoadCaller
from offhook.simulator.bench.process import CpuMeter, Memory, memory
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario import Scenario
from offhook.simulator.simulation import run_scenario

__all__ = [
    "BenchReport",
    "Conditions",
    "Idle",
    "Step",
    "TalkFigures",
    "conditions",
    "make_step",
    "measure_callers",
    "measure_idle",
    "measure_load",
    "measure_talk",
]

SETTLE_S = 1.0
RAMP_PER_CALL_S = 0.02
MOST_RAMP_S = 10.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """On what, with what and when something was measured."""

    cpu: str
    cores: int
    load_before: float
    system: str
    python: str
    offhook: str
    uvloop: str
    date: str
    options: dict[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Idle:
    """The server with no call. `start_s` is from its start to its listening, where it was started for this."""

    cpu_percent: float
    memory: Memory
    start_s: float | None


@dataclass(frozen=True, slots=True)
class TalkFigures:
    """What callers of a talking agent met with. Replies are from their last sound to the agent's first; frames are
    `late` more than 40 ms after the one before, and `worst_interval_p99_ms` is that of the worst call."""

    replies: Spread | None
    unanswered_turns: int
    frames: int
    late_frames: int
    worst_interval_p99_ms: float


@dataclass(frozen=True, slots=True)
class Step:
    """One number of calls at once. CPU is percent of one core; per call, what the idle server uses is taken off.

    `agent` says who answered, where there are several. `problem` says why the figures are worth nothing, where they
    are.
    """

    calls: int
    seconds: float
    cpu_percent: float
    cpu_percent_per_call: float
    memory: Memory
    memory_mb_per_call: float
    frames: FrameFigures | None = None
    load: LoadFigures | None = None
    talk: TalkFigures | None = None
    agent: str = ""
    cloud: CloudFigures | None = None
    problem: str = ""


@dataclass(slots=True)
class BenchReport:
    """Everything that was measured."""

    conditions: Conditions
    idle: Idle
    steps: list[Step] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        """Whether every step can be relied on."""
        return not any(step.problem for step in self.steps)


def conditions(options: dict[str, str | int | float | bool]) -> Conditions:
    """Those of this moment on this machine."""
    return Conditions(
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        load_before=round(os.getloadavg()[0], 2),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        offhook=__version__,
        uvloop=version("uvloop"),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        options=options,
    )


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


async def measure_idle(server: ServerUnderTest, seconds: float) -> Idle:
    """The server with no calls, for `seconds`."""
    await asyncio.sleep(SETTLE_S)
    meter = CpuMeter(server.pid)
    await asyncio.sleep(seconds)
    return Idle(round(meter.percent(), 2), memory(server.pid), server.start_s)


async def measure_load(server: ServerUnderTest, idle: Idle, calls: int, seconds: float) -> Step:
    """`calls` callers by AudioSocket that send stamped frames, for `seconds`. Raises CallError if nobody answers."""
    return await measure_callers(server, idle, [AudioSocketCaller(server.address) for _ in range(calls)], seconds)


async def measure_callers(
    server: ServerUnderTest, idle: Idle, callers: Sequence[LoadCaller], seconds: float, *, agent: str = ""
) -> Step:
    """`callers` that send stamped frames, for `seconds`. Raises CallError if nobody answers."""
    load, calls = Load(callers), len(callers)
    try:
        await load.start(min(MOST_RAMP_S, calls * RAMP_PER_CALL_S))
        await asyncio.sleep(SETTLE_S)
        meter = CpuMeter(server.pid)
        await load.measure(seconds)
        cpu, used = meter.percent(), memory(server.pid)
    finally:
        await load.stop()
    figures = load_figures(load)
    return make_step(
        calls,
        load.window_s,
        cpu,
        used,
        idle,
        frames=frame_figures(load),
        load=figures,
        agent=agent,
        problem=figures.problem,
    )


async def measure_talk(
    server: ServerUnderTest, idle: Idle, calls: int, scenario: Scenario, equipment: Equipment
) -> Step:
    """`calls` callers that play a scenario at once; the window is as long as the calls are."""
    meter, highest = CpuMeter(server.pid), _Highest(lambda: memory(server.pid))
    watching = asyncio.create_task(highest.watch())
    try:
        reports = await run_scenario(scenario, server.address, equipment, calls=calls)
    finally:
        watching.cancel()
    cpu, seconds = meter.percent(), max(report.duration_ms for report in reports) / 1000
    problem = _talk_problem(reports)
    return make_step(calls, seconds, cpu, highest.memory, idle, talk=_talk_figures(reports), problem=problem)


class _Highest:
    """The most memory seen while calls are up."""

    def __init__(self, look: Callable[[], Memory]):
        self._look = look
        self.memory = look()

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(SETTLE_S)
            self.memory = max(self.memory, self._look(), key=lambda memory: memory.rss_mb)


def _talk_problem(reports: Sequence[CallReport]) -> str:
    late = max(report.timing.caller_late_ms for report in reports)
    failed = [report for report in reports if report.problem]
    if failed:
        return f"{len(failed)} of {len(reports)} calls failed: {failed[0].problem}"
    return f"the callers themselves were late by {late:.0f} ms: measure with fewer calls" if late > 100 else ""


def _talk_figures(reports: Sequence[CallReport]) -> TalkFigures:
    return TalkFigures(
        replies=spread([reply for report in reports for reply in report.replies_ms]),
        unanswered_turns=sum(turn.reply_ms is None for report in reports for turn in report.turns),
        frames=sum(report.timing.frames for report in reports),
        late_frames=sum(report.timing.late for report in reports),
        worst_interval_p99_ms=max(report.timing.interval_p99_ms for report in reports),
    )


def make_step(
    calls: int,
    seconds: float,
    cpu: float,
    used: Memory,
    idle: Idle,
    *,
    frames: FrameFigures | None = None,
    load: LoadFigures | None = None,
    talk: TalkFigures | None = None,
    agent: str = "",
    cloud: CloudFigures | None = None,
    problem: str = "",
) -> Step:
    """The step in which the server used `cpu` percent of a core and this much memory."""
    return Step(
        calls,
        round(seconds, 2),
        round(cpu, 2),
        round((cpu - idle.cpu_percent) / calls, 3),
        used,
        round((used.rss_mb - idle.memory.rss_mb) / calls, 3),
        frames=frames,
        load=load,
        talk=talk,
        agent=agent,
        cloud=cloud,
        problem=problem,
    )
