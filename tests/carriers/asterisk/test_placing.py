import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from offhook.carriers.asterisk.placing import AsteriskPlacer
from offhook.carriers.placer import CallPlacer, DialOrder
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from offhook.simulator.clouds.asterisk_channels import Callee
from tests.carriers.asterisk.doubles import PATIENCE_S, Port, managed, taking_calls


@dataclass
class Desk:
    """A placer, and what it told of calls."""

    pbx: AsteriskDouble
    port: Port
    placer: AsteriskPlacer
    told: list[tuple[str, str]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self, to: str = "6001", **more: Any) -> DialOrder:
        return DialOrder(**{"to": to, "from_number": "", "dial_id": str(uuid4()), "tell": self.tell, **more})

    def tell(self, state: str, detail: str) -> None:
        self.told.append((state, detail))
        self.news.set()

    async def until(self, state: str) -> list[str]:
        """The states up to `state`."""
        async with asyncio.timeout(PATIENCE_S):
            while state not in [each for each, _ in self.told]:
                self.news.clear()
                await self.news.wait()
        return [each for each, _ in self.told]


def at_once(delay: float, act: Any) -> None:
    act()


@asynccontextmanager
async def placing(*callees: tuple[str, Callee], **settings: Any) -> AsyncIterator[Desk]:
    chosen = AsteriskSettings.model_validate(settings)
    async with taking_calls() as (port, address), AsteriskDouble(address) as pbx, managed(pbx) as ami:
        pbx.callees.update(callees)
        here = f"{address[0]}:{address[1]}"
        yield Desk(pbx, port, AsteriskPlacer(ami, chosen, lambda: here, call_later=at_once))


def as_diallers_see_it(placer: AsteriskPlacer) -> CallPlacer:
    return placer


async def test_a_call_that_is_answered() -> None:
    async with placing() as desk:
        order = desk.order(from_number="+15550199", ring_timeout_s=20)
        assert await as_diallers_see_it(desk.placer).dial(order) == order.dial_id
        assert await desk.until("answered") == ["ringing", "answered"]
        await asyncio.wait_for(desk.port.came.wait(), PATIENCE_S)
        assert desk.port.calls == [order.dial_id]
        (asked,) = desk.pbx.actions
        del asked["ActionID"]
        assert asked == {
            "Action": "Originate",
            "Channel": "PJSIP/6001@trunk",
            "Application": "AudioSocket",
            "Data": f"{order.dial_id},127.0.0.1:{desk.pbx.audiosocket[1]}",
            "ChannelId": order.dial_id,
            "Timeout": "20000",
            "Async": "true",
            "CallerID": "+15550199",
        }
        await desk.placer.hang_up(order.dial_id)
        assert await desk.until("ended") == ["ringing", "answered", "ended"]
        assert desk.told[-1] == ("ended", "Normal Clearing")
        await desk.placer.hang_up(order.dial_id)


@pytest.mark.parametrize(
    ("callee", "states", "detail"),
    [
        (Callee("busy"), ["busy"], ""),
        (Callee("silent"), ["ringing", "no_answer"], "nobody answered in time"),
        (Callee("congestion"), ["failed"], "congestion"),
    ],
)
async def test_a_call_that_nobody_takes(callee: Callee, states: list[str], detail: str) -> None:
    async with placing(("6001", callee)) as desk:
        await desk.placer.dial(desk.order(ring_timeout_s=0))
        assert await desk.until(states[-1]) == states
        assert desk.told[-1] == (states[-1], detail)


async def test_a_channel_that_does_not_exist() -> None:
    async with placing(dial_template="DAHDI/g0/{number}") as desk:
        await desk.placer.dial(desk.order())
        assert await desk.until("failed") == ["failed"]
        assert desk.told == [("failed", "Asterisk could not dial DAHDI/g0/6001")]


async def test_hanging_up_while_it_rings() -> None:
    async with placing(("6001", Callee("silent"))) as desk:
        order = desk.order()
        await desk.placer.dial(order)
        await desk.until("ringing")
        await desk.placer.hang_up(order.dial_id)
        assert await desk.until("failed") == ["ringing", "failed"]


async def test_other_calls_are_not_ours_to_tell_of() -> None:
    async with placing() as desk:
        await desk.pbx.hang_up(await desk.pbx.call())
        await desk.placer.dial(desk.order())
        assert await desk.until("answered") == ["ringing", "answered"]


@pytest.mark.parametrize("to", ["6001,1", "6001&PJSIP/6002", "6001\r\nAction: Command", "60 01", ""])
async def test_a_number_that_could_be_more_is_not_sent(to: str) -> None:
    async with placing() as desk:
        with pytest.raises(CallError, match="Channel"):
            await desk.placer.dial(desk.order(to))
        with pytest.raises(CallError, match="CallerID"):
            await desk.placer.dial(desk.order(from_number="+1<" + to))
        assert desk.pbx.actions == []


async def test_a_manager_who_may_not() -> None:
    async with placing() as desk:
        desk.pbx.users["offhook"] = ManagerUser(write=frozenset({"call"}))
        next(iter(desk.pbx.managers)).user = desk.pbx.users["offhook"]
        with pytest.raises(CarrierError, match="Permission denied") as caught:
            await desk.placer.dial(desk.order())
        assert not caught.value.unknown
        assert desk.told == []


async def test_hanging_up_that_is_refused() -> None:
    async with placing() as desk:
        next(iter(desk.pbx.managers)).user = ManagerUser(write=frozenset({"originate"}))
        with pytest.raises(CarrierError, match="Permission denied"):
            await desk.placer.hang_up(str(uuid4()))


async def test_who_is_asked_to_take_a_call_may_be_reached_in_another_way() -> None:
    async with placing(consult_template="PJSIP/{number}", dial_template="PJSIP/{number}@trunk") as desk:
        await desk.placer.dial(desk.order(consults=True))
        await desk.placer.dial(desk.order())
        assert [action["Channel"] for action in desk.pbx.actions] == ["PJSIP/6001", "PJSIP/6001@trunk"]


async def test_who_is_asked_is_reached_as_everybody_is_if_nothing_else_is_set() -> None:
    async with placing(dial_template="PJSIP/{number}@trunk") as desk:
        await desk.placer.dial(desk.order(consults=True))
        assert [action["Channel"] for action in desk.pbx.actions] == ["PJSIP/6001@trunk"]
