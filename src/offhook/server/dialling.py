"""The dialler of a running server: its carriers' APIs opened, its time kept, everything closed at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from offhook.carriers.media_stream.accounts import accounts
from offhook.carriers.media_stream.apis import open_api
from offhook.carriers.media_stream.outbound import Dialler
from offhook.config import Settings

__all__ = ["dialling"]

_SWEEP_S = 2.0


@asynccontextmanager
async def dialling(settings: Settings, public_url: Callable[[], str]) -> AsyncIterator[Dialler]:
    """A dialler for every account of `settings`. Calls that still ring are hung up at the end."""
    apis = {account.carrier: open_api(account) for account in accounts(settings)}
    dialler = Dialler(settings, apis, public_url)
    sweeping = asyncio.create_task(_sweep(dialler))
    try:
        yield dialler
    finally:
        sweeping.cancel()
        await dialler.close()
        for api in apis.values():
            await api.close()


async def _sweep(dialler: Dialler) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        dialler.sweep()
