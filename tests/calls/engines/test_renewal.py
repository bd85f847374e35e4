import pytest

from offhook.calls.engines.renewal import Heir, Renewal, Step

READY, OPENING, STIRRED = Heir(True, False), Heir(False, False), Heir(True, True)
LATE = 600_000.0


def ticks(renewal: Renewal, begin_ms: int, ms: int, *, quiet: bool, heir: Heir | None = None) -> list[Step]:
    """What was to be done while `ms` passed."""
    steps = (renewal.tick(now_ms, LATE, quiet=quiet, heir=heir) for now_ms in range(begin_ms, begin_ms + ms, 20))
    return [step for step in steps if step is not None]


def test_a_session_that_does_not_expire_stays() -> None:
    assert [Renewal().tick(now_ms, None, quiet=True, heir=None) for now_ms in (0, 60_000_000)] == [None, None]


def test_another_one_is_opened_at_the_first_quiet_moment() -> None:
    renewal = Renewal()
    assert ticks(renewal, 0, 60_000, quiet=False) == []
    assert ticks(renewal, 60_000, 200, quiet=True) == []
    assert renewal.tick(60_200, LATE, quiet=True, heir=None) == "open"


def test_a_breath_is_no_quiet_moment() -> None:
    renewal = Renewal()
    for begin_ms in range(0, 10_000, 400):
        assert ticks(renewal, begin_ms, 200, quiet=True) == []
        assert ticks(renewal, begin_ms + 200, 200, quiet=False) == []


def test_it_takes_over_when_it_is_ready() -> None:
    renewal = Renewal()
    assert ticks(renewal, 0, 200, quiet=True) == []
    assert ticks(renewal, 200, 1_000, quiet=True, heir=OPENING) == []
    assert renewal.tick(1_200, LATE, quiet=True, heir=READY) == "switch"


@pytest.mark.parametrize(("quiet", "heir"), [(False, OPENING), (False, READY), (True, STIRRED)])
def test_one_that_missed_what_is_said_is_dropped_and_another_one_opened_later(quiet: bool, heir: Heir) -> None:
    renewal = Renewal()
    assert ticks(renewal, 0, 200, quiet=True) == []
    assert renewal.tick(200, LATE, quiet=quiet, heir=heir) == "drop"
    assert ticks(renewal, 220, 980, quiet=True) == []
    assert renewal.tick(1_200, LATE, quiet=True, heir=None) == "open"


def test_where_no_moment_is_quiet_it_happens_before_the_provider_does_it() -> None:
    renewal = Renewal()
    assert ticks(renewal, 0, 598_000, quiet=False) == []
    assert renewal.tick(598_000, LATE, quiet=False, heir=None) == "force"
