import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.calls.leg import CallOrigin
from offhook.carriers.asterisk.callers import Callers
from offhook.config import AsteriskSettings
from offhook.errors import CallError
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from tests.carriers.asterisk.doubles import PATIENCE_S, Port, managed, taking_calls, until_gone

UNKNOWN = "6afe37fc-fb98-443a-a75c-2326a5121e53"


@asynccontextmanager
async def listening(**settings: Any) -> AsyncIterator[tuple[AsteriskDouble, Port, Callers]]:
    chosen = AsteriskSettings.model_validate({"lookup_ms": 1_000, **settings})
    async with taking_calls() as (port, address), AsteriskDouble(address) as pbx, managed(pbx) as ami:
        yield pbx, port, Callers(ami, chosen)


@pytest.mark.parametrize("told", ["before", "after"])
@pytest.mark.parametrize("by", ["application", "try", "driver"])
async def test_who_calls(told: Any, by: Any) -> None:
    async with listening() as (pbx, port, callers):
        calling = asyncio.create_task(pbx.call("600", told=told, by=by))
        await asyncio.wait_for(port.came.wait(), PATIENCE_S)
        origin = await callers.origin(port.calls[0])
        channel = await calling
        assert (origin.direction, origin.from_number, origin.to_number) == ("inbound", "+15550100", "600")
        assert origin.variables == {
            "channel": channel.name,
            "uniqueid": channel.id,
            "caller_name": "Ann",
            "extension": "600",
            "context": "from-trunk",
            "language": "en",
        }
        assert await callers.channel(port.calls[0]) == channel.id


async def test_an_extension_that_is_no_number_is_no_number() -> None:
    async with listening() as (pbx, _, callers):
        await pbx.call("reception")
        origin = await callers.origin(pbx_call(pbx))
        assert (origin.to_number, origin.variables["extension"]) == ("", "reception")


async def test_variables_of_the_channel() -> None:
    async with listening(variables=["DID", "CALLERID(rdnis)", "NONE"]) as (pbx, _, callers):
        await pbx.call("s", variables={"DID": "+15550600", "CALLERID(rdnis)": "601"})
        origin = await callers.origin(pbx_call(pbx))
        assert (origin.variables["DID"], origin.variables["CALLERID(rdnis)"]) == ("+15550600", "601")
        assert "NONE" not in origin.variables


async def test_variables_that_are_refused_are_left_out() -> None:
    users = {"offhook": ManagerUser(write=frozenset({"originate"}))}
    async with listening(variables=["DID"]) as (pbx, _, callers):
        pbx.users.update(users)
        pbx.disconnect()
        await asyncio.wait_for(back(pbx), PATIENCE_S)
        await pbx.call("600", variables={"DID": "1"})
        origin = await callers.origin(pbx_call(pbx))
        assert (origin.from_number, "DID" in origin.variables) == ("+15550100", False)


async def test_variables_that_come_too_late_are_left_out() -> None:
    async with listening(variables=["DID"], lookup_ms=50) as (pbx, _, callers):
        await pbx.call("600", variables={"DID": "1"})
        pbx.silent = True
        origin = await callers.origin(pbx_call(pbx))
        assert (origin.from_number, "DID" in origin.variables) == ("+15550100", False)


async def test_nothing_is_told_in_time() -> None:
    async with listening(lookup_ms=10) as (pbx, _, callers):
        await pbx.call("600", told="never")
        assert await callers.origin(pbx_call(pbx)) == CallOrigin()


async def test_without_a_manager_interface_nobody_waits() -> None:
    async with AsteriskDouble() as pbx, managed(pbx) as ami:
        callers = Callers(ami, AsteriskSettings())
        await pbx.stop()
        await until_gone(ami)
        with pytest.raises(StopIteration) as done:
            callers.origin(UNKNOWN).send(None)
        assert done.value.value == CallOrigin()


async def test_a_channel_that_no_event_told_is_asked_for() -> None:
    async with listening() as (pbx, _, callers):
        for by in ("application", "try", "driver"):
            channel = await pbx.call("600", told="never", by=by)
            assert await callers.channel(channel.variables["ID"]) == channel.id


async def test_a_call_that_asterisk_does_not_know() -> None:
    async with listening() as (pbx, _, callers):
        await pbx.call("600", told="never")
        with pytest.raises(CallError, match="knows no channel"):
            await callers.channel(UNKNOWN)


def pbx_call(pbx: AsteriskDouble) -> str:
    """The id of the only call."""
    (channel,) = pbx.channels.values()
    return channel.variables["ID"]


async def back(pbx: AsteriskDouble) -> None:
    """Return when the manager has been dropped and is there again."""
    while pbx.connections < 2 or not any(manager.user for manager in pbx.managers):  # noqa: ASYNC110 - no event for it
        await asyncio.sleep(0.005)
