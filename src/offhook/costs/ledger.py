"""What was spent today, by all processes that share a ledger, and the writing of it behind the calls' backs."""

import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from threading import Lock
from time import monotonic
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from offhook.config import CostSettings
from offhook.costs.ledger_file import Entry, LedgerFile
from offhook.costs.prices import Service

__all__ = ["Ledger", "day_of"]

log = structlog.get_logger(__name__)

_LOOK_S = 10.0
_Key = tuple[date, str, Service]


def day_of(costs: CostSettings, now: datetime) -> date:
    """The day that `now`, which has a zone, belongs to."""
    return now.astimezone(ZoneInfo(costs.timezone) if costs.timezone else None).date()


class Ledger:
    """The ledger in `file`, written in `worker`. `today` is the day that counts; what others spent is looked up again
    when it was looked up `_LOOK_S` ago. Where the file cannot be written it is tried again with the next entry."""

    def __init__(
        self,
        file: LedgerFile,
        worker: Executor,
        *,
        currency: str,
        today: Callable[[], date],
        now: Callable[[], float] = monotonic,
    ):
        self.run = uuid4().hex[:12]
        self._file = file
        self._worker = worker
        self._currency = currency
        self._today = today
        self._now = now
        self._entries: dict[_Key, Entry] = {}
        self._lock = Lock()
        self._unwritten: dict[_Key, Entry] = {}
        self._submitted = False
        self._failing = False
        self._day = today()
        # By days: a clock that is put back over midnight, and goes over it again, must not forget what was spent.
        self._own: dict[date, Decimal] = {}
        self._others = Decimal(0)
        self._looked_at = now()
        self._look_due = True

    def open(self) -> None:
        """Make the file and read what was spent today. Blocks. Raises ConfigError."""
        self._file.check()
        self._look()

    @property
    def spent(self) -> Decimal:
        """What was spent today, as far as it is known here."""
        self._turn_page()
        if self._now() - self._looked_at >= _LOOK_S:
            self._looked_at = self._now()
            self._look_due = True
            self._worker.submit(self._work)
        return self._own.get(self._day, Decimal(0)) + self._others

    def add(
        self,
        bill: str,
        call: tuple[str, str],
        service: Service,
        used: Mapping[str, float],
        cost: Decimal,
        *,
        unpriced: bool = False,
        estimated: bool = False,
    ) -> None:
        """A `call`, of such an id and agent, used more of a service, for such a `cost` more."""
        self._turn_page()
        self._own[self._day] = self._own.get(self._day, Decimal(0)) + cost
        key = (self._day, bill, service)
        before = self._entries.get(key) or self._blank(bill, call, service)
        counts = dict(before.used)
        for kind, number in used.items():
            counts[kind] = counts.get(kind, Decimal(0)) + Decimal(str(number))
        entry = replace(
            before,
            used=counts,
            cost=before.cost + cost,
            unpriced=before.unpriced or unpriced,
            estimated=before.estimated or estimated,
        )
        self._entries[key] = entry
        self._put(key, entry)

    def forget(self, bill: str) -> None:
        """Nothing more comes to a bill."""
        for key in [key for key in self._entries if key[1] == bill]:
            del self._entries[key]

    def _turn_page(self) -> None:
        today = self._today()
        if today != self._day:
            self._day = today
            self._others = Decimal(0)
            self._look_due = True
            self._own = {day: own for day, own in self._own.items() if abs((day - today).days) <= 1}

    def _blank(self, bill: str, call: tuple[str, str], service: Service) -> Entry:
        named = (service.stage, service.provider, service.model)
        return Entry(self._day, f"{self.run}.{bill}", *call, *named, {}, Decimal(0), self._currency)

    def _put(self, key: _Key, entry: Entry) -> None:
        with self._lock:
            self._unwritten[key] = entry
            submit, self._submitted = not self._submitted, True
        if submit:
            self._worker.submit(self._work)

    # In the worker

    def _work(self) -> None:
        with self._lock:
            entries, self._unwritten = self._unwritten, {}
            self._submitted = False
        try:
            if entries:
                self._file.write(entries.values())
            if self._look_due:
                self._look()
        except (OSError, sqlite3.Error) as error:
            self._failed(entries, error)
        else:
            self._failing = False

    def _look(self) -> None:
        # Not with every entry: the longer the day, the longer it takes.
        self._look_due = False
        day = self._day
        others = self._file.spent(day, self._currency, but_for=self.run)
        if day == self._day:
            self._others = others

    def _failed(self, entries: Mapping[_Key, Entry], error: Exception) -> None:
        with self._lock:
            self._unwritten = {**entries, **self._unwritten}
        if not self._failing:
            self._failing = True
            log.error("the ledger of costs cannot be written", path=str(self._file.path), error=str(error))
