import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from offhook.calls.leg import CallControl
from offhook.carriers.asterisk.control import AsteriskControl
from offhook.config import AsteriskSettings
from offhook.errors import CallError, CarrierError
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble
from offhook.simulator.clouds.asterisk_channels import Channel
from tests.carriers.asterisk.doubles import PATIENCE_S, managed, taking_calls


@dataclass
class Leg:
    """Notes what it is asked to do with its end."""

    deeds: list[str] = field(default_factory=list)

    def hold_end(self) -> None:
        self.deeds.append("hold")

    def release_end(self) -> None:
        self.deeds.append("release")


@dataclass
class Desk:
    """A call in progress and our hand on it."""

    pbx: AsteriskDouble
    channel: Channel
    control: AsteriskControl
    leg: Leg
    ended: asyncio.Event
    slept: list[float]

    @property
    def asked(self) -> list[str]:
        return [action["Action"] for action in self.pbx.actions]


@asynccontextmanager
async def in_a_call(**settings: Any) -> AsyncIterator[Desk]:
    chosen = AsteriskSettings.model_validate({"transfer_context": "transfers", **settings})
    async with taking_calls() as (port, address), AsteriskDouble(address) as pbx, managed(pbx) as ami:
        channel, leg, slept = await pbx.call(), Leg(), []

        async def its_channel() -> str:
            return channel.id

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        call_id = channel.variables["ID"]
        control = AsteriskControl(ami, call_id, leg, channel=its_channel, settings=chosen, sleep=sleep)
        yield Desk(pbx, channel, control, leg, port.ended, slept)


def as_calls_see_it(control: AsteriskControl) -> CallControl:
    return control


async def test_a_transfer() -> None:
    async with in_a_call() as desk:
        await as_calls_see_it(desk.control).transfer(" 6001 ")
        # The leg is told of its end when whoever asked for the transfer knows that it worked.
        assert desk.leg.deeds == ["hold"]
        await asyncio.sleep(0)
        assert desk.leg.deeds == ["hold", "release"]
        assert desk.channel.went == [("transfers", "6001")]
        await asyncio.wait_for(desk.ended.wait(), PATIENCE_S)


async def test_a_transfer_to_an_extension_that_does_not_exist() -> None:
    async with in_a_call() as desk:
        with pytest.raises(CallError, match="no extension 6002 in the context transfers"):
            await desk.control.transfer("6002")
        assert (desk.asked, desk.leg.deeds) == (["Getvar"], [])


async def test_where_nobody_knows_which_extensions_exist_it_is_tried() -> None:
    async with in_a_call() as desk:
        desk.pbx.functions.clear()
        await desk.control.transfer("6002")
        assert desk.channel.went == [("transfers", "6002")]


async def test_without_a_context_there_are_no_transfers() -> None:
    async with in_a_call(transfer_context="") as desk:
        with pytest.raises(CarrierError, match="cannot transfer") as caught:
            await desk.control.transfer("6001")
        assert not caught.value.offered
        assert "asterisk.transfer_context" in caught.value.hint
        assert desk.asked == []


@pytest.mark.parametrize("to", ["", "6001,1", "6001&6002", "6001\r\nContext: fraud", "${EXTEN}", "sip:a@b.example"])
async def test_a_destination_that_could_be_more_is_not_sent(to: str) -> None:
    async with in_a_call() as desk:
        with pytest.raises(CallError, match="no extension"):
            await desk.control.transfer(to)
        assert desk.asked == []


async def test_a_caller_who_is_gone_cannot_be_transferred() -> None:
    async with in_a_call() as desk:
        await desk.pbx.hang_up(desk.channel)
        with pytest.raises(CarrierError, match="Channel does not exist"):
            await desk.control.transfer("6001")
        await asyncio.sleep(0)
        assert desk.leg.deeds == ["hold", "release"]


async def test_keys() -> None:
    async with in_a_call() as desk:
        await desk.control.send_dtmf("1w2W#")
        assert (desk.channel.keys, desk.slept) == ("12#", [0.5, 0.5])
        with pytest.raises(CallError, match="no keys"):
            await desk.control.send_dtmf("1\n2")


async def test_keys_that_cannot_be_pressed_may_be_sent_as_tones() -> None:
    async with in_a_call() as desk:
        await desk.pbx.hang_up(desk.channel)
        with pytest.raises(CarrierError, match="asterisk: PlayDTMF: Channel not found") as caught:
            await desk.control.send_dtmf("12")
        assert not caught.value.offered


async def test_keys_of_which_one_was_pressed_are_not_sent_again() -> None:
    async with in_a_call() as desk:

        async def hang_up(seconds: float) -> None:
            await desk.pbx.hang_up(desk.channel)

        desk.control._sleep = hang_up
        with pytest.raises(CarrierError, match="Channel not found") as caught:
            await desk.control.send_dtmf("1w2")
        assert caught.value.offered
        assert desk.channel.keys == "1"


async def test_recording_and_its_end() -> None:
    async with in_a_call(record_file="calls/{call}.wav") as desk:
        file = f"calls/{desk.channel.variables['ID']}.wav"
        assert await desk.control.record() == file
        assert await desk.control.record() == file
        assert desk.channel.recordings == [file]
        await desk.control.stop_recording()
        await desk.control.stop_recording()
        assert desk.channel.recordings == []
        assert desk.asked == ["MixMonitor", "StopMixMonitor"]


async def test_files_are_not_played() -> None:
    async with in_a_call() as desk:
        with pytest.raises(CarrierError, match="plays no files") as caught:
            await desk.control.play("https://x.example/a.mp3")
        assert not caught.value.offered


async def test_without_a_manager_interface_a_call_is_told_so() -> None:
    async with in_a_call() as desk:
        await desk.pbx.stop()
        for deed in (desk.control.transfer("6001"), desk.control.send_dtmf("1"), desk.control.record()):
            with pytest.raises(CarrierError, match="asterisk: "):
                await deed


@asynccontextmanager
async def two_calls() -> AsyncIterator[tuple[Desk, AsteriskControl, Channel, Leg]]:
    """A call, and another one at the same Asterisk, with a third one whose id begins as that of the first does."""
    async with in_a_call() as desk:
        desk.pbx.channel("PJSIP/third", "from-trunk", "600", unique_id=f"{desk.channel.id}0")
        other, leg = await desk.pbx.call("6001"), Leg()

        async def its_channel() -> str:
            return other.id

        control = AsteriskControl(desk.control._ami, "other", leg, channel=its_channel, settings=AsteriskSettings())
        yield desk, control, other, leg


async def test_two_callers_are_connected_whatever_else_there_is() -> None:
    async with two_calls() as (desk, control, other, leg):
        assert desk.pbx.find_beginning(desk.channel.id) is not desk.channel
        await as_calls_see_it(desk.control).bridge(control)
        assert (desk.leg.deeds, leg.deeds) == (["hold"], ["hold"])
        await asyncio.sleep(0)
        assert (desk.leg.deeds, leg.deeds) == (["hold", "release"], ["hold", "release"])
        assert (desk.channel.bridged_with, other.bridged_with) == (other, desk.channel)
        assert not desk.channel.gone.is_set()
        await asyncio.wait_for(desk.ended.wait(), PATIENCE_S)
        await desk.pbx.hang_up(other)
        await asyncio.wait_for(desk.channel.gone.wait(), PATIENCE_S)


async def test_whom_nobody_is_left_to_be_connected_with() -> None:
    async with two_calls() as (desk, control, other, leg):
        await desk.pbx.hang_up(other)
        with pytest.raises(CarrierError, match="No such channel"):
            await desk.control.bridge(control)
        assert (desk.leg.deeds, leg.deeds, desk.channel.bridged_with) == ([], [], None)


async def test_a_caller_is_not_connected_with_another_carriers() -> None:
    async with in_a_call() as desk:
        with pytest.raises(CarrierError, match="another carrier's") as caught:
            await desk.control.bridge(cast("Any", object()))
        assert not caught.value.offered
        assert desk.asked == []
