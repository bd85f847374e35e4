import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from offhook.carriers.asterisk.ari import Ari
from offhook.carriers.asterisk.ari_call import media_id
from offhook.carriers.asterisk.ari_calls import AriCalls
from offhook.carriers.asterisk.ari_recovery import AriRecovery
from offhook.config import AsteriskSettings
from offhook.errors import CarrierError, WireError
from offhook.events import EndReason
from offhook.simulator.clouds.asterisk_ari import AriDouble
from offhook.simulator.clouds.asterisk_channels import Channel
from tests.carriers.asterisk.ari_house import PATIENCE_S, QUICK, account, holds, listening, taking_callers


@asynccontextmanager
async def recovering(pbx: AriDouble, **rest: Any) -> AsyncIterator[AriCalls]:
    """A server that starts, and finds what is there."""
    async with listening(pbx) as ari:
        calls = AriCalls(ari, AsteriskSettings(), lambda: "127.0.0.1:1")
        recovery = AriRecovery(ari, calls, second_look_s=0.05, **rest)
        await recovery.recover()
        yield calls
        recovery.close()


def left_behind(pbx: AriDouble, name: str = "", bridge: str = "") -> Channel:
    """A channel that an earlier run has left in the application."""
    channel = pbx.channel("PJSIP/desk", "from-trunk", "600", unique_id=name)
    pbx.inside[channel.id] = "offhook"
    pbx.applications.setdefault("offhook", set()).add(channel.id)
    if bridge:
        pbx.bridges.setdefault(bridge, []).append(channel.id)
    return channel


async def test_callers_of_an_earlier_run_go_on() -> None:
    async with AriDouble() as pbx:
        caller, media = left_behind(pbx, bridge="offhook-1"), left_behind(pbx, media_id("1"), bridge="offhook-1")
        async with recovering(pbx):
            await holds(lambda: caller.went == [("", "")] and media.gone.is_set() and not pbx.bridges)


async def test_bridges_with_nobody_in_them_are_taken_down() -> None:
    async with AriDouble() as pbx:
        pbx.bridges |= {"offhook-1": [], "music": []}
        left_behind(pbx)
        async with recovering(pbx):
            await holds(lambda: list(pbx.bridges) == ["music"])


async def test_two_who_talk_with_each_other_may_and_when_one_leaves_the_other_goes_on() -> None:
    async with AriDouble() as pbx:
        one, other = left_behind(pbx, bridge="offhook-1"), left_behind(pbx, bridge="offhook-1")
        async with recovering(pbx) as calls:
            await holds(lambda: len(calls) == 2)
            assert (one.went, other.went) == ([], [])
            await pbx.hang_up(one)
            await holds(lambda: other.went == [("", "")] and not pbx.bridges)


async def test_somebody_who_is_being_called_still_rings() -> None:
    async with AriDouble() as pbx:
        ringing, other = left_behind(pbx, "6f0e"), left_behind(pbx)
        local = left_behind(pbx, "6f0e;2")
        async with recovering(pbx, expects=lambda channel: channel == "6f0e"):
            await holds(lambda: other.went)
            assert (ringing.went, local.went) == ([], [])


async def test_whoever_is_not_in_the_application_yet_is_hung_up() -> None:
    async with AriDouble() as pbx:
        channel = left_behind(pbx, "6f0e")
        del pbx.inside[channel.id]
        async with recovering(pbx):
            await asyncio.wait_for(channel.gone.wait(), PATIENCE_S)


async def test_who_has_just_come_is_no_stranger() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        recovery = AriRecovery(there.ari, there.calls, second_look_s=0.3)
        caller = left_behind(pbx)
        await recovery.recover()
        await pbx.tell("offhook", "StasisStart", args=[], channel={"id": caller.id, "name": caller.name, "state": "Up"})
        await there.first()
        await asyncio.sleep(0.4)
        assert caller.went == []
        recovery.close()


@pytest.mark.parametrize("gone", ["caller", "media"])
async def test_what_ended_while_no_events_came_has_ended(gone: str) -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller = await pbx.call()
        call, _, heard = await there.first()
        there.ari.on_connected = AriRecovery(there.ari, there.calls, second_look_s=0.05).recover
        await pbx.stop()
        await holds(lambda: not there.ari.connected.is_set())
        await pbx.hang_up(caller if gone == "caller" else pbx.channels[call.media])
        await pbx.start()
        await asyncio.wait_for(heard.ended.wait(), PATIENCE_S)
        assert heard.ends[0][0] is EndReason.CALLER_HUNG_UP
        await holds(lambda: len(there.calls) == 0)
        assert caller.went == ([] if gone == "caller" else [("", "")])


async def test_calls_go_on_while_no_events_come() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        there.ari.on_connected = AriRecovery(there.ari, there.calls, second_look_s=0.05).recover
        await pbx.call()
        _, _, heard = await there.first()
        await pbx.disconnect()
        await holds(lambda: pbx.connections > 1)
        await asyncio.wait_for(there.ari.connected.wait(), PATIENCE_S)
        frames = heard.frames
        await holds(lambda: heard.frames > frames + 5)
        assert len(there.calls) == 1


@pytest.mark.parametrize("said", [None, [], {}, {"channel_ids": 3}, {"channel_ids": ["../x"]}, {"channel_ids": [3]}])
async def test_answers_that_make_no_sense(said: object) -> None:
    class Nonsense(Ari):
        async def ask(self, *asked: Any, **params: Any) -> Any:
            return said

    async with AriDouble() as pbx:
        ari = Nonsense(account(pbx), QUICK)
        calls = AriCalls(ari, AsteriskSettings(), lambda: "127.0.0.1:1")
        with pytest.raises(WireError):
            await AriRecovery(ari, calls).recover()


async def test_an_application_that_is_not_there() -> None:
    async with AriDouble() as pbx, listening(pbx) as ari:
        pbx.applications.clear()
        calls = AriCalls(ari, AsteriskSettings(), lambda: "127.0.0.1:1")
        with pytest.raises(CarrierError):
            await AriRecovery(ari, calls).recover()
