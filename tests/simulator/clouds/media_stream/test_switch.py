import asyncio

import pytest

from offhook.simulator.clouds.media_stream import CarrierCloud, MediaStream, busy
from offhook.simulator.clouds.media_stream.call import CloudCall
from tests.simulator.clouds.media_stream.agent import PATIENCE_S, Agent, answer, listen, serving


async def test_closing_the_cloud_hangs_up_and_tells_the_server() -> None:
    agent = Agent(listen, {"/answer": answer("vobiz")})
    async with serving(agent):
        async with CarrierCloud("vobiz") as cloud:
            calls = [cloud.phone_in(f"{agent.url}/answer") for _ in range(3)]
            for call in calls:
                await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
        assert all(call.ended.is_set() for call in calls)
        assert sorted(agent.events("/answer")) == ["Hangup"] * 3 + ["StartApp"] * 3


async def test_a_server_that_went_away_does_not_hold_up_the_end() -> None:
    agent = Agent(listen, {"/answer": answer("vobiz")})
    async with serving(agent):
        cloud = CarrierCloud("vobiz")
        await cloud.__aenter__()
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait_for(call.phone.streaming(), PATIENCE_S)
    await asyncio.wait_for(cloud.__aexit__(None, None, None), PATIENCE_S)
    assert call.ended.is_set()


async def failing(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """A short call in a cloud one of whose methods does not work."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(owner, name, broken)
    agent = Agent(listen, {"/answer": answer("vobiz")})
    async with serving(agent), CarrierCloud("vobiz") as cloud:
        call = cloud.phone_in(f"{agent.url}/answer")
        await asyncio.wait([asyncio.create_task(call.ended.wait())], timeout=0.3)
        await call.hang_up()


@pytest.mark.parametrize(("owner", "name"), [(CloudCall, "answer"), (MediaStream, "tick")])
async def test_a_fault_of_the_double_itself_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    with pytest.raises(ZeroDivisionError):
        await failing(monkeypatch, owner, name)


async def test_who_answers_a_number_however_it_is_written() -> None:
    async with CarrierCloud("vobiz") as cloud:
        cloud.callees["15550142"] = engaged = busy()
        assert cloud._switch.who_answers("+1 555-0142") is engaged
        assert cloud._switch.who_answers("15550143") is not engaged
