from collections.abc import Mapping
from typing import Any, Literal

import pytest

from offhook.calls.leg import CallOrigin
from offhook.config import Settings
from offhook.events import EndReason
from offhook.server.admission import Admission, Refusal

ANN, BOB = CallOrigin(from_number="+15550100"), CallOrigin(from_number="+15550101")


NOBODY: Mapping[str, int] = {}


class Door:
    """Admission with time that the test moves."""

    def __init__(self, *, limits: dict[str, Any] | None = None, **agents: Any) -> None:
        settings = {"limits": {"busy_line": "Busy.", **(limits or {})}, "agents": agents or {"desk": {}}}
        self.time = 0.0
        self.admission = Admission(Settings.model_validate(settings), now=lambda: self.time)
        self.calls = 0

    def ring(self, origin: CallOrigin = ANN, *, full: bool = False, busy: Mapping[str, int] = NOBODY) -> str | Refusal:
        self.calls += 1
        return self.admission.judge("desk", origin, f"call {self.calls}", busy, full=full)


def test_without_limits_the_agent_takes_every_call() -> None:
    door = Door()
    assert {door.ring() for _ in range(50)} == {"desk"}


def test_a_full_house() -> None:
    assert Door().ring(full=True) == Refusal(EndReason.BUSY, "limits.max_calls", "Busy.")
    door = Door(desk={"busy_line": "The desk is busy."})
    assert door.ring(full=True) == Refusal(EndReason.BUSY, "limits.max_calls", "The desk is busy.")


def test_an_agent_with_as_many_calls_as_it_takes() -> None:
    door = Door(desk={"max_calls": 2})
    assert door.ring(busy={"desk": 1, "sales": 9}) == "desk"
    assert door.ring(busy={"desk": 2}) == Refusal(EndReason.BUSY, "agents.desk.max_calls", "Busy.")


@pytest.mark.parametrize(
    ("busy", "taker"),
    [
        ({"desk": 0}, "desk"),
        ({"desk": 1}, "sales"),
        ({"desk": 1, "sales": 1}, "night"),
        ({"desk": 1, "night": 7}, "sales"),
    ],
)
def test_another_agent_answers_in_its_place(busy: dict[str, int], taker: str) -> None:
    door = Door(
        desk={"max_calls": 1, "busy_agent": "sales"},
        sales={"max_calls": 1, "busy_agent": "night"},
        night={"max_calls": 0},
    )
    assert door.ring(busy=busy) == taker


def test_agents_that_stand_in_for_each_other_are_busy_together() -> None:
    door = Door(desk={"max_calls": 1, "busy_agent": "sales"}, sales={"max_calls": 1, "busy_agent": "desk"})
    assert isinstance(door.ring(busy={"desk": 1, "sales": 1}), Refusal)


def test_a_caller_who_calls_too_often() -> None:
    door = Door(limits={"calls_per_caller": 2, "caller_window_s": 60, "caller_line": "Not again."})
    assert [door.ring(), door.ring()] == ["desk", "desk"]
    refused = Refusal(EndReason.CALLER_LIMIT, "limits.calls_per_caller", "Not again.")
    assert door.ring() == refused
    assert door.ring(BOB) == "desk"
    door.time = 59
    assert door.ring(full=True) == refused
    door.time = 60
    assert door.ring() == "desk"


def test_only_calls_that_were_taken_count() -> None:
    door = Door(limits={"calls_per_caller": 1, "caller_window_s": 60})
    for _ in range(3):
        assert isinstance(door.ring(full=True), Refusal)
    assert door.ring() == "desk"
    door.time = 50
    assert isinstance(door.ring(), Refusal)
    door.time = 60
    assert door.ring() == "desk"


def test_who_comes_back_from_a_transfer_does_not_call_again() -> None:
    door = Door(limits={"calls_per_caller": 1})
    for _ in range(3):
        assert door.admission.judge("desk", ANN, "same", {}, full=False) == "desk"


@pytest.mark.parametrize(
    ("direction", "number"),
    [
        ("inbound", "+1 555 0100"),
        ("inbound", ""),
        ("inbound", "anonymous"),
        ("inbound", "+266696687"),
        ("outbound", "+15550199"),
    ],
)
def test_those_who_are_not_counted(direction: Literal["inbound", "outbound"], number: str) -> None:
    door = Door(limits={"calls_per_caller": 1, "caller_allow": ["15550100"]})
    assert {door.ring(CallOrigin(direction, number)) for _ in range(5)} == {"desk"}
