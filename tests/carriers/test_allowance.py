"""How much a peer may send, in a time that the test moves."""

from offhook.carriers.allowance import Allowance


class Clock:
    time = 100.0

    def __call__(self) -> float:
        return self.time


def test_a_burst_is_allowed_and_no_more() -> None:
    allowance = Allowance(10, 3, clock=Clock())
    assert [allowance.spend(1) for _ in range(4)] == [True, True, True, False]


def test_time_brings_it_back_up_to_the_burst() -> None:
    clock = Clock()
    allowance = Allowance(10, 3, clock=clock)
    assert allowance.spend(3)
    clock.time += 0.25
    assert allowance.spend(2)
    clock.time += 60
    assert not allowance.spend(4)


def test_a_steady_rate_goes_on_for_ever() -> None:
    clock = Clock()
    allowance = Allowance(100, 3, clock=clock)
    for _ in range(1_000):
        clock.time += 0.02
        assert allowance.spend(2)
