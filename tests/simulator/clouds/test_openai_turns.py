from typing import Any

import pytest

from offhook.simulator.clouds.openai_turns import TurnDetector, TurnEvent

VAD = {"type": "server_vad"}


def follow(detector: TurnDetector, *stretches: tuple[bool, int]) -> list[tuple[TurnEvent, int]]:
    """What happens when, in stretches of voice or silence of so many ms."""
    found: list[tuple[TurnEvent, int]] = []
    for voiced, ms in stretches:
        for _ in range(0, ms, 20):
            if event := detector.hear(voiced):
                found.append((event, detector.now_ms))
                if event == "stopped":
                    detector.stop()
    return found


def test_silence_ends_a_turn() -> None:
    detector = TurnDetector(VAD)
    heard = follow(detector, (False, 1_000), (True, 400), (False, 480), (True, 200), (False, 2_000))
    assert heard == [("started", 1_020), ("stopped", 2_580)]
    assert detector.start_ms == 700


@pytest.mark.parametrize(
    ("settings", "start_ms", "stopped_ms"),
    [
        ({"prefix_padding_ms": 0, "silence_duration_ms": 200}, 1_000, 1_600),
        ({"prefix_padding_ms": 2_000, "silence_duration_ms": 1_000}, 0, 2_400),
        ({"prefix_padding_ms": None, "silence_duration_ms": None}, 700, 1_900),
    ],
)
def test_settings(settings: dict[str, Any], start_ms: int, stopped_ms: int) -> None:
    detector = TurnDetector({**VAD, **settings})
    assert follow(detector, (False, 1_000), (True, 400), (False, 2_000))[1:] == [("stopped", stopped_ms)]
    assert detector.start_ms == start_ms


@pytest.mark.parametrize(
    ("eagerness", "longest_ms"), [("low", 8_000), ("medium", 4_000), ("auto", 4_000), ("high", 2_000)]
)
def test_words_may_end_a_turn_earlier_than_the_longest_silence(eagerness: str, longest_ms: int) -> None:
    heard = follow(TurnDetector({"type": "semantic_vad", "eagerness": eagerness}), (True, 400), (False, 9_000))
    assert heard == [("started", 20), ("maybe stopped", 700), ("stopped", 400 + longest_ms)]


def test_a_silence_counts_from_the_end_of_what_plays() -> None:
    detector = TurnDetector({**VAD, "idle_timeout_ms": 5_000})
    assert follow(detector, (False, 9_000)) == []
    detector.answered(1_500)
    assert follow(detector, (False, 6_480)) == []
    assert (detector.idle_from_ms, follow(detector, (False, 20))) == (10_500, [("idle", 15_500)])
    detector.answered(0)
    assert follow(detector, (True, 20), (False, 4_000)) == [("started", 15_520), ("stopped", 16_020)]
    assert follow(detector, (False, 9_000)) == []


def test_without_detection_nothing_happens() -> None:
    detector = TurnDetector(None)
    assert follow(detector, (True, 400), (False, 9_000)) == []
    assert detector.now_ms == 9_400
