import pytest

from offhook.calls.wrap_up import WrapUp
from offhook.config import SilenceSettings


def told(wrap_up: WrapUp, *, talking_until_ms: int = 0, until_ms: int = 60_000) -> list[tuple[int, int]]:
    """When it is the moment, and how many seconds are left then."""
    return [
        (now, left_s)
        for now in range(0, until_ms, 20)
        if (left_s := wrap_up.tick(now, quiet=now >= talking_until_ms)) is not None
    ]


@pytest.mark.parametrize(("talking_until_ms", "moments"), [(0, [(40_000, 20)]), (45_500, [(45_500, 14)]), (61_000, [])])
def test_once_when_nobody_speaks(talking_until_ms: int, moments: list[tuple[int, int]]) -> None:
    settings = SilenceSettings(max_duration_s=60, wrap_up_s=20)
    assert told(WrapUp(settings), talking_until_ms=talking_until_ms) == moments


def test_never_if_not_wanted() -> None:
    assert told(WrapUp(SilenceSettings(max_duration_s=60, wrap_up_s=0))) == []
