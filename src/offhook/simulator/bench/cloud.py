"""The measurement of calls by media streams with cloud providers: greetings, turns, interruptions, and their cost."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from offhook.simulator.bench.cloud_figures import (
    CloudFigures,
    Greeting,
    added_figures,
    barge_in,
    total,
)
from offhook.simulator.bench.cloud_server import EARLY, TALKS
from offhook.simulator.bench.figures import pace_figures, spread
from offhook.simulator.bench.measuring import Idle, Step, make_step, measure_callers
from offhook.simulator.bench.process import CpuMeter, Memory, memory
from offhook.simulator.bench.scene import Scene
from offhook.simulator.bench.talker import Talker

__all__ = ["Amounts", "measure_cloud", "measure_stream_load"]

TURN_FRAMES = 125


@dataclass(frozen=True, slots=True)
class Amounts:
    """At least how many of each are measured, over all calls of a step."""

    greetings: int = 30
    turns: int = 100
    early_turns: int = 30
    interruptions: int = 30


@dataclass(slots=True)
class _Notes:
    greetings: list[Greeting] = field(default_factory=list)
    talkers: list[Talker] = field(default_factory=list)
    early: list[Talker] = field(default_factory=list)
    cpu_percent: float = 0.0
    own_cpu: float = 0.0
    seconds: float = 0.0
    memory: Memory = field(default_factory=lambda: Memory(0.0, 0.0))


async def measure_cloud(
    scene: Scene, idle: Idle, calls: int, amounts: Amounts, tell: Callable[[str], None] = lambda _: None
) -> Step:
    """`calls` callers who talk with the agent at once; CPU and memory are those of its turns. Raises CallError."""
    notes = _Notes()
    with _uncollected():
        await _perform(scene, calls, amounts, notes, tell)
    return _step(scene, idle, calls, notes)


async def _perform(scene: Scene, calls: int, amounts: Amounts, notes: _Notes, tell: Callable[[str], None]) -> None:
    scene.clock.measure_anew()
    tell(f"{calls} calls: greetings")
    await _greet(scene, calls, amounts.greetings, notes)
    tell(f"{calls} calls: turns")
    await _talk(scene, ceil(amounts.turns / calls), notes)
    tell(f"{calls} calls: interruptions")
    interruptions = ceil(amounts.interruptions / calls)
    await _in_turn(notes.talkers, lambda talker, after: talker.interrupt(interruptions, after=after))
    await _hang_up(notes.talkers)
    tell(f"{calls} calls: turns that are answered early")
    notes.early = [(await scene.dial(EARLY))[0] for _ in range(calls)]
    turns = ceil(amounts.early_turns / calls)
    await _in_turn(notes.early, lambda talker, after: talker.talk(turns, after=after))
    await _hang_up(notes.early)
    scene.clock.measuring = False


@contextmanager
def _uncollected() -> Iterator[None]:
    """To look for garbage in all that the doubles keep takes 60 ms, in which every caller would be late."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def measure_stream_load(scene: Scene, idle: Idle, calls: int, seconds: float) -> Step:
    """`calls` callers whose stamped frames an agent returns, for `seconds`. Raises CallError."""
    return await measure_callers(scene.server, idle, scene.loopback_callers(calls), seconds, agent="loopback")


async def _greet(scene: Scene, calls: int, greetings: int, notes: _Notes) -> None:
    """Dial one after another until so many are up, and again until there were enough; the last ones stay."""
    while not notes.talkers:
        talkers = []
        for _ in range(calls):
            talker, greeting = await scene.dial(TALKS)
            talkers.append(talker)
            notes.greetings.append(greeting)
        if len(notes.greetings) >= greetings:
            notes.talkers = talkers
        else:
            await _hang_up(talkers)


async def _talk(scene: Scene, turns: int, notes: _Notes) -> None:
    meter, own, start = CpuMeter(scene.server.pid), time.process_time(), time.monotonic()
    await _in_turn(notes.talkers, lambda talker, after: talker.talk(turns, after=after))
    notes.cpu_percent, notes.memory = meter.percent(), memory(scene.server.pid)
    notes.seconds = time.monotonic() - start
    notes.own_cpu = (time.process_time() - own) / notes.seconds


async def _hang_up(talkers: Sequence[Talker]) -> None:
    """One after another: a burst of farewells would delay the frames of those who still talk."""
    for talker in talkers:
        await talker.hang_up()


async def _in_turn(talkers: Sequence[Talker], what: Callable[[Talker, int], Awaitable[None]]) -> None:
    """Let them begin one after another, spread over the time of a turn: callers do not all speak in step."""
    await asyncio.gather(*(what(talker, number * TURN_FRAMES // len(talkers)) for number, talker in enumerate(talkers)))


def _step(scene: Scene, idle: Idle, calls: int, notes: _Notes) -> Step:
    everybody = [*notes.talkers, *notes.early]
    cloud = _figures(scene, notes)
    load = pace_figures(scene.clock, notes.own_cpu, _faults(everybody), len(everybody))
    return make_step(
        calls,
        notes.seconds,
        notes.cpu_percent,
        notes.memory,
        idle,
        agent="talks",
        cloud=cloud,
        load=load,
        problem=load.problem or _problem(cloud),
    )


def _figures(scene: Scene, notes: _Notes) -> CloudFigures:
    turns = [turn for talker in notes.talkers for turn in talker.turns]
    early = [turn for talker in notes.early for turn in talker.turns]
    interruptions = [each for talker in notes.talkers for each in talker.interruptions]
    everybody = [*notes.talkers, *notes.early]
    return CloudFigures(
        carrier=scene.carrier,
        greetings=len(notes.greetings),
        webhook=spread([greeting.webhook_ms for greeting in notes.greetings]),
        greeting=spread([greeting.audio_ms for greeting in notes.greetings]),
        turns=len(turns),
        added=added_figures(turns),
        total=total(turns),
        early_turns=len(early),
        total_early=total(early),
        interruptions=len(interruptions),
        barge_in=barge_in(interruptions),
        missed=sum(talker.missed for talker in everybody),
        violations=sum(len(talker.call.violations) for talker in everybody),
    )


def _faults(talkers: Sequence[Talker]) -> list[str]:
    return [fault for talker in talkers if (fault := talker.fault)]


def _problem(cloud: CloudFigures) -> str:
    if cloud.missed:
        return f"{cloud.missed} answers or clear commands did not come within 5 s"
    if cloud.added is None or cloud.added.turns < cloud.turns:
        known = cloud.added.turns if cloud.added else 0
        return f"only {known} of {cloud.turns} turns met all three providers in their order"
    return ""
