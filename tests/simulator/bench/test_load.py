import asyncio

import pytest

from offhook.errors import CallError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench.audiosocket_caller import AudioSocketCaller
from offhook.simulator.bench.figures import FrameFigures, LoadFigures, frame_figures, load_figures
from offhook.simulator.bench.load import Load
from tests.simulator.bench.echo import Change, echo


async def measured(calls: int = 2, **options: object) -> tuple[FrameFigures, LoadFigures]:
    async with echo(**options) as port:  # type: ignore[arg-type]
        load = Load([AudioSocketCaller(Address(port=port)) for _ in range(calls)])
        await load.start(0.02)
        await asyncio.sleep(0.1)
        await load.measure(0.6)
        await load.stop()
    return frame_figures(load), load_figures(load)


async def test_an_echo_loses_nothing() -> None:
    frames, load = await measured()
    assert frames.lost == 0
    assert frames.out_of_order == 0
    assert frames.sent == pytest.approx(60, abs=4)
    assert frames.received == pytest.approx(frames.sent, abs=2)
    assert frames.interval.p50 == pytest.approx(20, abs=3)
    assert load.dropped_calls == 0


async def test_round_trip_is_the_sum_of_both_ways() -> None:
    frames, _ = await measured()
    assert frames.round_trip is not None
    assert frames.way_in is not None
    assert frames.way_out is not None
    assert frames.round_trip.p50 == pytest.approx(frames.way_in.p50 + frames.way_out.p50, abs=2)


async def test_frames_held_back_come_late() -> None:
    frames, _ = await measured(hold=4)
    assert frames.late > 5
    assert frames.round_trip is not None
    assert frames.round_trip.max > 55


@pytest.mark.parametrize(
    ("change", "name"), [(lambda frames: frames[1:], "lost"), (lambda frames: frames[::-1], "out_of_order")]
)
async def test_losses_and_disorder_are_counted(change: Change, name: str) -> None:
    frames, _ = await measured(hold=4, change=change)
    assert getattr(frames, name) >= 10


async def test_calls_that_are_refused_make_the_result_invalid() -> None:
    _, load = await measured(refuse=True)
    assert load.dropped_calls == 2
    assert "2 of 2 calls were not answered or were dropped: the server hung up" in load.problem


async def test_a_load_that_is_late_makes_the_result_invalid() -> None:
    load = Load([AudioSocketCaller(Address())])
    load.callers[0].notes.arrivals.append(1)
    load.clock.lateness_ns.extend([8_000_000] * 50)
    assert "late by 8.0 ms" in load_figures(load).problem


async def test_nobody_answers() -> None:
    async with echo() as port:
        pass
    load = Load([AudioSocketCaller(Address(port=port))])
    with pytest.raises(CallError, match="cannot connect"):
        await load.start(0)
    await load.stop()
