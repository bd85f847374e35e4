"""The carriers' APIs of a running server, and its dialler: opened, its time kept, everything closed at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from offhook.carriers.media_stream.accounts import accounts
from offhook.carriers.media_stream.api import CarrierApi
from offhook.carriers.media_stream.apis import open_api
from offhook.carriers.outbound import Dialler
from offhook.carriers.placer import CallPlacer
from offhook.config import CarrierName, DialCarrier, Settings

__all__ = ["dialling", "open_apis"]

_SWEEP_S = 2.0


@asynccontextmanager
async def open_apis(settings: Settings) -> AsyncIterator[Mapping[CarrierName, CarrierApi]]:
    """The API of every account of `settings`."""
    apis = {account.carrier: open_api(account) for account in accounts(settings)}
    try:
        yield apis
    finally:
        for api in apis.values():
            await api.close()


@asynccontextmanager
async def dialling(
    settings: Settings,
    apis: Mapping[CarrierName, CarrierApi],
    public_url: Callable[[], str],
    asterisk: CallPlacer | None = None,
) -> AsyncIterator[Dialler]:
    """A dialler through `apis`, and Asterisk if it is there. Calls that still ring are hung up at the end."""
    placers: dict[DialCarrier, CallPlacer] = dict(apis.items())
    if asterisk is not None:
        placers["asterisk"] = asterisk
    dialler = Dialler(settings, placers, public_url)
    sweeping = asyncio.create_task(_sweep(dialler))
    try:
        yield dialler
    finally:
        sweeping.cancel()
        await dialler.close()


async def _sweep(dialler: Dialler) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        dialler.sweep()
