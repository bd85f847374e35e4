"""The ledger on disk: an SQLite file with a row a day for each service that a call used. Everything here blocks.

Each process writes rows of its own, whole, and never those of another one: none adds to what it read before, so that
two of them cannot lose each other's. What a killed process has written stays.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson

from offhook.errors import ConfigError

__all__ = ["LEDGER", "Entry", "LedgerFile"]

LEDGER = "costs.db"
"""The name of the ledger, below `server.data_dir`."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    day TEXT, bill TEXT, call TEXT, agent TEXT, stage TEXT, provider TEXT, model TEXT,
    used TEXT, cost TEXT, currency TEXT, unpriced INTEGER, estimated INTEGER,
    PRIMARY KEY (day, bill, stage, provider, model)
) WITHOUT ROWID
"""
_COLUMNS = "day, bill, call, agent, stage, provider, model, used, cost, currency, unpriced, estimated"
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What one call used of one service on one day, and what that costs. `bill` tells conversations apart that have the
    same id of a call; it begins with the name of the process that wrote it."""

    day: date
    bill: str
    call: str
    agent: str
    stage: str
    provider: str
    model: str
    used: dict[str, Decimal]
    cost: Decimal
    currency: str
    unpriced: bool = False
    estimated: bool = False


class LedgerFile:
    """The file at `path`. Raises sqlite3.Error where it cannot be read or written, unless it says otherwise."""

    def __init__(self, path: Path):
        self.path = path

    def check(self) -> None:
        """Make the file, or see that it is a ledger. Raises ConfigError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database:
                database.execute("SELECT cost FROM entries LIMIT 1").fetchall()
        except (OSError, sqlite3.Error) as error:
            hint = "Make it writable, or move it away: the costs of days before are in it."
            raise ConfigError(f"the ledger of costs cannot be used: {error}", file=self.path, hint=hint) from error

    def write(self, entries: Iterable[Entry]) -> None:
        """Put entries in, each in place of what was written of it before, and all or none."""
        rows = [_row(entry) for entry in entries]
        marks = ", ".join("?" * len(_COLUMNS.split(", ")))
        with closing(self._open()) as database, database:
            database.executemany(f"INSERT OR REPLACE INTO entries ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608 - our own names

    def read(self, first: date, last: date) -> list[Entry]:
        """The entries of some days, the earliest first. Raises ConfigError."""
        if not self.path.exists():
            return []
        query = f"SELECT {_COLUMNS} FROM entries WHERE day BETWEEN ? AND ? ORDER BY day"  # noqa: S608 - our own names
        try:
            with closing(self._open()) as database:
                return [_entry(row) for row in database.execute(query, (str(first), str(last)))]
        except sqlite3.Error as error:
            raise ConfigError(f"the ledger of costs cannot be read: {error}", file=self.path) from error

    def spent(self, day: date, currency: str, *, but_for: str) -> Decimal:
        """The cost of a day, without what the process `but_for` wrote itself."""
        return sum(self._costs(day, currency, but_for), Decimal(0))

    def _costs(self, day: date, currency: str, but_for: str) -> Iterator[Decimal]:
        # SQLite passes over our own rows: of the many of a day, Python would hold up the calls.
        query = "SELECT cost FROM entries WHERE day = ? AND currency = ? AND substr(bill, 1, ?) != ?"
        own = f"{but_for}."
        with closing(self._open()) as database:
            for (cost,) in database.execute(query, (str(day), currency, len(own), own)):
                yield Decimal(cost)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_PATIENCE_S)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database


def _row(entry: Entry) -> tuple[object, ...]:
    used = orjson.dumps({kind: str(count) for kind, count in entry.used.items()}).decode()
    named = (entry.call, entry.agent, entry.stage, entry.provider, entry.model)
    flags = (int(entry.unpriced), int(entry.estimated))
    return (str(entry.day), entry.bill, *named, used, format(entry.cost, "f"), entry.currency, *flags)


def _entry(row: tuple[str, ...]) -> Entry:
    day, bill, call, agent, stage, provider, model, used, cost, currency, unpriced, estimated = row
    counts = {kind: Decimal(count) for kind, count in orjson.loads(used).items()}
    named = (bill, call, agent, stage, provider, model)
    return Entry(date.fromisoformat(day), *named, counts, Decimal(cost), currency, bool(unpriced), bool(estimated))
