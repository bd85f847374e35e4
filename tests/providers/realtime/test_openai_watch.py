import asyncio
import heapq
from collections.abc import Callable
from typing import cast

import pytest

from offhook.config import RealtimeSettings
from offhook.providers.realtime.openai_watch import Watch

USUAL = RealtimeSettings(kind="openai")
_Entry = tuple[float, int, "Handle"]


class Handle:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Time:
    """An event loop's timers, in time that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._due: list[_Entry] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        handle = Handle(callback)
        self._count += 1
        heapq.heappush(self._due, (self.now + delay, self._count, handle))
        return cast("asyncio.TimerHandle", handle)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, handle = heapq.heappop(self._due)
            if handle.callback:
                handle.callback()
        self.now = end

    @property
    def pending(self) -> int:
        return sum(handle.callback is not None for _, _, handle in self._due)


class Rig:
    """A session that the test says everything of, with the usual settings."""

    def __init__(self, settings: RealtimeSettings = USUAL) -> None:
        self.time = Time()
        self.waiting = True
        self.thinking = False
        self.vouched = 0
        self.stalled: list[tuple[float, float]] = []
        self.watch = Watch(
            self,
            self.time,
            opening_s=6.5,
            patience_s=settings.stall_limit_ms / 1000,
            thinking_s=settings.patience_ms / 1000,
            vouch=self._vouch,
            stalled=lambda limit_s: self.stalled.append((limit_s, self.time.now)),
        )
        self.watch.begin()

    def _vouch(self) -> None:
        self.vouched += 1

    def greeted(self) -> "Rig":
        self.watch.sign()
        self.waiting = False
        return self


def test_a_connection_that_never_greets() -> None:
    rig = Rig()
    rig.time.run(6.4)
    assert rig.stalled == []
    rig.time.run(0.2)
    assert rig.stalled == [(6.5, 1_006.5)]
    rig.time.run(60)
    assert len(rig.stalled) == 1


@pytest.mark.parametrize("asked_at", [0.0, 0.1, 0.37, 0.38, 1.0, 5.2])
def test_a_server_that_owes_something_is_given_up_after_the_usual_patience(asked_at: float) -> None:
    rig = Rig().greeted()
    rig.time.run(asked_at)
    rig.waiting = True
    rig.watch.due()
    rig.time.run(60)
    [(limit_s, at)] = rig.stalled
    assert limit_s == 1.5
    assert at - 1_000 - asked_at == pytest.approx(1.5, abs=1e-6)


def test_the_usual_patience_leaves_half_a_second_of_two_to_whoever_goes_on() -> None:
    assert USUAL.stall_limit_ms <= 1_500


def test_silence_where_nothing_is_owed_is_no_fault() -> None:
    rig = Rig().greeted()
    rig.time.run(3_600)
    assert (rig.stalled, rig.vouched) == ([], 0)


def test_a_server_that_shows_signs_is_not_given_up() -> None:
    rig = Rig().greeted()
    rig.waiting = True
    for _ in range(100):
        rig.time.run(1.4)
        rig.watch.sign()
    assert rig.stalled == []


def test_a_model_that_thinks_has_longer_and_is_vouched_for() -> None:
    rig = Rig(RealtimeSettings(kind="openai", reasoning_effort="medium")).greeted()
    rig.waiting = rig.thinking = True
    rig.watch.due()
    rig.time.run(9.9)
    assert rig.stalled == []
    assert rig.vouched >= 9.9 / 1.5, "so that nobody else gives it up"
    rig.time.run(0.2)
    assert [limit_s for limit_s, _ in rig.stalled] == [10.0]


def test_after_its_first_piece_a_model_that_thought_has_no_longer_than_others() -> None:
    rig = Rig(RealtimeSettings(kind="openai", reasoning_effort="medium")).greeted()
    rig.waiting = rig.thinking = True
    rig.watch.due()
    rig.time.run(5)
    rig.thinking = False
    rig.watch.sign()
    rig.time.run(1.6)
    assert [limit_s for limit_s, _ in rig.stalled] == [1.5]


@pytest.mark.parametrize(
    ("settings", "patience_ms"),
    [
        ({}, 1_500),
        ({"reasoning_effort": "minimal"}, 1_500),
        ({"reasoning_effort": "low"}, 10_000),
        ({"reasoning_effort": "low", "think_ms": 2_500}, 2_500),
        ({"stall_ms": 20_000, "reasoning_effort": "high"}, 20_000),
    ],
)
def test_how_long_models_may_think(settings: dict[str, object], patience_ms: int) -> None:
    assert RealtimeSettings.model_validate(settings).patience_ms == patience_ms


def test_a_watch_that_rests_has_no_timer() -> None:
    rig = Rig()
    rig.watch.rest()
    assert rig.time.pending == 0
    rig.time.run(100)
    assert rig.stalled == []
