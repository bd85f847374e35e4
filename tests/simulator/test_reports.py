from offhook.simulator.judging import longest_silence_ms
from offhook.simulator.reports import CallReport, Check, Line, Timing, Turn


def report(*checks: Check) -> CallReport:
    timing = Timing.of([], 0, 0.0)
    turns = [Turn("a", 0, "b", 500.0), Turn("c", 0, "", None)]
    return CallReport("s", "t", 1, "", "agent", 1000, [], turns, [], timing, checks=list(checks))


def test_a_report_without_failures_passed() -> None:
    done = report(Check("x", True), Check("y", None))
    assert done.passed
    assert done.summary == "passed"


def test_failures_are_told() -> None:
    done = report(Check("x", True), Check("the agent stops", False, "after 2000 ms"))
    assert not done.passed
    assert done.summary == "the agent stops: after 2000 ms"


def test_only_answered_turns_have_a_reply_time() -> None:
    assert report().replies_ms == [500.0]


def test_timing_of_arrivals() -> None:
    timing = Timing.of([0.0, 0.02, 0.04, 0.1], 1, 3.14159)
    assert (timing.frames, timing.interval_p50_ms, timing.interval_max_ms, timing.late) == (4, 20.0, 60.0, 1)
    assert timing.caller_late_ms == 3.14


def test_timing_of_no_frames() -> None:
    assert Timing.of([], 0, 0.0) == Timing(0, 0.0, 0.0, 0.0, 0, 0, 0.0)


def test_the_longest_silence_is_between_beginning_and_end_too() -> None:
    lines = [Line("agent", 1000, 5000, ""), Line("caller", 2000, 3000, ""), Line("agent", 6500, 7000, "")]
    assert longest_silence_ms(lines, 8000) == 1500
    assert longest_silence_ms(lines, 9000) == 2000
    assert longest_silence_ms([], 4000) == 4000
