from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.carriers.asterisk.ari import Ari
from offhook.carriers.asterisk.ari_placing import AriPlacer
from offhook.carriers.placer import DialOrder
from offhook.config import AsteriskSettings
from offhook.errors import CarrierError
from offhook.simulator.clouds.asterisk_ari import AriDouble
from offhook.simulator.clouds.asterisk_channels import Callee
from tests.carriers.asterisk.ari_house import account, holds, listening

DIAL_ID = "6f0e25a6-2a5e-4a6c-9d38-1f3f4d7f0b8e"


class Told:
    """What a placer tells of a call."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str]] = []

    def order(self, to: str = "6005", **rest: Any) -> DialOrder:
        tell = lambda state, detail: self.states.append((state, detail))  # noqa: E731 - the shortest way to say it
        return DialOrder(to, rest.pop("from_number", "+15550199"), dial_id=DIAL_ID, tell=tell, **rest)

    async def until(self, state: str) -> list[str]:
        await holds(lambda: self.states and self.states[-1][0] == state)
        return [each for each, _ in self.states]


@asynccontextmanager
async def placing(pbx: AriDouble, **tree: Any) -> AsyncIterator[tuple[AriPlacer, Told]]:
    later: list[Callable[[], None]] = []

    def call_later(delay: float, act: Callable[[], None]) -> None:
        assert delay == 1.0
        later.append(act)
        act()

    async with listening(pbx) as ari:
        yield AriPlacer(ari, AsteriskSettings.model_validate(tree), call_later=call_later), Told()


async def test_a_call_that_is_answered() -> None:
    async with AriDouble() as pbx, placing(pbx) as (placer, told):
        assert await placer.dial(told.order(ring_timeout_s=20)) == DIAL_ID
        assert placer.expects(DIAL_ID)
        assert await told.until("answered") == ["ringing", "answered"]
        (asked,) = [params for method, where, params in pbx.requests if where == f"/channels/{DIAL_ID}"]
        assert asked == {
            "endpoint": "PJSIP/6005@trunk",
            "app": "offhook",
            "appArgs": "offhook-placed",
            "timeout": "20",
            "callerId": "+15550199",
        }
        await pbx.hang_up(pbx.channels[DIAL_ID])
        assert (await told.until("ended"))[-1] == "ended"
        assert not placer.expects(DIAL_ID)


async def test_people_who_are_asked_may_have_a_way_of_their_own() -> None:
    async with AriDouble() as pbx, placing(pbx, consult_template="PJSIP/{number}") as (placer, told):
        await placer.dial(told.order(consults=True, from_number=""))
        assert pbx.requests[-1][2]["endpoint"] == "PJSIP/6005"
        assert "callerId" not in pbx.requests[-1][2]
        await told.until("answered")


@pytest.mark.parametrize(
    ("does", "state", "detail"),
    [("busy", "busy", ""), ("congestion", "failed", "congestion"), ("silent", "no_answer", "")],
)
async def test_calls_that_nobody_takes(does: str, state: str, detail: str) -> None:
    async with AriDouble(callees={"6005": Callee(does)}) as pbx, placing(pbx) as (placer, told):
        await placer.dial(told.order(ring_timeout_s=1))
        await told.until(state)
        assert told.states[-1] == (state, detail)


async def test_hanging_up_while_it_rings() -> None:
    async with AriDouble(callees={"6005": Callee("silent")}) as pbx, placing(pbx) as (placer, told):
        await placer.dial(told.order())
        await told.until("ringing")
        await placer.hang_up(DIAL_ID)
        await told.until("failed")
        await placer.hang_up(DIAL_ID)


@pytest.mark.parametrize("template", ["SIP/{number}", "PJSIP{number}"])
async def test_a_channel_that_asterisk_cannot_make(template: str) -> None:
    async with AriDouble() as pbx, placing(pbx, dial_template=template) as (placer, told):
        with pytest.raises(CarrierError, match=r"cannot dial|Invalid endpoint"):
            await placer.dial(told.order())
        assert not placer.expects(DIAL_ID)


@pytest.mark.parametrize("number", ["6005&PJSIP/6006", "6005,30", "60 05", ""])
async def test_what_is_more_than_a_number(number: str) -> None:
    async with AriDouble() as pbx, placing(pbx) as (placer, told):
        with pytest.raises(CarrierError):
            await placer.dial(told.order(number))
        assert not [each for each in pbx.requests if each[0] == "POST"]


async def test_nothing_is_placed_while_no_events_come() -> None:
    async with AriDouble() as pbx:
        ari = Ari(account(pbx))
        with pytest.raises(CarrierError, match="not there"):
            await AriPlacer(ari, AsteriskSettings()).dial(Told().order())
        assert pbx.requests == []


async def test_calls_that_went_while_no_events_came_have_failed() -> None:
    async with AriDouble(callees={"6005": Callee("silent")}) as pbx, placing(pbx) as (placer, told):
        await placer.dial(told.order())
        placer.missed({DIAL_ID})
        assert placer.expects(DIAL_ID)
        placer.missed(set())
        assert told.states[-1][0] == "failed"
        assert not placer.expects(DIAL_ID)
