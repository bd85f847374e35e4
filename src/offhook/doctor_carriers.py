"""Looks at the accounts at the carriers: whether they are let in there, and can be reached from there."""

import asyncio
from collections.abc import Iterator

from offhook.carriers.destinations import destination
from offhook.carriers.media_stream.accounts import CARRIERS, Account, account, missing_key
from offhook.carriers.media_stream.apis import open_api
from offhook.checks import Check
from offhook.config import CarrierName, Settings
from offhook.errors import CallError, CarrierError

__all__ = ["carrier_checks"]

_TIMEOUT_S = 4.0


def carrier_checks(settings: Settings) -> Iterator[Check]:
    """Checks of every account that is set, and of those that are set by half."""
    for carrier in CARRIERS:
        found = account(settings, carrier)
        missing = missing_key(settings, carrier)
        if found is not None:
            yield _credentials(found)
            yield _from_number(settings, carrier)
        elif missing:
            yield Check("carrier", "bad", f"{carrier}: {missing} is not set", f"put {missing} into .env")
    if any(account(settings, carrier) is not None for carrier in CARRIERS):
        yield _public_url(settings.server.public_url)


def _credentials(found: Account) -> Check:
    try:
        asyncio.run(_ask(found))
    except CarrierError as error:
        problem, _, hint = str(error).partition("\n  ")
        remedy = hint or "try again in a moment; see the carrier's status page"
        return Check("carrier", "bad" if error.status in (401, 403, 404) else "poor", problem, remedy)
    return Check("carrier", "good", f"{found.carrier}: the account is let in")


async def _ask(found: Account) -> None:
    api = open_api(found, timeout_s=_TIMEOUT_S)
    try:
        await api.check()
    finally:
        await api.close()


def _from_number(settings: Settings, carrier: CarrierName) -> Check:
    number = settings.carrier(carrier).from_number or settings.keys.from_number
    if not number:
        return Check("carrier", "poor", f"{carrier}: no number for outbound calls", "put FROM_NUMBER into .env")
    try:
        return Check("carrier", "good", f"{carrier}: outbound calls show {destination(number)}")
    except CallError as error:
        return Check("carrier", "bad", f"{carrier}: {error}", f"correct {carrier}.from_number or FROM_NUMBER")


def _public_url(url: str) -> Check:
    if not url:
        remedy = "set PUBLIC_URL to this server's https:// address, or use `offhook serve --tunnel`"
        return Check("public", "poor", "carriers do not know how to reach this server", remedy)
    if not url.startswith("https://"):
        return Check("public", "poor", f"{url} is not https", "carriers want https:// and a certificate they trust")
    return Check("public", "good", url)
