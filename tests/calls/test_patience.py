from offhook.calls.patience import Patience
from offhook.config import SilenceSettings

SETTINGS = SilenceSettings(ask_after_s=2, hang_up_after_s=1)


def verdicts(patience: Patience, start_ms: int, end_ms: int, *, quiet: bool) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for now in range(start_ms, end_ms, 20):
        verdict = patience.tick(now, quiet=quiet)
        if verdict is not None:
            found.append((now, verdict))
    return found


def test_asks_once_then_gives_up() -> None:
    assert verdicts(Patience(SETTINGS), 0, 3020, quiet=True) == [(2000, "ask"), (3000, "give_up")]


def test_time_in_which_somebody_speaks_does_not_count() -> None:
    patience = Patience(SETTINGS)
    assert verdicts(patience, 0, 60_000, quiet=False) == []
    assert verdicts(patience, 60_000, 62_000, quiet=True) == [(61_980, "ask")]


def test_a_sign_of_life_begins_again() -> None:
    patience = Patience(SETTINGS)
    assert verdicts(patience, 0, 2020, quiet=True) == [(2000, "ask")]
    patience.caller_active()
    assert verdicts(patience, 2020, 5000, quiet=True) == [(4000, "ask")]
