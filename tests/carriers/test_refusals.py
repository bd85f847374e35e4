"""Warnings of what was refused, in a time that the test moves."""

from structlog.testing import capture_logs

from offhook.carriers.refusals import Refusals


def test_a_flood_of_refusals_leaves_a_short_log() -> None:
    time = 0.0
    refusals = Refusals(clock=lambda: time)
    with capture_logs() as lines:
        for _ in range(5_000):
            refusals.tell("a webhook was refused", why="it is not signed")
        assert len(lines) == 30
        assert lines[0] == {"event": "a webhook was refused", "why": "it is not signed", "log_level": "warning"}
        time += 2
        refusals.tell("a webhook was refused", why="its signature is wrong")
    assert lines[-1]["untold"] == 4_970


def test_a_few_now_and_then_are_all_told() -> None:
    time = 0.0
    refusals = Refusals(clock=lambda: time)
    with capture_logs() as lines:
        for _ in range(100):
            time += 2
            refusals.tell("a media socket was refused")
    assert len(lines) == 100
