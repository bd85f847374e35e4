import pytest

from offhook.simulator.bench.cloud_figures import added_figures, barge_in, total
from offhook.simulator.bench.instant import Trail
from offhook.simulator.bench.talker import Interruption, Turn


def turn(*, judged: float | None = 10.3, asked: float | None = 10.305, spoken: float | None = 10.308) -> Turn:
    return Turn(10.0, 10.32, Trail(judged, asked, spoken))


def test_what_is_added_is_the_sum_of_its_stretches() -> None:
    figures = added_figures([turn(), turn()])
    assert figures is not None
    assert figures.turns == 2
    assert figures.to_model.p50 == pytest.approx(5)
    assert figures.to_voice.p50 == pytest.approx(3)
    assert figures.to_carrier.p50 == pytest.approx(12)
    assert figures.added.p50 == pytest.approx(20)


@pytest.mark.parametrize(
    "odd",
    [turn(judged=None), turn(asked=None), turn(spoken=None), turn(asked=10.2), turn(spoken=10.304), turn(spoken=10.4)],
    ids=["not judged", "not asked", "not spoken", "asked before", "spoken before", "answered before"],
)
def test_turns_that_did_not_meet_all_in_their_order_do_not_count(odd: Turn) -> None:
    figures = added_figures([turn(), odd])
    assert figures is not None
    assert figures.turns == 1
    assert added_figures([odd]) is None


def test_totals_are_in_milliseconds() -> None:
    waited, interrupted = total([turn()]), barge_in([Interruption(5.0, 5.125)])
    assert waited is not None
    assert interrupted is not None
    assert waited.p99 == pytest.approx(320)
    assert interrupted.max == pytest.approx(125)
    assert total([]) is None
    assert barge_in([]) is None
