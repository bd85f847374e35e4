"""One measurement from beginning to end: a server, its idle figures, and each number of calls in turn."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.child import Engine, ServerUnderTest, own_server
from offhook.simulator.bench.cloud import Amounts, measure_cloud, measure_stream_load
from offhook.simulator.bench.measuring import (
    BenchReport,
    Conditions,
    conditions,
    measure_idle,
    measure_load,
    measure_talk,
)
from offhook.simulator.bench.realtime import echo_scene, measure_realtime
from offhook.simulator.bench.scene import scene, spoken_lines
from offhook.simulator.clips import needs_voice
from offhook.simulator.clouds.media_stream import Carrier
from offhook.simulator.equipment import local_equipment
from offhook.simulator.scenario_files import load_scenario

__all__ = ["Plan", "parse_steps", "run_bench"]

IDLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. With a `pid`, the server that runs already at `address`; else one started for this."""

    calls: tuple[int, ...]
    seconds: float
    address: Address
    engine: Engine = "loopback"
    scenario: Path | None = None
    pid: int | None = None
    vad: bool = False
    recording: bool = False
    carrier: Carrier = "vobiz"
    amounts: Amounts = field(default_factory=Amounts)

    def described(self) -> dict[str, str | int | float | bool]:
        """For the report's conditions."""
        what: dict[str, str | int | float | bool] = {"engine": self.engine}
        if self.engine == "local":
            what["scenario"] = self.scenario.name if self.scenario else ""
        else:
            what["seconds"] = self.seconds
        if self.engine in ("cloud", "realtime"):
            what["carrier"] = self.carrier
        if self.pid is not None:
            return {**what, "pid": self.pid, "server": str(self.address)}
        return {**what, "vad": self.vad, "recording": self.recording}


def parse_steps(text: str) -> tuple[int, ...]:
    """Numbers of calls, as in "1,8,32". Raises ConfigError."""
    try:
        steps = tuple(int(part) for part in text.split(","))
    except ValueError:
        steps = ()
    if not steps or min(steps) < 1:
        raise ConfigError(f'"{text}" is not a list of numbers of calls', hint="for example: --calls 1,8,32,100")
    return steps


async def run_bench(plan: Plan, settings: Settings, tell: Callable[[str], None] = lambda _: None) -> BenchReport:
    """Measure all steps. Raises ConfigError, CallError, ModelError."""
    made = conditions(plan.described())
    if plan.engine in ("cloud", "realtime") and plan.pid is not None:
        raise ConfigError("doubles of providers need a server of their own", hint="leave out --pid")
    if plan.engine == "cloud":
        return await _cloud(plan, settings, made, tell)
    if plan.engine == "realtime":
        return await _realtime(plan, made, tell)
    async with _server(plan) as server:
        tell(f"measuring the idle server for {IDLE_S:g} s")
        report = BenchReport(made, await measure_idle(server, IDLE_S))
        if plan.engine == "local":
            await _talk(plan, settings, server, report, tell)
        else:
            await _load(plan, server, report, tell)
    return report


async def _cloud(plan: Plan, settings: Settings, made: Conditions, tell: Callable[[str], None]) -> BenchReport:
    lines = await spoken_lines(settings)
    most = max(plan.calls) + 1
    async with scene(plan.carrier, lines, max_calls=most, vad=plan.vad, recording=plan.recording) as stage:
        tell(f"measuring the idle server for {IDLE_S:g} s")
        report = BenchReport(made, await measure_idle(stage.server, IDLE_S))
        for calls in plan.calls:
            report.steps.append(await measure_cloud(stage, report.idle, calls, plan.amounts, tell))
            tell(f"{calls} calls: frames for {plan.seconds:g} s")
            report.steps.append(await measure_stream_load(stage, report.idle, calls, plan.seconds))
    return report


async def _realtime(plan: Plan, made: Conditions, tell: Callable[[str], None]) -> BenchReport:
    async with echo_scene(plan.carrier, max_calls=max(plan.calls) + 1, recording=plan.recording) as stage:
        tell(f"measuring the idle server for {IDLE_S:g} s")
        report = BenchReport(made, await measure_idle(stage.server, IDLE_S))
        for calls in plan.calls:
            tell(f"{calls} calls for {plan.seconds:g} s")
            report.steps += await measure_realtime(stage, report.idle, calls, plan.seconds)
    return report


@asynccontextmanager
async def _server(plan: Plan) -> AsyncIterator[ServerUnderTest]:
    if plan.pid is not None:
        yield ServerUnderTest(plan.address, plan.pid)
        return
    async with own_server(
        engine=plan.engine, max_calls=max(plan.calls) + 1, vad=plan.vad, recording=plan.recording
    ) as server:
        yield server


async def _load(plan: Plan, server: ServerUnderTest, report: BenchReport, tell: Callable[[str], None]) -> None:
    for calls in plan.calls:
        tell(f"{calls} calls for {plan.seconds:g} s")
        report.steps.append(await measure_load(server, report.idle, calls, plan.seconds))


async def _talk(
    plan: Plan, settings: Settings, server: ServerUnderTest, report: BenchReport, tell: Callable[[str], None]
) -> None:
    if plan.scenario is None:
        raise ConfigError("a talking agent needs a scenario", hint="name one: --scenario FILE")
    scenario = load_scenario(plan.scenario)
    async with local_equipment(settings, voice=needs_voice(scenario), transcribe=False) as equipment:
        for calls in plan.calls:
            tell(f"{calls} calls of {scenario.name}")
            report.steps.append(await measure_talk(server, report.idle, calls, scenario, equipment))
