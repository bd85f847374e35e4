"""A scenario as one call, or as several at once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from offhook.simulator.caller import Caller, Progress
from offhook.simulator.clips import render
from offhook.simulator.equipment import Equipment
from offhook.simulator.exchange import Exchange
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario import Scenario

__all__ = ["run_scenario"]

APART_S = 0.037
"""Calls at once do not begin in the same instant, nor a whole number of frames apart."""


async def run_scenario(
    scenario: Scenario,
    exchange: Exchange,
    equipment: Equipment,
    *,
    calls: int = 1,
    wav_dir: Path | None = None,
    watch: Callable[[Progress], None] = lambda _: None,
    speedup: float = 1.0,
) -> list[CallReport]:
    """Make `calls` calls at once through `exchange`, such as an `Address`, and report on each, in order.

    `wav_dir` is a folder for recordings. Raises CallError if nobody answers, ConfigError for a WAV file
    that cannot be played, ProviderError where a model fails.
    """
    clips = await render(scenario, equipment.synthesizer)
    if wav_dir is not None:
        await asyncio.to_thread(wav_dir.mkdir, parents=True, exist_ok=True)

    async def one(number: int) -> CallReport:
        await asyncio.sleep((number - 1) * APART_S)
        caller = Caller(scenario, clips, number=number, transcribe=equipment.transcribe, watch=watch, speedup=speedup)
        return await caller.call(exchange, wav=_recording(wav_dir, scenario, number, calls))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number)) for number in range(1, calls + 1)]
    except ExceptionGroup as failed:
        # A hundred calls to a server that is down fail in one way.
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]


def _recording(folder: Path | None, scenario: Scenario, number: int, calls: int) -> Path | None:
    if folder is None:
        return None
    return folder / (f"{scenario.name}.wav" if calls == 1 else f"{scenario.name}-{number:03}.wav")
