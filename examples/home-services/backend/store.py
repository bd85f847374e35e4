"""The company's data. One connection a request; SQLite keeps the rest in order."""

import datetime as dt
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .diary import Diary
from .shapes import Lead, Query, Text, Visit

__all__ = ["Store"]

_SCHEMA = Path(__file__).with_name("schema.sql")
_WAIT_S = 2.0
"""How long a request waits for another one's transaction."""
_LEAST_DIGITS = 7
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


class Store:
    """Customers, visits, leads and texts in the file `path`, which is made with a little to begin with.

    The methods block; each is one transaction, and raises sqlite3.OperationalError where the file is locked for longer
    than `wait_s`. `request` is the key of a request: the same one again changes nothing and gets the same answer."""

    def __init__(self, path: Path, now: Callable[[], dt.datetime] = dt.datetime.now, *, wait_s: float = _WAIT_S):
        self._path = path
        self._now = now
        self._wait_s = wait_s
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened() as db:
            for statement in _SCHEMA.read_text(encoding="utf-8").split("\n\n"):
                db.execute(statement)
            if not db.execute("SELECT 1 FROM technicians").fetchone():
                self._furnish(db)

    def customer(self, phone: str) -> dict[str, Any]:
        """Who has this number: `status` is found or unknown."""
        with self._opened() as db:
            row = db.execute("SELECT * FROM customers WHERE phone = ?", (_known(db, phone),)).fetchone()
            return {"status": "unknown"} if row is None else {"status": "found", **dict(row)}

    def history(self, phone: str) -> dict[str, Any]:
        """The visits and leads of a number, the newest first: `status` is known or unknown."""
        with self._opened() as db:
            known = _known(db, phone)
            visits = db.execute(
                "SELECT reference, service, day, start, issue, name AS technician FROM visits "
                "JOIN technicians ON technicians.id = technician WHERE phone = ? ORDER BY day DESC, start DESC LIMIT 5",
                (known,),
            ).fetchall()
            leads = db.execute(
                "SELECT reference, service, urgency, made_at FROM leads WHERE phone = ? ORDER BY made_at DESC LIMIT 5",
                (known,),
            ).fetchall()
        found = {"visits": [dict(row) for row in visits], "leads": [dict(row) for row in leads]}
        past = next((row for row in visits if row["day"] < self._now().date().isoformat()), None)
        last = {"last_service": past["service"], "last_visit": past["day"]} if past else {}
        return {"status": "known" if visits or leads else "unknown", **last, **found}

    def availability(self, query: Query) -> dict[str, Any]:
        """The starts on a day at which somebody can come: `status` is free, full, closed, past, too_far or
        not_covered, with the `next` free day where there is one."""
        with self._opened() as db:
            return {"date": query.date.isoformat(), **Diary(db, self._now()).look_up(query)}

    def book(self, visit: Visit, request: str | None) -> dict[str, Any]:
        """Book a visit: `status` is booked, or taken with other starts in `free`, or as for `availability`."""
        with self._opened() as db:
            row = self._booked_already(db, visit, request) or self._booked(db, visit, request)
            if row is None:
                found = Diary(db, self._now()).look_up(visit.query)
                return {**found, "status": "taken"} if found["status"] == "free" else found
            return {"status": "booked", "reference": row["reference"], "date": row["day"], "time": row["start"]}

    def lead(self, lead: Lead, request: str | None) -> dict[str, Any]:
        """Keep a lead."""
        with self._opened() as db:
            row = db.execute(
                "INSERT INTO leads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (request) DO UPDATE SET request = request RETURNING reference",
                (
                    _reference("L"),
                    _known(db, lead.phone_number),
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
            row = db.execute(
                "INSERT INTO texts (phone, body, made_at, request) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (request) DO UPDATE SET request = request RETURNING id",
                (_known(db, text.phone_number), text.message, self._now().isoformat(timespec="seconds"), request),
            ).fetchone()
            return {"status": "queued", "reference": f"T-{row['id']}"}

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All that was entered, for whoever wants to look."""
        with self._opened() as db:
            return {
                table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")]  # noqa: S608 - names of ours
                for table in ("customers", "visits", "leads", "texts")
            }

    def _booked_already(self, db: sqlite3.Connection, visit: Visit, request: str | None) -> sqlite3.Row | None:
        """The visit that this request made, or another one of this customer that is the same in all but its key."""
        row: sqlite3.Row | None = db.execute("SELECT * FROM visits WHERE request = ?", (request,)).fetchone()
        if row is not None:
            return row
        asked = (_known(db, visit.phone_number), visit.service_type, visit.preferred_date.isoformat())
        rows = db.execute("SELECT * FROM visits WHERE phone = ? AND service = ? AND day = ?", asked)
        return next((each for each in rows if each["start"] in Diary.starts_of(visit)), None)

    def _booked(self, db: sqlite3.Connection, visit: Visit, request: str | None) -> sqlite3.Row | None:
        free = Diary(db, self._now()).free(visit.query)
        start = next((each for each in Diary.starts_of(visit) if each in free), None)
        if start is None:
            return None
        phone = _known(db, visit.phone_number)
        db.execute(
            "INSERT INTO customers (phone, name, address) VALUES (?, ?, ?) ON CONFLICT (phone) DO NOTHING",
            (phone, visit.customer_name, visit.address),
        )
        row: sqlite3.Row = db.execute(
            "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                _reference("V"),
                phone,
                free[start],
                visit.service_type,
                visit.preferred_date.isoformat(),
                start,
                visit.address,
                visit.notes,
                request,
            ),
        ).fetchone()
        return row

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
        db = sqlite3.connect(self._path, timeout=self._wait_s)
        db.row_factory = sqlite3.Row
        try:
            with db:
                db.execute("PRAGMA foreign_keys = ON")
                # Even to look: what is read must still hold when it is written a line later.
                db.execute("BEGIN IMMEDIATE")
                yield db
        finally:
            db.close()


def _reference(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(3).upper()}"


def _known(db: sqlite3.Connection, phone: str) -> str:
    """The number as the customer has it: people leave the country out, carriers do not."""
    rows = [row["phone"] for row in db.execute("SELECT phone FROM customers")]
    if phone in rows or len(phone) < _LEAST_DIGITS:
        return phone
    alike = [row for row in rows if len(row) >= _LEAST_DIGITS and (row.endswith(phone) or phone.endswith(row))]
    return alike[0] if len(alike) == 1 else phone
