"""When a business is open, and how to say so."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

from offhook.providers.llm.flow.dates import DAYS, said_date
from offhook.providers.llm.flow.tables import Table
from offhook.providers.llm.flow.times import said_time

__all__ = ["Hours", "Span"]

Span = tuple[time, time]


def _spans(value: Any) -> Any:
    """ "08:00-18:00", "closed", or a list such as ["08:00-12:00", "13:00-17:00"]."""
    if value == "closed":
        return ()
    return tuple(_span(part) for part in ([value] if isinstance(value, str) else value))


def _span(written: Any) -> Span:
    try:
        opens, closes = (time.fromisoformat(part.strip()) for part in str(written).split("-"))
    except ValueError:
        raise ValueError(f'"{written}" is not a time span; write "08:00-18:00" or "closed"') from None
    if opens >= closes:
        raise ValueError(f'"{written}" closes before it opens')
    return opens, closes


Day = Annotated[tuple[Span, ...], BeforeValidator(_spans)]


class Hours(Table):
    """Opening hours by weekday, and days that differ."""

    monday: Day = ()
    tuesday: Day = ()
    wednesday: Day = ()
    thursday: Day = ()
    friday: Day = ()
    saturday: Day = ()
    sunday: Day = ()
    except_on: dict[date, Day] = {}  # noqa: RUF012

    @property
    def known(self) -> bool:
        """Whether there are any hours at all."""
        return any(getattr(self, day) for day in DAYS)

    def on(self, day: date) -> tuple[Span, ...]:
        """The spans in which the business is open on `day`."""
        if day in self.except_on:
            return self.except_on[day]
        spans: tuple[Span, ...] = getattr(self, DAYS[day.weekday()])
        return spans

    def is_open(self, now: datetime) -> bool:
        """Whether the business is open at this moment, by the clock of `now`."""
        return any(opens <= now.time() < closes for opens, closes in self.on(now.date()))

    def limits(self, day: date | None = None) -> Span:
        """The earliest opening and the latest closing: of `day`, or of the week."""
        days = [self.on(day)] if day else []
        spans = [span for spans in days for span in spans] or [span for name in DAYS for span in getattr(self, name)]
        return min((opens for opens, _ in spans), default=time(8)), max(
            (closes for _, closes in spans), default=time(18)
        )

    def next_open(self, day: date) -> date | None:
        """The first open day from `day` on, within two weeks."""
        ahead = (day + timedelta(days=days) for days in range(15))
        return next((open_day for open_day in ahead if self.on(open_day)), None)

    def said(self) -> str:
        """The week in one sentence: "Monday to Friday 8 AM to 6 PM, Saturday 9 AM to 1 PM, closed Sunday"."""
        runs: list[list[str]] = []
        for day in DAYS:
            if runs and getattr(self, runs[-1][0]) == getattr(self, day):
                runs[-1].append(day)
            else:
                runs.append([day])
        return ", ".join(_said_run(run, getattr(self, run[0])) for run in runs)

    def said_on(self, day: date, today: date) -> str:
        """The hours of one day: "open tomorrow, Tuesday, March 3rd, 8 AM to 6 PM"."""
        spans = self.on(day)
        return f"open {said_date(day, today)}, {_said_spans(spans)}" if spans else f"closed {said_date(day, today)}"


def _said_run(days: list[str], spans: Iterable[Span]) -> str:
    first, last = days[0].title(), days[-1].title()
    joint = " and " if len(days) == 2 else " to "
    names = first if len(days) == 1 else f"{first}{joint}{last}"
    said = _said_spans(spans)
    return f"{names} {said}" if said else f"closed {names}"


def _said_spans(spans: Iterable[Span]) -> str:
    return " and ".join(f"{said_time(opens)} to {said_time(closes)}" for opens, closes in spans)
