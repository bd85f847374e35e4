"""Our own clients of the carriers' REST APIs, which the doubles share nothing with, against the doubles."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.carriers.media_stream.accounts import Account
from offhook.carriers.media_stream.api import CarrierApi, DialHooks, DialOrder
from offhook.carriers.media_stream.apis import open_api
from offhook.errors import CarrierError
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, RealTime, answering_machine, answers
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, answer, listen, serving

TREES = ("vobiz", "plivo")
TRANSFER = b"<Response><Dial>+15550199</Dial></Response>"


@asynccontextmanager
async def working(carrier: Carrier, token: str = "") -> AsyncIterator[tuple[CarrierCloud, CarrierApi, Agent]]:
    agent = Agent(listen, {"/answer": answer(carrier), "/transfer": TRANSFER.decode()})
    async with serving(agent), CarrierCloud(carrier, clock=RealTime(10)) as cloud:
        cloud.everybody(answers(0.5))
        api = open_api(Account(carrier, cloud.account.id, token or cloud.account.token, cloud.api_url))
        try:
            yield cloud, api, agent
        finally:
            await api.close()


def order(agent: Agent, **more: Any) -> DialOrder:
    names = ("answer", "ring", "hangup", "status", "machine", "fallback")
    return DialOrder("+15550142", "+15550100", DialHooks(**{name: f"{agent.url}/{name}" for name in names}), **more)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_dial_transfer_and_hang_up(carrier: Carrier) -> None:
    async with working(carrier) as (cloud, api, agent):
        await api.check()
        call = cloud.calls[await api.dial(order(agent))]
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        assert await api.is_live(call.id)
        assert await api.record(call.id)
        if carrier in TREES:
            await api.send_dtmf(call.id, "12#")
            await api.play(call.id, "https://a/x.mp3")
        await api.transfer(call.id, TRANSFER, lambda _: f"{agent.url}/transfer")
        while not call.log.transfers:
            await call.clock.sleep(0.1)
        await api.hang_up(call.id)
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
        assert not await api.is_live(call.id)
        await api.hang_up(call.id)
        assert all(request.status < 300 for request in cloud.requests[:-2])
    assert [each.number for each in call.log.transfers] == ["+15550199"]
    assert call.log.keys == ("12#" if carrier in TREES else "")
    assert len(call.log.recordings) == 1


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_call_that_rings_can_be_taken_back(carrier: Carrier) -> None:
    async with working(carrier) as (cloud, api, agent):
        cloud.everybody(answers(60))
        call = cloud.calls[await api.dial(order(agent))]
        assert await api.is_live(call.id)
        await api.hang_up(call.id)
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
    assert not call.up.is_set()
    assert call.facts.status == "cancel"


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("detect", ["verdict", "message_end"])
async def test_machines_are_reported(carrier: Carrier, detect: Any) -> None:
    async with working(carrier) as (cloud, api, agent):
        cloud.everybody(answering_machine(0.5, greeting_s=5))
        call = cloud.calls[await api.dial(order(agent, detect_machine=detect))]
        while not any(hit.path == "/machine" for hit in agent.hits):
            await call.clock.sleep(0.1)
        await call.hang_up()
    told = agent.to("/machine").params
    if carrier == "twilio":
        assert told["AnsweredBy"] == ("machine_start" if detect == "verdict" else "machine_end_beep")
    else:
        assert told["Machine"] == "true"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_errors(carrier: Carrier) -> None:
    async with working(carrier, "wrong") as (cloud, api, agent):
        with pytest.raises(CarrierError) as refused:
            await api.check()
        assert refused.value.status == 401
    async with working(carrier) as (cloud, api, agent):
        cloud.limits.concurrent = 0
        with pytest.raises(CarrierError) as refused:
            await api.dial(order(agent))
        assert refused.value.status == 429
        assert not refused.value.unknown
        with pytest.raises(CarrierError):
            await api.record("nobody")
