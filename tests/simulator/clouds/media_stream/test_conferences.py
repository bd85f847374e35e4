import asyncio

import numpy as np
import pytest

from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, RealTime
from offhook.simulator.clouds.media_stream.conferences import Conferences
from offhook.simulator.clouds.media_stream.earpiece import prompt
from offhook.simulator.clouds.media_stream.handset import Handset
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, serving


def room(carrier: Carrier, name: str = "one", **ways: str) -> str:
    attributes = "".join(f' {key}="{value}"' for key, value in ways.items())
    inner = f"<Conference{attributes}>{name}</Conference>"
    return f"<Response>{f'<Dial>{inner}</Dial>' if carrier == 'twilio' else inner}</Response>"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_two_people_hear_each_other_until_one_of_them_hangs_up(carrier: Carrier) -> None:
    agent = Agent(None, {"/answer": room(carrier, endConferenceOnExit="true")})
    async with serving(agent), CarrierCloud(carrier, clock=RealTime(10)) as cloud:
        one, other = (cloud.phone_in(f"{agent.url}/answer") for _ in range(2))
        async with asyncio.timeout(PATIENCE_S):
            while not (one.log.conferences and other.log.conferences):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            one.phone.say(prompt(0.5))
            while not np.any(other.phone.heard.between(0, other.phone.heard.length)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await one.hang_up()
            await other.ended.wait()
    assert not np.any(one.phone.heard.between(0, one.phone.heard.length))
    assert (one.violations, other.violations) == ([], [])


async def test_who_may_leave_without_ending_it() -> None:
    agent = Agent(None, {"/answer": room("vobiz")})
    async with serving(agent), CarrierCloud("vobiz", clock=RealTime(10)) as cloud:
        one, other = (cloud.phone_in(f"{agent.url}/answer") for _ in range(2))
        async with asyncio.timeout(PATIENCE_S):
            while not (one.log.conferences and other.log.conferences):  # noqa: ASYNC110 - there is no event
                await asyncio.sleep(0.01)
            await one.hang_up()
            assert not other.ended.is_set()
            await other.hang_up()


async def test_a_room_that_is_over_or_empty_is_a_new_one() -> None:
    conferences, phones = Conferences(), [Handset(RealTime(1)) for _ in range(2)]
    first = conferences.room("one")
    assert conferences.room("one") is not first
    first = conferences.room("one")
    for phone in phones:
        first.enter(phone)
    assert conferences.room("one") is first
    assert conferences.room("two") is not first
    first.leave(phones[0], ends=True)
    assert first.over.is_set()
    assert conferences.room("one") is not first
    assert phones[0].said is None
