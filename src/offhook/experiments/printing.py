"""A comparison on a terminal, also on a narrow one."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offhook.experiments.comparing import Comparison, Figure, Measure
from offhook.experiments.confidence import Estimate

__all__ = ["print_comparison"]

_Row = tuple[str, str, str]
_BY_CHANCE = "* sure to 95 %, one by one: of 20 such figures about one is so by chance."


def print_comparison(console: Console, comparison: Comparison) -> None:
    """The figures with their intervals, then what can be said of them."""
    console.print(f"[bold]{escape(comparison.experiment)}[/], callers of {escape(comparison.agent)}")
    calls = [(variant, f"{number:,}", "") for variant, number in comparison.calls.items()]
    measures = [(_heading(each), _rows(each)) for each in comparison.measures if _is_there(each)]
    blocks = [("calls", calls), *measures]
    heads = ("", "95 % interval", f"against {comparison.control}")
    every = [heads, *(row for _, rows in blocks for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in (0, 1)]
    console.print(_table([heads], widths))
    for heading, rows in blocks:
        console.print(f"[bold]{escape(heading)}[/]")
        console.print(_table(rows, widths))
    console.print()
    for sentence in comparison.words:
        console.print(escape(sentence))
    if any(_sure(figure) for measure in comparison.measures for figure in measure.figures.values()):
        console.print(_BY_CHANCE, style="dim")


def _table(rows: Sequence[_Row], widths: Sequence[int]) -> Table:
    """Rows whose columns stand where those of other tables of the same widths do."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=widths[0] + 2, overflow="fold")
    table.add_column(width=widths[1])
    table.add_column()
    for variant, value, difference in rows:
        table.add_row(f"  {escape(variant)}", escape(value), escape(difference))
    return table


def _is_there(measure: Measure) -> bool:
    return any(figure.value is not None for figure in measure.figures.values())


def _heading(measure: Measure) -> str:
    return measure.name if measure.unit in ("", "share") else f"{measure.name}, {measure.unit}"


def _rows(measure: Measure) -> list[_Row]:
    return [
        (
            variant,
            _shown(figure.value, measure.unit),
            _shown(figure.difference, measure.unit, signed=True) + (" *" if _sure(figure) else ""),
        )
        for variant, figure in measure.figures.items()
    ]


def _sure(figure: Figure) -> bool:
    return figure.difference is not None and figure.difference.sure


def _shown(estimate: Estimate | None, unit: str, *, signed: bool = False) -> str:
    if estimate is None:
        return ""
    value = _number(estimate.value, unit, signed=signed)
    if estimate.low is None or estimate.high is None:
        return value
    ends = (_number(end, unit, signed=signed) for end in (estimate.low, estimate.high))
    return f"{value} [{', '.join(ends)}]"


def _number(value: float, unit: str, *, signed: bool) -> str:
    sign = "+" if signed else ""
    if unit == "share":
        return f"{value * 100:{sign}.0f}%"
    # Three digits that count; smaller ones for what costs little.
    size = abs(value)
    digits = 0 if size >= 100 or size == 0 or unit == "ms" else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:{sign}.{digits}f}"
