import asyncio

import pytest

from offhook.carriers.media_stream.webhooks import CallState
from offhook.carriers.placed import PlacedCall


def placed() -> PlacedCall:
    return PlacedCall("id-1", "vobiz", "+15550100", "+15550199", "reception")


def states(call: PlacedCall) -> list[str]:
    return [step.state for step in call.history]


def test_a_call_goes_from_queue_to_end() -> None:
    call = placed()
    steps: tuple[CallState, ...] = ("ringing", "answered", "human", "ended")
    assert [call.advance(step, step) for step in steps] == [True] * 4
    assert states(call) == ["queued", *steps]
    assert [step.at for step in call.history] == sorted(step.at for step in call.history)
    assert (call.over, call.answered) == (True, True)
    assert call.verdict is not None
    assert (call.verdict.state, call.verdict.detail) == ("human", "human")


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        (["ringing", "ringing"], ["ringing"]),
        (["answered", "ringing"], ["answered"]),
        (["ended", "answered"], ["ended"]),
        (["machine", "human"], ["machine"]),
        (["human", "answered", "ended", "ended"], ["human", "ended"]),
        (["busy", "ended"], ["busy"]),
        (["ringing", "queued"], ["ringing"]),
    ],
)
def test_what_comes_twice_or_late_does_no_harm(steps: list[CallState], kept: list[str]) -> None:
    call = placed()
    for step in steps:
        call.advance(step)
    assert states(call) == ["queued", *kept]


@pytest.mark.parametrize("end", ["busy", "no_answer", "failed", "ended"])
def test_a_call_that_was_answered_has_ended_whatever_is_said(end: CallState) -> None:
    call = placed()
    call.advance("answered")
    call.advance(end, "12 s")
    assert (call.state, call.history[-1].detail) == ("ended", "12 s")


def test_a_call_that_nobody_took_was_not_answered() -> None:
    call = placed()
    call.advance("no_answer")
    assert (call.over, call.answered, call.verdict) == (True, False, None)


async def test_changes_are_told_from_the_first_to_the_last() -> None:
    call = placed()
    told: list[str] = []

    async def listen() -> None:
        async for step in call.changes():
            told.append(step.state)  # noqa: PERF401 - as they come

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(listen())
        group.create_task(listen())
        for step in ("ringing", "answered", "ended"):
            await asyncio.sleep(0)
            call.advance(step)
    assert sorted(told) == sorted(["queued", "ringing", "answered", "ended"] * 2)


async def test_changes_of_a_call_that_is_over() -> None:
    call = placed()
    call.advance("busy")
    assert [step.state async for step in call.changes()] == ["queued", "busy"]
    await call.news(99)


async def test_doubt_is_told_and_settled_by_the_next_news() -> None:
    call = placed()
    call.be_in_doubt("no answer from the carrier")
    assert call.doubt == "no answer from the carrier"
    call.advance("ringing")
    assert call.doubt == ""
    call.be_in_doubt("too late")
    assert call.doubt == ""
