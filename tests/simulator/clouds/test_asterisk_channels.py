"""The AudioSocket of the double of Asterisk."""

import asyncio

import pytest

from offhook.simulator.clouds.asterisk_channels import Channel
from tests.simulator.clouds.asterisk_line import PATIENCE_S, line, standing


@pytest.mark.parametrize("goodbye", [b"\x00\x00\x00", b""])
async def test_when_the_server_ends_the_call_the_dialplan_goes_on_to_its_end(goodbye: bytes) -> None:
    async with standing() as (pbx, ear), line(pbx) as there:
        channel = await pbx.call()
        await ear.until(1)
        ear.writers[0].write(goodbye)
        ear.writers[0].write_eof()
        assert (await there.event("Hangup"))["Uniqueid"] == channel.id
        await asyncio.wait_for(channel.gone.wait(), PATIENCE_S)


async def test_a_caller_who_hangs_up_says_nothing() -> None:
    async with standing() as (pbx, ear), line(pbx) as there:
        channel = await pbx.call()
        await ear.until(1)
        await pbx.hang_up(channel)
        await ear.until(-1)
        assert (await there.event("Hangup"))["Cause-txt"] == "Normal Clearing"


def test_how_events_have_a_channel() -> None:
    told = dict(Channel("PJSIP/1-0", "1.0", "from-trunk", "600", state="Ringing").fields("Dest"))
    assert (told["DestChannel"], told["DestUniqueid"], told["DestChannelStateDesc"]) == ("PJSIP/1-0", "1.0", "Ringing")
    assert told["DestCallerIDNum"] == "<unknown>"
