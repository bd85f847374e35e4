from functools import partial

from offhook.calls.engines.succession import Succession
from offhook.errors import ProviderError
from offhook.providers.standby import Standby, Watched

DEAD = ProviderError("died", provider="x", retryable=True)
REFUSED = ProviderError("refused", provider="x")


def watched(*names: str) -> list[Watched[str]]:
    return [Watched(name, name) for name in names]


def test_the_best_one_that_is_well_begins() -> None:
    a, b = watched("a", "b")
    a.healthy = False
    assert Succession(Standby([a, b])).first() is b


def test_whoever_dies_is_followed_by_the_next_that_is_well() -> None:
    a, b, c = watched("a", "b", "c")
    succession = Succession(Standby([a, b, c]))
    b.healthy = False
    assert succession.anyone_after(a)
    assert succession.after(a, DEAD, served_ms=0) is c
    assert succession.after(c, DEAD, served_ms=0) is c
    assert not succession.anyone_after(c)
    assert succession.after(c, DEAD, served_ms=0) is None


def test_the_only_one_is_tried_once_more_unless_it_refused() -> None:
    [a] = watched("a")
    assert Succession(Standby([a])).after(a, REFUSED, served_ms=0) is None
    succession = Succession(Standby([a]))
    assert succession.after(a, DEAD, served_ms=0) is a
    assert succession.after(a, DEAD, served_ms=0) is None
    succession.worked()
    assert succession.after(a, DEAD, served_ms=0) is a


def test_one_that_served_for_long_is_asked_first() -> None:
    a, b = watched("a", "b")
    succession = Succession(Standby([a, b]))
    assert succession.after(a, DEAD, served_ms=3_600_000) is a
    assert succession.after(a, DEAD, served_ms=3_600_000) is b


def test_one_whose_limits_are_used_up_is_not_asked_again_and_stands_in_for_nobody() -> None:
    left = {"a": 0.0, "b": 5.0}
    a, b = (Watched(name, name, exhausted=partial(left.__getitem__, name)) for name in "ab")
    succession = Succession(Standby([a, b]))
    assert succession.after(a, DEAD, served_ms=0) is a
    left["a"] = 5.0
    assert Succession(Standby([a, b])).after(a, DEAD, served_ms=3_600_000) is None
