"""A carrier's API that only notes what it is asked to do."""

import asyncio
from typing import Any

from offhook.carriers.media_stream.api import DialOrder, Publish
from offhook.config import CarrierName
from offhook.errors import CarrierError

__all__ = ["PaperApi"]


class PaperApi:
    """Implements `CarrierApi`. `fails` is raised by everything; `hold` keeps `dial` waiting, which sets `asked`."""

    def __init__(self, carrier: CarrierName = "vobiz", *, fails: CarrierError | None = None) -> None:
        self.carrier: CarrierName = carrier
        self.orders: list[DialOrder] = []
        self.done: list[tuple[Any, ...]] = []
        self.fails = fails
        self.live = True
        self.hold = asyncio.Event()
        self.hold.set()
        self.asked = asyncio.Event()

    async def dial(self, order: DialOrder) -> str:
        self.orders.append(order)
        self.asked.set()
        await self.hold.wait()
        self._note()
        return f"carrier-{len(self.orders)}"

    async def hang_up(self, call_id: str) -> None:
        self._note("hang_up", call_id)

    async def transfer(self, call_id: str, document: bytes, publish: Publish) -> None:
        self._note("transfer", call_id, publish(document))

    async def send_dtmf(self, call_id: str, digits: str) -> None:
        self._note("send_dtmf", call_id, digits)

    async def play(self, call_id: str, url: str) -> None:
        self._note("play", call_id, url)

    async def record(self, call_id: str) -> str:
        self._note("record", call_id)
        return "recording-1"

    async def is_live(self, call_id: str) -> bool:
        self._note("is_live", call_id)
        return self.live

    async def check(self) -> None:
        self._note("check")

    async def close(self) -> None:
        self._note("close")

    def _note(self, *what: Any) -> None:
        if self.fails is not None:
            raise self.fails
        if what:
            self.done.append(what)
