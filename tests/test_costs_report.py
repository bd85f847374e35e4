from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.costs.ledger_file import LEDGER, Entry, LedgerFile
from offhook.costs_report import print_report, report

TODAY = datetime.now(UTC).date()


def settings(folder: Path) -> Settings:
    return Settings.model_validate({"server": {"data_dir": folder}, "costs": {"timezone": "UTC"}})


def entry(bill: str, cost: str, *, day: date = TODAY, agent: str = "reception", provider: str = "nova") -> Entry:
    service = ("stt", provider, "nova-3")
    return Entry(day, bill, "call", agent, *service, {}, Decimal(cost), "USD", unpriced=provider == "unknown")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ledger = LedgerFile(tmp_path / LEDGER)
    ledger.check()
    entries = [
        entry("run.1", "0.1"),
        entry("run.1", "0.02", provider="openai"),
        entry("run.2", "0.3", agent="sales", day=TODAY - timedelta(days=1)),
        entry("run.3", "0", provider="unknown"),
        entry("run.4", "0.004", agent=""),
        entry("run.5", "50", day=TODAY - timedelta(days=9)),
    ]
    ledger.write(entries)
    return tmp_path


def test_sums_by_day_agent_and_provider(folder: Path) -> None:
    found = report(settings(folder), 7)
    assert (found["total"], found["calls"], found["unpriced"]) == ("0.424", 3, ["stt unknown (nova-3)"])
    days = {day: (sums["calls"], sums["total"]) for day, sums in found["days"].items()}
    assert days == {str(TODAY - timedelta(days=1)): (1, "0.3"), str(TODAY): (2, "0.124")}
    assert {name: sums["total"] for name, sums in found["agents"].items()} == {
        "": "0.004",
        "reception": "0.12",
        "sales": "0.3",
    }
    assert {name: sums["total"] for name, sums in found["providers"].items()} == {
        "stt nova": "0.404",
        "stt openai": "0.02",
        "stt unknown": "0",
    }


@pytest.mark.parametrize(("days", "total"), [(1, "0.124"), (10, "50.424")])
def test_so_many_days(folder: Path, days: int, total: str) -> None:
    assert report(settings(folder), days)["total"] == total


def test_it_is_shown_in_a_narrow_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    print_report(report(settings(folder), 7))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 32
    lines = [line.split() for line in out.splitlines()]
    assert ["all", "3", "0.4240+"] in lines
    assert ["stt", "unknown", "1", "?"] in lines
    assert ["sales", "1", "0.3000"] in lines


def test_before_the_first_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report(settings(tmp_path), 1))
    assert capsys.readouterr().out == f"no costs from {TODAY} to {TODAY}\n"
