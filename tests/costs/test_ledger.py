import errno
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from offhook.config import CostSettings
from offhook.costs.ledger import Ledger, day_of
from offhook.costs.ledger_file import Entry, LedgerFile
from tests.calls.rig import AtOnce
from tests.costs.test_prices import NOVA

DAY = date(2026, 11, 21)


class Books:
    """A ledger whose time the test moves."""

    def __init__(self, folder: Path) -> None:
        self.day = DAY
        self.seconds = 0.0
        self.file = LedgerFile(folder / "costs.db")
        self.ledger = self.opened()

    def opened(self) -> Ledger:
        ledger = Ledger(self.file, AtOnce(), currency="USD", today=lambda: self.day, now=lambda: self.seconds)
        ledger.open()
        return ledger

    def spend(self, cost: str, bill: str = "1", ledger: Ledger | None = None) -> None:
        (ledger or self.ledger).add(bill, ("call-1", "reception"), NOVA, {"seconds": 1.5}, Decimal(cost))


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_what_was_spent_is_known_at_once_and_written(books: Books) -> None:
    books.spend("0.1")
    books.spend("0.2")
    assert books.ledger.spent == Decimal("0.3")
    [entry] = books.file.read(DAY, DAY)
    assert (entry.cost, entry.used, entry.agent) == (Decimal("0.3"), {"seconds": Decimal("3.0")}, "reception")


def test_a_restart_goes_on_with_what_was_spent_before(books: Books) -> None:
    books.spend("0.1")
    again = books.opened()
    assert again.spent == Decimal("0.1")
    books.spend("0.2", ledger=again)
    assert again.spent == Decimal("0.3")
    assert len(books.file.read(DAY, DAY)) == 2


def test_what_another_process_spends_is_found_within_ten_seconds(books: Books) -> None:
    other = books.opened()
    books.spend("5", ledger=other)
    assert books.ledger.spent == 0
    books.seconds = 10
    assert books.ledger.spent == 5, "the worker of this test is as quick as that"


def test_it_is_not_looked_up_with_every_entry(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[float] = []
    spent = LedgerFile.spent

    def counted(file: LedgerFile, day: date, currency: str, *, but_for: str) -> Decimal:
        looked.append(books.seconds)
        return spent(file, day, currency, but_for=but_for)

    monkeypatch.setattr(LedgerFile, "spent", counted)
    for second in range(25):
        books.seconds = second
        books.spend("1")
        assert books.ledger.spent == second + 1
    assert looked == [10, 20]
    books.day += timedelta(days=1)
    books.spend("1")
    assert len(looked) == 3, "what others spent in the new day"


def test_a_new_day_begins_at_nothing_and_the_bill_goes_on(books: Books) -> None:
    books.spend("1")
    books.day += timedelta(days=1)
    assert books.ledger.spent == 0
    books.spend("0.5")
    assert books.ledger.spent == Decimal("0.5")
    assert [entry.cost for entry in books.file.read(DAY, books.day)] == [1, Decimal("0.5")]


def test_a_clock_that_goes_back_over_midnight_loses_nothing(books: Books) -> None:
    books.spend("1")
    books.day += timedelta(days=1)
    books.spend("0.5")
    books.day -= timedelta(days=1)
    assert books.ledger.spent == 1
    books.spend("0.25")
    books.day += timedelta(days=1)
    assert books.ledger.spent == Decimal("0.5")
    assert [entry.cost for entry in books.file.read(DAY, books.day)] == [Decimal("1.25"), Decimal("0.5")]


def test_a_bill_that_is_forgotten_begins_anew(books: Books) -> None:
    books.spend("1", "1")
    books.spend("1", "2")
    books.ledger.forget("1")
    books.spend("2", "2")
    assert {entry.bill.rpartition(".")[2]: entry.cost for entry in books.file.read(DAY, DAY)} == {"1": 1, "2": 3}


def test_a_full_disk_stops_nothing_and_loses_nothing(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: LedgerFile, entries: Iterable[Entry]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(LedgerFile, "write", full)
        books.spend("1", "1")
        books.spend("2", "2")
    assert books.ledger.spent == 3
    assert books.file.read(DAY, DAY) == []
    books.spend("4", "2")
    assert sorted(entry.cost for entry in books.file.read(DAY, DAY)) == [1, 6]


def test_a_busy_worker_writes_the_latest_once(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[Decimal]] = []
    write: Callable[[LedgerFile, Iterable[Entry]], None] = LedgerFile.write

    def noted(self: LedgerFile, entries: Iterable[Entry]) -> None:
        written.append([entry.cost for entry in entries])
        write(self, entries)

    monkeypatch.setattr(LedgerFile, "write", noted)
    with ThreadPoolExecutor(1) as worker:
        opened: Future[None] = Future()
        gate = worker.submit(opened.result)
        ledger = Ledger(books.file, worker, currency="USD", today=lambda: DAY)
        for _ in range(3):
            books.spend("1", ledger=ledger)
        opened.set_result(None)
        gate.result()
    assert written == [[Decimal(3)]]


@pytest.mark.parametrize(
    ("zone", "day"), [("Asia/Tokyo", DAY + timedelta(days=1)), ("America/Los_Angeles", DAY), ("UTC", DAY)]
)
def test_a_day_is_that_of_the_zone(zone: str, day: date) -> None:
    assert day_of(CostSettings(timezone=zone), datetime(2026, 11, 21, 16, 30, tzinfo=UTC)) == day
