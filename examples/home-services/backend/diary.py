"""Who can come when: the technicians' trades, the areas that they drive to, and what they have to do already."""

import datetime as dt
import sqlite3
from typing import Any

from .shapes import Query, Visit

__all__ = ["Diary"]

_STARTS = ("08:00", "10:00", "12:00", "14:00", "16:00", "18:00")
_PARTS = {"morning": ("08:00", "10:00"), "afternoon": ("12:00", "14:00", "16:00"), "evening": ("18:00",)}
_SUNDAY = 6
_DAYS_AHEAD = 60


class Diary:
    """The diary as it is in a transaction of `db`."""

    def __init__(self, db: sqlite3.Connection, now: dt.datetime):
        self._db = db
        self._now = now

    @staticmethod
    def starts_of(visit: Visit) -> tuple[str, ...]:
        """The starts that would do, the best first."""
        if isinstance(visit.preferred_time, dt.time):
            return (visit.preferred_time.isoformat("minutes"),)
        return _PARTS[visit.preferred_time]

    def look_up(self, query: Query) -> dict[str, Any]:
        """What to tell somebody who asks for a day."""
        today = self._now.date()
        if query.date < today:
            return {"status": "past"}
        if query.date > self._last_day:
            return {"status": "too_far", "last": self._last_day.isoformat()}
        if not self._who(query):
            return {"status": "not_covered"}
        free = [*self.free(query)]
        if free:
            wished = [start for start in free if query.part is None or start in _PARTS[query.part]]
            return {"status": "free", "free": wished or free}
        status = "closed" if query.date.weekday() == _SUNDAY else "full"
        return {"status": status, "next": self._next(query)}

    def free(self, query: Query) -> dict[str, int]:
        """Who comes, for each start at which somebody can."""
        if query.date.weekday() == _SUNDAY or query.date > self._last_day:
            return {}
        rows = self._db.execute("SELECT technician, start FROM visits WHERE day = ?", (query.date.isoformat(),))
        busy = {(row["technician"], row["start"]) for row in rows}
        everybody = self._who(query)
        free: dict[str, int] = {}
        for start in _STARTS:
            late = dt.datetime.combine(query.date, dt.time.fromisoformat(start)) <= self._now
            who = next((each for each in everybody if (each, start) not in busy), None)
            if who is not None and not late:
                free[start] = who
        return free

    @property
    def _last_day(self) -> dt.date:
        return self._now.date() + dt.timedelta(days=_DAYS_AHEAD)

    def _next(self, query: Query) -> str | None:
        """The first day after this one at which somebody can come."""
        day = query.date
        while day < self._last_day:
            day += dt.timedelta(days=1)
            if self.free(query.model_copy(update={"date": day})):
                return day.isoformat()
        return None

    def _who(self, query: Query) -> list[int]:
        rows = self._db.execute("SELECT * FROM technicians ORDER BY id").fetchall()
        return [
            row["id"]
            for row in rows
            if query.service_type in row["services"].split(",") and _drives_to(row["postcodes"], query.postcode)
        ]


def _drives_to(postcodes: str, postcode: str) -> bool:
    letters = "".join(each for each in postcode.strip().upper()[:2] if each.isalpha())
    return not letters or letters in postcodes.split(",")
