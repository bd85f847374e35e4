"""The company's data. One connection a request; SQLite keeps the rest in order."""

import datetime as dt
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .shapes import Lead, Query, Text, Visit

__all__ = ["Store", "TakenError"]

_SCHEMA = Path(__file__).with_name("schema.sql")
_STARTS = ("08:00", "10:00", "12:00", "14:00", "16:00", "18:00")
_PARTS = {"morning": ("08:00", "10:00"), "afternoon": ("12:00", "14:00", "16:00"), "evening": ("18:00",)}
_SUNDAY = 6
_DAYS_AHEAD = 60
_PEOPLE = (
    ("Maria Novak", "plumbing,drainage,heating", "SW,SE,W"),
    ("Tom Field", "electrical,heating", "SW,SE,N,E"),
    ("Aisha Khan", "locksmith,plumbing", "N,E,W,SW"),
)
_CUSTOMERS = (
    ("15550123", "Jane Miller", "12 Garden Road, SW4 7AA", "The boiler is in the attic. Two dogs."),
    ("15550142", "Robert Hill", "3 Station Street, E8 2BB", "Pays by invoice."),
)
_LAST_VISITS = (("V-JM0901", "15550123", 1, "heating", 40), ("V-RH0512", "15550142", 2, "electrical", 120))


class TakenError(Exception):
    """Nobody is free then. `free` has the nearest starts that are."""

    def __init__(self, free: list[str]):
        self.free = free
        super().__init__("nobody is free then")


class Store:
    """Customers, visits, leads and texts in the file `path`, which is made with a little to begin with.

    The methods block; each is one transaction. `request` is the key of a request: the same one again changes nothing
    and gets the same answer."""

    def __init__(self, path: Path, now: Callable[[], dt.datetime] = dt.datetime.now):
        self._path = path
        self._now = now
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened() as db:
            db.executescript(_SCHEMA.read_text(encoding="utf-8"))
            if not db.execute("SELECT 1 FROM technicians").fetchone():
                self._furnish(db)

    def customer(self, phone: str) -> dict[str, Any]:
        """Who has this number."""
        with self._opened() as db:
            row = db.execute("SELECT * FROM customers WHERE phone = ?", (phone,)).fetchone()
            return {"found": False} if row is None else {"found": True, **dict(row)}

    def history(self, phone: str) -> dict[str, Any]:
        """The visits and leads of a number, the newest first."""
        with self._opened() as db:
            visits = db.execute(
                "SELECT reference, service, day, start, issue, name AS technician FROM visits "
                "JOIN technicians ON technicians.id = technician WHERE phone = ? ORDER BY day DESC, start DESC LIMIT 5",
                (phone,),
            ).fetchall()
            leads = db.execute(
                "SELECT reference, service, urgency, made_at FROM leads WHERE phone = ? ORDER BY made_at DESC LIMIT 5",
                (phone,),
            ).fetchall()
            return {"visits": [dict(row) for row in visits], "leads": [dict(row) for row in leads]}

    def availability(self, query: Query) -> dict[str, Any]:
        """The starts on a day at which somebody can come."""
        with self._opened() as db:
            if not self._who(db, query):
                return {"status": "not_covered", "slots": []}
            slots = list(self._free(db, query))
            return {"status": "free" if slots else "full", "date": query.date.isoformat(), "slots": slots}

    def book(self, visit: Visit, request: str | None) -> dict[str, Any]:
        """Book a visit. Raises TakenError."""
        with self._opened() as db:
            row = db.execute("SELECT * FROM visits WHERE request = ?", (request,)).fetchone()
            if row is None:
                row = self._booked(db, visit, request)
            return {"status": "booked", "reference": row["reference"], "date": row["day"], "time": row["start"]}

    def lead(self, lead: Lead, request: str | None) -> dict[str, Any]:
        """Keep a lead."""
        with self._opened() as db:
            row = db.execute(
                "INSERT INTO leads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (request) DO UPDATE SET request = request RETURNING reference",
                (
                    f"L-{secrets.token_hex(3).upper()}",
                    lead.phone_number,
                    lead.caller_name,
                    lead.service_needed,
                    lead.urgency,
                    lead.address,
                    lead.email,
                    lead.notes,
                    self._now().isoformat(timespec="seconds"),
                    request,
                ),
            ).fetchone()
            return {"status": "created", "reference": row["reference"]}

    def text(self, text: Text, request: str | None) -> dict[str, Any]:
        """Queue a text message."""
        with self._opened() as db:
            db.execute(
                "INSERT INTO texts (phone, body, made_at, request) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (request) DO NOTHING",
                (text.phone_number, text.message, self._now().isoformat(timespec="seconds"), request),
            )
            return {"status": "queued"}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All that was entered, for whoever wants to look."""
        with self._opened() as db:
            return {
                table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")]  # noqa: S608 - three names of ours
                for table in ("visits", "leads", "texts")
            }

    def _booked(self, db: sqlite3.Connection, visit: Visit, request: str | None) -> sqlite3.Row:
        query = Query(date=visit.preferred_date, service_type=visit.service_type)
        free = self._free(db, query)
        wanted = [start for start in self._wanted(visit) if start in free]
        if not wanted:
            raise TakenError(list(free)[:3])
        db.execute(
            "INSERT INTO customers (phone, name, address) VALUES (?, ?, ?) ON CONFLICT (phone) DO NOTHING",
            (visit.phone_number, visit.customer_name, visit.address),
        )
        row: sqlite3.Row = db.execute(
            "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                f"V-{secrets.token_hex(3).upper()}",
                visit.phone_number,
                free[wanted[0]],
                visit.service_type,
                visit.preferred_date.isoformat(),
                wanted[0],
                visit.address,
                visit.issue_description,
                request,
            ),
        ).fetchone()
        return row

    def _wanted(self, visit: Visit) -> tuple[str, ...]:
        if isinstance(visit.preferred_time, dt.time):
            return (visit.preferred_time.isoformat("minutes"),)
        return _PARTS[visit.preferred_time]

    def _free(self, db: sqlite3.Connection, query: Query) -> dict[str, int]:
        """Who comes, for each start at which somebody can."""
        now = self._now()
        if query.date.weekday() == _SUNDAY or query.date > now.date() + dt.timedelta(days=_DAYS_AHEAD):
            return {}
        rows = db.execute("SELECT technician, start FROM visits WHERE day = ?", (query.date.isoformat(),))
        busy = {(row["technician"], row["start"]) for row in rows}
        free: dict[str, int] = {}
        for start in _STARTS:
            late = dt.datetime.combine(query.date, dt.time.fromisoformat(start)) <= now
            who = next((each for each in self._who(db, query) if (each, start) not in busy), None)
            if who is not None and not late:
                free[start] = who
        return free

    def _who(self, db: sqlite3.Connection, query: Query) -> list[int]:
        rows = db.execute("SELECT * FROM technicians ORDER BY id").fetchall()
        return [
            row["id"]
            for row in rows
            if query.service_type in row["services"].split(",") and _drives_to(row["postcodes"], query.postcode)
        ]

    def _furnish(self, db: sqlite3.Connection) -> None:
        today = self._now().date()
        db.executemany("INSERT INTO technicians (name, services, postcodes) VALUES (?, ?, ?)", _PEOPLE)
        db.executemany("INSERT INTO customers (phone, name, address, notes) VALUES (?, ?, ?, ?)", _CUSTOMERS)
        db.executemany(
            "INSERT INTO visits (reference, phone, technician, service, day, start) VALUES (?, ?, ?, ?, ?, '10:00')",
            [(*visit, (today - dt.timedelta(days=ago)).isoformat()) for *visit, ago in _LAST_VISITS],
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=5)
        db.row_factory = sqlite3.Row
        try:
            with db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("BEGIN IMMEDIATE")
                yield db
        finally:
            db.close()


def _drives_to(postcodes: str, postcode: str) -> bool:
    letters = "".join(each for each in postcode.upper()[:2] if each.isalpha())
    return not letters or letters in postcodes.split(",")
