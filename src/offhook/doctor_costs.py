"""Looks at the prices: whether those that are needed are there, and how old they are."""

from collections.abc import Iterator
from datetime import UTC, datetime

from offhook.carriers.media_stream.accounts import CARRIERS, account
from offhook.checks import Check
from offhook.config import Settings
from offhook.costs.ledger import day_of
from offhook.costs.prices import PriceList, Service
from offhook.server.providers import cloud_of, model_of, named_tables

__all__ = ["cost_checks"]

_NO_PRICES = "set costs.prices to a file like examples/prices.toml"


def cost_checks(settings: Settings) -> Iterator[Check]:
    """Checks of the prices of all that calls may use."""
    used = list(_services(settings))
    prices = PriceList(settings)
    missing = [service for service in used if not prices.known(service)]
    if not settings.prices:
        if any(limit is not None for limit in _limits(settings)):
            found = "there are limits of costs and no prices, so that none is ever reached"
            yield Check("costs", "poor", found, _NO_PRICES)
        elif missing:
            yield Check("costs", "poor", "no prices are set: it is not known what calls cost", _NO_PRICES)
        return
    yield from (_unpriced(service) for service in missing)
    yield from _old(settings, prices, used)


def _services(settings: Settings) -> Iterator[Service]:
    for (stage, name), table in named_tables(settings).items():
        if cloud := cloud_of(table):
            yield Service(stage, name, model_of(cloud, table))
    for carrier in CARRIERS:
        if account(settings, carrier) is not None:
            yield Service("carrier", carrier, "inbound")
            yield Service("carrier", carrier, "outbound")


def _limits(settings: Settings) -> tuple[object, ...]:
    costs = settings.costs
    return costs.alert_per_call, costs.alert_per_day, costs.stop_per_call, costs.stop_per_day


def _unpriced(service: Service) -> Check:
    remedy = "put [[prices]] for it where costs.prices leads; with price = 0 if it is free"
    return Check("costs", "poor", f"no price of {service}", remedy)


def _old(settings: Settings, prices: PriceList, used: list[Service]) -> Iterator[Check]:
    today, limit = day_of(settings.costs, datetime.now(UTC)), settings.costs.old_after_days
    rows = {row.key: row for service in used for row in prices.rows(service)}
    old = [row for row in rows.values() if (today - row.as_of).days > limit]
    for row in old:
        found = f"the price of {row.kind} {row.provider} ({row.model}) is of {row.as_of}"
        yield Check("costs", "poor", found, f"look it up at {row.source}, and correct as_of")
    if rows and not old:
        yield Check("costs", "good", f"{len(rows)} prices in {settings.costs.currency}, none older than {limit} days")
