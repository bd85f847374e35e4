import io

from rich.console import Console

from offhook.simulator.caller import Progress
from offhook.simulator.printing import Live, print_report
from offhook.simulator.reports import CallReport, Check, Interruption, Line, Speaker, Timing, Turn


def console(width: int = 60) -> Console:
    return Console(file=io.StringIO(), width=width)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def line(speaker: Speaker, begin_s: float, text: str, *, settled: bool = True, call: int = 1) -> Progress:
    return Progress(call, int(begin_s * 1000), Line(speaker, begin_s * 1000, begin_s * 1000 + 500, text), settled)


def test_lines_wait_for_those_before_them() -> None:
    screen = console()
    live = Live(screen, calls=1)
    live(line("agent", 0, "", settled=False))
    live(line("caller", 2, "Hi."))
    assert printed(screen) == ""
    live(line("agent", 0, "Hello [there]."))
    assert printed(screen).splitlines() == ["  0.00 s  agent   Hello [there].", "  2.00 s  caller  Hi."]


def test_calls_do_not_wait_for_each_other() -> None:
    screen = console()
    live = Live(screen, calls=2)
    live(line("agent", 0, "", settled=False, call=1))
    live(line("agent", 0, "Hello.", call=2))
    assert printed(screen) == "#2     0.00 s  agent   Hello.\n"


def test_a_report_fits_a_narrow_terminal() -> None:
    turns = [Turn("Sorry, one question about the opening hours on Sundays, please?", 100, "Yes?", 612.4)]
    stops = [Interruption(3, turns[0].caller, None)]
    checks = [Check("the agent stops when interrupted", False, "it did not stop", 3), Check("fine", True)]
    done = CallReport("s", "t", 1, "", "agent", 3210, [], turns, stops, Timing.of([], 0, 0), checks=checks)
    screen = console(40)
    print_report(screen, done)
    text = printed(screen)
    assert max(len(each) for each in text.splitlines()) <= 40
    assert "612 ms" in text
    assert "none" in text
    assert "1 failed: 2 checks, 3.2 s" in text
    assert "fine" not in text
