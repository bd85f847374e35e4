import sqlite3
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from offhook.costs.ledger_file import Entry, LedgerFile
from offhook.errors import ConfigError

DAY, NEXT = date(2026, 11, 21), date(2026, 11, 22)


def entry(bill: str = "run.1", cost: str = "0.015", day: date = DAY, provider: str = "openai") -> Entry:
    return Entry(
        day, bill, "call-1", "reception", "realtime", provider, "mini", {"audio_in": Decimal(300)}, Decimal(cost), "USD"
    )


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFile:
    ledger = LedgerFile(tmp_path / "var" / "costs.db")
    ledger.check()
    return ledger


def test_what_was_written_is_read_to_the_last_digit(ledger: LedgerFile) -> None:
    written = [entry(cost="0.000009666667"), entry(provider="nova"), entry(day=NEXT)]
    ledger.write(written)
    assert sorted(ledger.read(DAY, NEXT), key=str) == sorted(written, key=str)
    assert ledger.read(NEXT, NEXT) == written[2:]


def test_an_entry_takes_the_place_of_what_was_written_of_it_before(ledger: LedgerFile) -> None:
    ledger.write([entry(cost="1")])
    ledger.write([entry(cost="1.5")])
    assert ledger.spent(DAY, "USD", but_for="") == Decimal("1.5")


def test_others_are_those_of_another_process_and_of_the_same_day_and_currency(ledger: LedgerFile) -> None:
    ledger.write([entry("run.1", "1"), entry("run.2", "2"), entry("other.1", "4"), entry("other.1", "8", NEXT)])
    assert ledger.spent(DAY, "USD", but_for="run") == 4
    assert ledger.spent(DAY, "EUR", but_for="run") == 0


def test_before_anything_was_written_there_is_nothing(tmp_path: Path) -> None:
    assert LedgerFile(tmp_path / "costs.db").read(DAY, NEXT) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "costs.db"
    path.write_bytes(b"not a ledger" * 100)
    with pytest.raises(ConfigError, match=r"costs\.db: the ledger of costs cannot be used"):
        LedgerFile(path).check()
    with pytest.raises(ConfigError, match="cannot be read"):
        LedgerFile(path).read(DAY, DAY)
    assert path.read_bytes() == b"not a ledger" * 100


def test_a_file_with_another_table_of_that_name(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "costs.db")
    database.execute("CREATE TABLE entries (name TEXT)")
    database.close()
    with pytest.raises(ConfigError, match="no such column"):
        LedgerFile(tmp_path / "costs.db").check()


_WRITER = """
import os, sys
from pathlib import Path
from datetime import date
from decimal import Decimal
from offhook.costs.ledger_file import Entry, LedgerFile
ledger, run = LedgerFile(Path(sys.argv[1])), sys.argv[2]
for number in range(50):
    used = {"seconds": Decimal(1)}
    service = ("stt", "nova", "nova-3")
    entry = Entry(date(2026, 11, 21), f"{run}.{number}", "c", "a", *service, used, Decimal("0.01"), "USD")
    ledger.write([entry])
os.kill(os.getpid(), 9)
"""


def test_two_processes_that_write_at_once_and_are_killed_lose_nothing(ledger: LedgerFile) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(ledger.path), run]) for run in ("one", "two")]
    assert [writer.wait(120) for writer in writers] == [-9, -9]
    assert ledger.spent(DAY, "USD", but_for="") == Decimal("1.00")
    assert ledger.spent(DAY, "USD", but_for="one") == Decimal("0.50")
