"""What the ledger says of some days: by day, by agent and by provider."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from offhook.config import Settings
from offhook.costs.ledger import day_of
from offhook.costs.ledger_file import LEDGER, Entry, LedgerFile
from offhook.costs.prices import Service

__all__ = ["print_report", "report"]


def report(settings: Settings, days: int) -> dict[str, Any]:
    """The sums of the last `days` days with today, as JSON can have them; amounts are texts. Raises ConfigError."""
    costs = settings.costs
    today = day_of(costs, datetime.now(UTC))
    file = LedgerFile(settings.server.data_dir / LEDGER)
    first = today - timedelta(days=days - 1)
    entries = [entry for entry in file.read(first, today) if entry.currency == costs.currency]
    return {
        "currency": costs.currency,
        "from": str(first),
        "to": str(today),
        **_sum(entries),
        "days": _sums(entries, lambda entry: str(entry.day)),
        "agents": _sums(entries, lambda entry: entry.agent),
        "providers": _sums(entries, lambda entry: f"{entry.stage} {entry.provider}"),
    }


def print_report(found: Mapping[str, Any]) -> None:
    """For people to read, in a terminal however narrow."""
    from rich.console import Console  # noqa: PLC0415 - only what prints it needs it
    from rich.table import Table  # noqa: PLC0415

    console = Console(highlight=False)
    if not found["days"]:
        console.print(f"no costs from {found['from']} to {found['to']}")
        return
    for title, name in (("day", "days"), ("agent", "agents"), ("provider", "providers")):
        table = Table(title, box=None, pad_edge=False)
        table.add_column("calls", justify="right")
        table.add_column(found["currency"], justify="right", no_wrap=True)
        for key, sums in found[name].items():
            table.add_row(key or "(no call)", str(sums["calls"]), _shown(sums))
        if name == "days":
            table.add_row("all", str(found["calls"]), _shown(found))
        console.print(table)
        if name != "providers":
            console.print()


def _shown(sums: Mapping[str, Any]) -> str:
    total = Decimal(sums["total"])
    if sums["unpriced"] and not total:
        return "?"
    return f"{total:.4f}" + ("+" if sums["unpriced"] else "")


def _sums(entries: Iterable[Entry], key: Callable[[Entry], str]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return {name: _sum(groups[name]) for name in sorted(groups)}


def _sum(entries: list[Entry]) -> dict[str, Any]:
    total = sum((entry.cost for entry in entries), Decimal(0))
    unpriced = {str(Service(entry.stage, entry.provider, entry.model)) for entry in entries if entry.unpriced}
    return {
        "calls": len({entry.bill for entry in entries if entry.agent}),
        "total": f"{total.normalize():f}",
        "unpriced": sorted(unpriced),
        "estimated": any(entry.estimated for entry in entries),
    }
