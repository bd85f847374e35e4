"""The bookkeeping of a running server: prices, the ledger of the day, and what each call has cost so far."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from offhook.config import Settings
from offhook.costs.bookkeeper import Bookkeeper, told_cost
from offhook.costs.ledger import Ledger, day_of
from offhook.costs.ledger_file import LEDGER, LedgerFile
from offhook.costs.prices import PriceList
from offhook.events import EventSink, UsageReported
from offhook.providers.standby import Watched
from offhook.providers.usage import Usage

__all__ = ["Money", "bookkeeping"]


class Money:
    """What others of the server ask of the `books`."""

    def __init__(self, books: Bookkeeper):
        self.books = books

    def prepared(self, watched: Watched[Any], usage: Usage) -> None:
        """A voice spoke lines that are kept for all calls."""
        self.books(UsageReported("", 0, watched.name, usage.counts, "tts", watched.model))

    def cost_of(self, call_id: str) -> Mapping[str, Any] | None:
        """What a call in progress has cost, as the API tells it; None for any other."""
        cost = self.books.so_far(call_id)
        return told_cost(cost) if cost is not None else None


@contextmanager
def bookkeeping(settings: Settings, *, emit: EventSink, stop: Callable[[str], None]) -> Iterator[Money]:
    """The books of `settings`, written until the end; `emit` and `stop` as for `Bookkeeper`. Raises ConfigError."""
    with ThreadPoolExecutor(1, thread_name_prefix="ledger") as worker:
        ledger = Ledger(
            LedgerFile(settings.server.data_dir / LEDGER),
            worker,
            currency=settings.costs.currency,
            today=lambda: day_of(settings.costs, datetime.now(UTC)),
        )
        ledger.open()
        yield Money(Bookkeeper(settings.costs, PriceList(settings), ledger, emit=emit, stop=stop))
