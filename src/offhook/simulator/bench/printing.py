"""A measurement on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offhook.simulator.bench.cloud_figures import AddedFigures, CloudFigures
from offhook.simulator.bench.figures import FrameFigures, Spread
from offhook.simulator.bench.measuring import BenchReport, Step, TalkFigures

__all__ = ["print_bench"]


def print_bench(console: Console, report: BenchReport) -> None:
    """Conditions, the idle server, and a row a step."""
    made, idle = report.conditions, report.idle
    console.print(f"{made.cpu}, {made.cores} cores, {made.system}, Python {made.python}, {made.date}", highlight=False)
    options = ", ".join(f"{name} {value}" for name, value in made.options.items())
    console.print(f"Offhook {made.offhook}: {options}", highlight=False)
    started = "" if idle.start_s is None else f", listening {idle.start_s * 1000:.0f} ms after its start"
    console.print(
        f"idle: {idle.cpu_percent} % of a core, RSS {idle.memory.rss_mb} MB, PSS {idle.memory.pss_mb} MB{started}\n",
        highlight=False,
    )
    console.print(_costs(report))
    console.print()
    console.print(_frames(report))
    for step in report.steps:
        if step.cloud is not None:
            console.print()
            console.print(_cloud(step.calls, step.cloud))
    for step in report.steps:
        if step.problem:
            console.print(f"[red]{step.calls} calls: not valid[/]: {escape(step.problem)}", highlight=False)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name, justify="right")
    return table


def _costs(report: BenchReport) -> Table:
    agents = ("agent",) if any(step.agent for step in report.steps) else ()
    table = _table("calls", *agents, "CPU %", "CPU % a call", "RSS MB", "MB a call", "load CPU %", "load late")
    for step in report.steps:
        agent = (step.agent,) if agents else ()
        load = ("", "") if step.load is None else (f"{step.load.cpu_percent}", f"{step.load.late_p99_ms} ms")
        cpu = (f"{step.cpu_percent:.1f}", f"{step.cpu_percent_per_call:.2f}")
        table.add_row(
            str(step.calls), *agent, *cpu, f"{step.memory.rss_mb:.0f}", f"{step.memory_mb_per_call:.2f}", *load
        )
    return table


def _frames(report: BenchReport) -> Table:
    if any(step.talk for step in report.steps):
        return _talks(report.steps)
    table = _table("calls", "interval p50/p99 ms", "late", "lost", "round trip p50/p99", "in p50/p99", "out p50/p99")
    for step in report.steps:
        if step.frames is not None:
            table.add_row(str(step.calls), *_frame_row(step.frames))
    return table


def _cloud(calls: int, cloud: CloudFigures) -> Table:
    """A row a figure: what it is, of how many, and its percentiles in ms."""
    table = _table(f"{calls} calls by {cloud.carrier}", "of", "p50", "p95", "p99", "max ms")
    table.columns[0].justify = "left"
    rows = [
        ("webhook to its answer", cloud.greetings, cloud.webhook),
        ("webhook to greeting", cloud.greetings, cloud.greeting),
        *_added(cloud.added),
        ("end of speech to answer", cloud.turns, cloud.total),
        ("the same, begun early", cloud.early_turns, cloud.total_early),
        ("interruption to clear", cloud.interruptions, cloud.barge_in),
    ]
    for name, count, times in rows:
        if times is not None:
            shown = (f"{value:.1f}" for value in (times.p50, times.p95, times.p99, times.max))
            table.add_row(name, str(count), *shown)
    return table


def _added(added: AddedFigures | None) -> tuple[tuple[str, int, Spread], ...]:
    if added is None:
        return ()
    return (
        ("added to a turn", added.turns, added.added),
        ("  judgement to request at the model", added.turns, added.to_model),
        ("  model to first text at the voice", added.turns, added.to_voice),
        ("  text at the voice to the carrier", added.turns, added.to_carrier),
    )


def _frame_row(frames: FrameFigures) -> tuple[str, ...]:
    ways = (frames.round_trip, frames.way_in, frames.way_out)
    times = (f"{way.p50:.1f}/{way.p99:.1f}" if way else "" for way in ways)
    lost = "" if frames.lost is None else f"{frames.lost} of {frames.sent}"
    return (f"{frames.interval.p50:.1f}/{frames.interval.p99:.1f}", str(frames.late), lost, *times)


def _talks(steps: list[Step]) -> Table:
    table = _table("calls", "reply p50", "p95", "max ms", "no reply", "frames", "late", "interval p99 ms")
    for step in steps:
        if step.talk is not None:
            table.add_row(str(step.calls), *_talk_row(step.talk))
    return table


def _talk_row(talk: TalkFigures) -> tuple[str, ...]:
    replies = talk.replies
    times = ("", "", "") if replies is None else (f"{replies.p50:.0f}", f"{replies.p95:.0f}", f"{replies.max:.0f}")
    counts = (str(talk.unanswered_turns), str(talk.frames), str(talk.late_frames))
    return (*times, *counts, f"{talk.worst_interval_p99_ms:.1f}")
