"""Keeps the bills of the calls in progress: what each has cost so far, who is warned of that, and whom it stops."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from offhook.config import CostSettings
from offhook.costs.bill import Bill
from offhook.costs.ledger import Ledger
from offhook.costs.prices import PriceList, Service
from offhook.events import CallCosted, CallEnded, CallEvent, CallStarted, CallTrouble, EventSink, UsageReported

__all__ = ["Bookkeeper", "money", "told_cost"]


def money(amount: Decimal) -> str:
    """An amount as digits, without the zeros at the end."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def told_cost(event: CallCosted) -> dict[str, Any]:
    """A call's cost as records and the API tell it; amounts are texts, so that no digit is lost."""
    return {
        "currency": event.currency,
        "total": money(event.total),
        "providers": {name: money(amount) for name, amount in event.providers.items()},
        "unpriced": list(event.unpriced),
        "estimated": event.estimated,
    }


@dataclass(slots=True)
class _Account:
    name: str
    bill: Bill


class Bookkeeper:
    """Listens to the events of all calls, and tells `emit` what they cost and where they cross a limit of `costs`.
    `stop` is asked, once, to bring a call to its end."""

    def __init__(
        self,
        costs: CostSettings,
        prices: PriceList,
        ledger: Ledger,
        *,
        emit: EventSink,
        stop: Callable[[str], None],
    ):
        self._costs = costs
        self._prices = prices
        self._ledger = ledger
        self._emit = emit
        self._stop = stop
        self._accounts: dict[str, _Account] = {}
        self._numbers = count(1)
        self._seen = ledger.spent

    @property
    def spent_up(self) -> bool:
        """Whether no more may be spent today than on the calls in progress."""
        limit = self._costs.stop_per_day
        return limit is not None and self._ledger.spent >= limit

    def __call__(self, event: CallEvent) -> None:
        """Take an event."""
        match event:
            case CallStarted():
                self._accounts[event.call_id] = self._opened(event.call_id, event.agent)
            case UsageReported():
                self._take(event)
            case CallEnded():
                if account := self._accounts.pop(event.call_id, None):
                    self._ledger.forget(account.name)

    def so_far(self, call_id: str, at_ms: int = 0) -> CallCosted | None:
        """What a call in progress has cost; None for any other."""
        account = self._accounts.get(call_id)
        return _costed(account.bill, self._costs.currency, at_ms) if account is not None else None

    def _opened(self, call_id: str, agent: str) -> _Account:
        return _Account(str(next(self._numbers)), Bill(self._prices, call_id, agent))

    def _take(self, event: UsageReported) -> None:
        account = self._accounts.get(event.call_id)
        if account is None:
            # Of no call in progress: lines that are prepared, or what a provider tells after the end.
            stray = self._opened(event.call_id, "")
            self._book(stray, event)
            self._ledger.forget(stray.name)
            return
        before = account.bill.total
        self._book(account, event)
        self._emit(_costed(account.bill, self._costs.currency, event.at_ms))
        self._watch_call(account, event, before)
        self._watch_day(event)

    def _book(self, account: _Account, event: UsageReported) -> None:
        bill, service = account.bill, Service(event.stage, event.provider, event.model)
        cost = bill.add(service, event.used, estimated=event.estimated)
        unpriced = bool(bill.line(service).charge.unpriced)
        whose = (bill.call_id, bill.agent)
        self._ledger.add(account.name, whose, service, event.used, cost, unpriced=unpriced, estimated=event.estimated)

    def _watch_call(self, account: _Account, event: UsageReported, before: Decimal) -> None:
        costs, total = self._costs, account.bill.total
        if _crossed(costs.alert_per_call, before, total):
            self._warn(event, "the call", total, "alert_per_call", costs.alert_per_call)
        if _crossed(costs.stop_per_call, before, total):
            self._warn(event, "the call", total, "stop_per_call", costs.stop_per_call)
            self._stop(event.call_id)

    def _watch_day(self, event: UsageReported) -> None:
        costs, total = self._costs, self._ledger.spent
        # Another process may have brought it over the limit; a smaller total is that of a new day.
        before, self._seen = self._seen if self._seen <= total else Decimal(0), total
        for name, limit in (("alert_per_day", costs.alert_per_day), ("stop_per_day", costs.stop_per_day)):
            if _crossed(limit, before, total):
                self._warn(event, "this day", total, name, limit)

    def _warn(self, event: UsageReported, what: str, total: Decimal, name: str, limit: Decimal | None) -> None:
        currency = self._costs.currency
        detail = f"{what} has cost {money(total)} {currency}; costs.{name} is {money(limit or Decimal(0))}"
        self._emit(CallTrouble(event.call_id, event.at_ms, "cost", detail))


def _crossed(limit: Decimal | None, before: Decimal, after: Decimal) -> bool:
    return limit is not None and before < limit <= after


def _costed(bill: Bill, currency: str, at_ms: int) -> CallCosted:
    return CallCosted(bill.call_id, at_ms, bill.total, currency, bill.providers, bill.unpriced, bill.estimated)
