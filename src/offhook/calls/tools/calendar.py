"""A small calendar in one JSON file: which times are free, and booking one of them."""

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from offhook.calls.tools.base import Tool, ToolContext
from offhook.calls.tools.files import locked, write_whole
from offhook.calls.tools.schemas import Arguments, schema_of
from offhook.errors import ToolError
from offhook.providers.llm.base import ToolSpec
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.times import PARTS

__all__ = ["BookAppointment", "Booking", "Calendar", "CheckAvailability"]

_log = structlog.get_logger(__name__)
_FILE = "calendar.json"
_NEAREST = 3


class Booking(BaseModel):
    """One appointment; `time` is its start, local."""

    date: dt.date
    time: dt.time
    minutes: int
    name: str = ""
    number: str = ""
    reason: str = ""
    call_id: str = ""
    made_at: str = ""

    def overlaps(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether it shares a moment with the span."""
        begins = dt.datetime.combine(self.date, self.time)
        return begins < end and start < begins + dt.timedelta(minutes=self.minutes)


_BOOKINGS = TypeAdapter(list[Booking])


class _Query(Arguments):
    date: dt.date
    time: dt.time | None = Field(None, description="start, 24-hour HH:MM, if the caller wants a certain one")
    part: Literal["morning", "afternoon", "evening"] | None = None


class _Wish(Arguments):
    date: dt.date
    time: dt.time = Field(description="start, 24-hour HH:MM")
    name: str = Field("", max_length=200)
    number: str = Field("", max_length=40, description="telephone number, digits only")
    reason: str = Field("", max_length=4000)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The rules by which times are given."""

    facts: Facts

    def free(self, bookings: list[Booking], day: dt.date, now: dt.datetime) -> list[dt.time]:
        """The starts still free on a day, one slot length apart."""
        return [start for start in self._starts(day) if self.is_free(bookings, day, start, now)]

    def is_free(self, bookings: list[Booking], day: dt.date, start: dt.time, now: dt.datetime) -> bool:
        """Whether an appointment may begin then."""
        begins = dt.datetime.combine(day, start)
        ends = begins + self._length
        if begins < now.replace(tzinfo=None) + dt.timedelta(minutes=self.facts.calendar.lead_minutes):
            return False
        spans = self.facts.calendar_hours.on(day)
        if not any(
            dt.datetime.combine(day, opens) <= begins and ends <= dt.datetime.combine(day, closes)
            for opens, closes in spans
        ):
            return False
        return sum(booking.overlaps(begins, ends) for booking in bookings) < self.facts.calendar.at_once

    def last_day(self, now: dt.datetime) -> dt.date:
        """The last day that may be booked."""
        return now.date() + dt.timedelta(days=self.facts.calendar.days_ahead)

    def next_free(self, bookings: list[Booking], day: dt.date, now: dt.datetime) -> dt.date | None:
        """The first day after `day` with a free time."""
        while day < self.last_day(now):
            day += dt.timedelta(days=1)
            if self.free(bookings, day, now):
                return day
        return None

    def booking(self, wish: _Wish, context: ToolContext) -> Booking:
        """The booking that a wish asks for."""
        made_at = context.now().isoformat(timespec="seconds")
        minutes = self.facts.calendar.slot_minutes
        return Booking(**wish.model_dump(), minutes=minutes, call_id=context.call_id, made_at=made_at)

    @property
    def _length(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.facts.calendar.slot_minutes)

    def _starts(self, day: dt.date) -> Iterator[dt.time]:
        for opens, closes in self.facts.calendar_hours.on(day):
            start, end = dt.datetime.combine(day, opens), dt.datetime.combine(day, closes)
            while start + self._length <= end:
                yield start.time()
                start += self._length


class CheckAvailability(Tool):
    """The tool `check_availability`.

    The result's `status`: `free` with the times in `free`; `available` or `taken` if a time was asked for; `full` or
    `closed` with the `next` free day; `past`; `too_far` with the `last` day."""

    spec = ToolSpec("check_availability", "See which appointment times are free on a day.", schema_of(_Query))

    def __init__(self, facts: Facts):
        self._calendar = Calendar(facts)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Look it up. Raises ToolError."""
        query = _Query.model_validate(dict(arguments))
        bookings = await asyncio.to_thread(_read_locked, context)
        found = self._found(query, bookings, context.now())
        return {"date": query.date.isoformat(), **found}

    def _found(self, query: _Query, bookings: list[Booking], now: dt.datetime) -> dict[str, Any]:
        calendar = self._calendar
        if query.date < now.date():
            return {"status": "past"}
        if query.date > calendar.last_day(now):
            return {"status": "too_far", "last": calendar.last_day(now).isoformat()}
        free = calendar.free(bookings, query.date, now)
        if query.time is not None and calendar.is_free(bookings, query.date, query.time, now):
            return {"status": "available", "free": _said(free)}
        if not free:
            closed = not calendar.facts.calendar_hours.on(query.date)
            after = calendar.next_free(bookings, query.date, now)
            return {"status": "closed" if closed else "full", "next": after.isoformat() if after else None}
        if query.time is not None:
            return {"status": "taken", "free": _said(_nearest(free, query.time))}
        return {"status": "free", "free": _said(_in_part(free, query.part))}


class BookAppointment(Tool):
    """The tool `book_appointment`. The same call booking the same time again gets its own booking back."""

    spec = ToolSpec("book_appointment", "Book an appointment at a time that is free.", schema_of(_Wish))

    def __init__(self, facts: Facts):
        self._calendar = Calendar(facts)

    async def __call__(self, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """Book it. Raises ToolError."""
        wish = _Wish.model_validate(dict(arguments))
        return await asyncio.to_thread(self._book, wish, context)

    def _book(self, wish: _Wish, context: ToolContext) -> dict[str, Any]:
        path = context.data_dir / _FILE
        try:
            with locked(path):
                return self._book_in(path, wish, context)
        except OSError as error:
            raise _failed(context, path, error) from error

    def _book_in(self, path: Path, wish: _Wish, context: ToolContext) -> dict[str, Any]:
        bookings, now = _read(path, context), context.now()
        booked = {"status": "booked", "date": wish.date.isoformat(), "time": wish.time.isoformat("minutes")}
        if any((old.call_id, old.date, old.time) == (context.call_id, wish.date, wish.time) for old in bookings):
            return booked
        late = wish.date > self._calendar.last_day(now)
        if late or not self._calendar.is_free(bookings, wish.date, wish.time, now):
            free = [] if late else _nearest(self._calendar.free(bookings, wish.date, now), wish.time)
            return {"status": "taken" if free else "unavailable", "free": _said(free)}
        made = [*bookings, self._calendar.booking(wish, context)]
        write_whole(path, orjson.dumps(_BOOKINGS.dump_python(made, mode="json"), option=orjson.OPT_INDENT_2))
        return booked


def _read_locked(context: ToolContext) -> list[Booking]:
    path = context.data_dir / _FILE
    try:
        with locked(path):
            return _read(path, context)
    except OSError as error:
        raise _failed(context, path, error) from error


def _read(path: Path, context: ToolContext) -> list[Booking]:
    if not path.exists():
        return []
    try:
        return _BOOKINGS.validate_json(path.read_bytes())
    except ValidationError as error:
        _log.error(
            "calendar file is damaged", call_id=context.call_id, file=str(path), error=str(error.errors()[0]["msg"])
        )
        raise ToolError("the calendar cannot be read; nothing was booked") from error


def _failed(context: ToolContext, path: Path, error: OSError) -> ToolError:
    _log.error("calendar file failed", call_id=context.call_id, file=str(path), error=str(error))
    return ToolError(f"the calendar cannot be used: {error.strerror or error}")


def _said(times: list[dt.time]) -> list[str]:
    return [start.isoformat("minutes") for start in times]


def _nearest(free: list[dt.time], wanted: dt.time) -> list[dt.time]:
    def apart(start: dt.time) -> int:
        return abs(start.hour * 60 + start.minute - wanted.hour * 60 - wanted.minute)

    return sorted(sorted(free, key=apart)[:_NEAREST])


def _in_part(free: list[dt.time], part: str | None) -> list[dt.time]:
    """The times in this part of the day, or all if there is none in it."""
    first, last = PARTS[part] if part else (dt.time.min, dt.time.max)
    return [start for start in free if first <= start < last] or free
