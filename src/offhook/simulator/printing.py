"""Simulated calls on a terminal: the conversation as it happens, then what was measured and judged."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offhook.simulator.caller import Progress
from offhook.simulator.reports import CallReport, Check, Line
from offhook.simulator.scenario import Scenario

__all__ = ["Live", "print_report", "print_title", "print_totals"]

COLOURS = {"agent": "cyan", "caller": "yellow"}


class Live:
    """Prints conversations in the order in which the lines were begun, each as soon as all before it are settled."""

    def __init__(self, console: Console, *, calls: int):
        self._console = console
        self._several = calls > 1
        self._waiting: dict[int, dict[int, Progress]] = defaultdict(dict)

    def __call__(self, progress: Progress) -> None:
        """Take a line that is new, or that is settled now."""
        waiting = self._waiting[progress.call]
        waiting[progress.key] = progress
        for key, each in sorted(waiting.items(), key=lambda item: item[1].line.begin_ms):
            if not each.settled:
                return
            del waiting[key]
            self._print(each)

    def _print(self, progress: Progress) -> None:
        line = progress.line
        call = f"[dim]#{progress.call:<3}[/] " if self._several else ""
        time = f"[dim]{line.begin_ms / 1000:6.2f} s[/]"
        who = f"[{COLOURS[line.speaker]}]{line.speaker:<6}[/]"
        self._console.print(f"{call}{time}  {who}  {escape(_text(line))}", highlight=False)


def _text(line: Line) -> str:
    return line.text or f"(speaks for {(line.end_ms - line.begin_ms) / 1000:.1f} s)"


def print_title(console: Console, scenario: Scenario, calls: int) -> None:
    """What is about to be simulated."""
    several = f", {calls} calls at once" if calls > 1 else ""
    console.print(f"\n[bold]{escape(scenario.name)}[/]: {escape(scenario.title)}{several}", highlight=False)


def print_report(console: Console, report: CallReport, *, verbose: bool = False) -> None:
    """Reply times, interruptions, and every check that failed; with `verbose`, also those that held."""
    console.print()
    if report.turns or report.interruptions:
        console.print(_times(report, console.width))
    if verbose:
        console.print(_timing(report), highlight=False)
    for check in report.checks if verbose else [each for each in report.checks if each.passed is not True]:
        _print_check(console, check)
    verdict = "[green]passed[/]" if report.passed else f"[red]{len(report.failures)} failed[/]"
    seconds = report.duration_ms / 1000
    console.print(
        f"{verdict}: {len(report.checks)} checks, {seconds:.1f} s, ended by the {report.ended_by}", highlight=False
    )
    if report.wav is not None:
        console.print(f"recording: {report.wav}", highlight=False, soft_wrap=True)


def _times(report: CallReport, width: int) -> Table:
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    table.add_column("caller", overflow="ellipsis", no_wrap=True, max_width=max(10, min(44, width - 20)))
    table.add_column("reply", justify="right", no_wrap=True)
    table.add_column("stop", justify="right", no_wrap=True)
    stops = {each.caller: each for each in report.interruptions}
    for turn in report.turns:
        stop = stops.get(turn.caller)
        table.add_row(escape(turn.caller), _ms(turn.reply_ms), _ms(stop.stop_ms) if stop else "")
    return table


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f} ms"


def _timing(report: CallReport) -> str:
    timing = report.timing
    return (
        f"agent frames: {timing.frames}, apart p50 {timing.interval_p50_ms} p99 {timing.interval_p99_ms} "
        f"max {timing.interval_max_ms} ms, {timing.late} late; caller late by {timing.caller_late_ms} ms at most"
    )


def _print_check(console: Console, check: Check) -> None:
    mark = {True: "[green]held[/]  ", False: "[red]failed[/]", None: "[yellow]unknown[/]"}[check.passed]
    where = f"step {check.step}: " if check.step is not None else ""
    detail = f" ({check.detail})" if check.detail else ""
    console.print(f"{mark} {escape(where + check.what + detail)}", highlight=False)


def print_totals(console: Console, reports: Sequence[CallReport]) -> None:
    """One line a scenario, over all of its calls."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("scenario", overflow="fold")
    for name in ("calls", "reply p50", "worst", "stop worst", "verdict"):
        table.add_column(name, justify="right")
    for name in dict.fromkeys(report.scenario for report in reports):
        table.add_row(name, *_totals([report for report in reports if report.scenario == name]))
    console.print()
    console.print(table)


def _totals(reports: Sequence[CallReport]) -> Iterable[str]:
    replies = [reply for report in reports for reply in report.replies_ms]
    stops = [each.stop_ms for report in reports for each in report.interruptions if each.stop_ms is not None]
    failed = sum(not report.passed for report in reports)
    return (
        str(len(reports)),
        f"{median(replies):.0f} ms" if replies else "",
        f"{max(replies):.0f} ms" if replies else "",
        f"{max(stops):.0f} ms" if stops else "",
        f"[red]{failed} failed[/]" if failed else "[green]passed[/]",
    )
