"""What managers may do to the double of Asterisk."""

from uuid import UUID, uuid4

import pytest

from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from offhook.simulator.clouds.asterisk_channels import Callee
from tests.simulator.clouds.asterisk_line import line, standing


async def test_rights() -> None:
    users = {"offhook": ManagerUser(write=frozenset({"reporting"}))}
    async with AsteriskDouble(users=users) as pbx, line(pbx) as there:
        for action in ("Redirect", "Originate", "MixMonitor", "Hangup", "PlayDTMF", "Setvar"):
            assert (await there.ask(action, Channel="x"))["Message"] == "Permission denied"
        assert (await there.ask("Reload"))["Message"].startswith("Invalid/unknown command")
        listed = await there.ask("ListCommands")
        assert {"Getvar", "CoreShowChannels", "Ping"} < set(listed)
        assert "Redirect" not in listed


async def test_a_redirect_ends_the_audiosocket_and_not_the_channel() -> None:
    async with standing() as (pbx, ear), line(pbx) as there:
        channel = await pbx.call()
        done = await there.ask("Redirect", Channel=channel.id, Context="transfers", Exten="6001", Priority="1")
        assert done["Message"] == "Redirect successful"
        await ear.until(-1)
        assert (channel.went, channel.gone.is_set()) == ([("transfers", "6001")], False)
        gone = await there.ask("Redirect", Channel="x", Context="transfers", Exten="6001", Priority="1")
        assert gone["Message"] == "Channel does not exist: x"


async def test_what_is_done_to_a_channel() -> None:
    async with standing() as (pbx, _), line(pbx) as there:
        channel = await pbx.call(variables={"DID": "600"})
        assert (await there.ask("Getvar", Channel=channel.name, Variable="DID"))["Value"] == "600"
        assert (await there.ask("Getvar", Channel="x", Variable="DID"))["Message"] == "No such channel"
        assert (await there.ask("PlayDTMF", Channel=channel.id, Digit="5"))["Response"] == "Success"
        assert (await there.ask("PlayDTMF", Channel=channel.id, Digit="55"))["Response"] == "Error"
        assert (await there.ask("StopMixMonitor", Channel=channel.id))["Response"] == "Error"
        assert (await there.ask("MixMonitor", Channel=channel.id, File="a.wav"))["Response"] == "Success"
        assert (channel.keys, channel.recordings) == ("5", ["a.wav"])
        assert (await there.ask("Hangup", Channel=channel.id, Cause="16"))["Response"] == "Success"
        assert (await there.ask("Hangup", Channel=channel.id))["Message"] == "No such channel"


async def test_the_list_of_channels() -> None:
    async with standing() as (pbx, _), line(pbx, Events="off") as there:
        channel = await pbx.call()
        assert (await there.ask("CoreShowChannels"))["EventList"] == "start"
        row = await there.event("CoreShowChannel")
        assert (row["ActionID"], row["Uniqueid"], row["Application"]) == ("7", channel.id, "AudioSocket")
        end = await there.event("CoreShowChannelsComplete")
        assert (end["EventList"], end["ListItems"]) == ("Complete", "1")


@pytest.mark.parametrize(
    ("callee", "events", "reason"),
    [
        (Callee(), ["Newchannel", "Newstate", "Newstate", "OriginateResponse"], "4"),
        (Callee("busy"), ["Newchannel", "OriginateResponse", "Hangup"], "5"),
        (Callee("congestion"), ["Newchannel", "Hangup", "OriginateResponse"], "8"),
        (Callee("silent"), ["Newchannel", "Newstate", "OriginateResponse", "Hangup"], "3"),
    ],
)
async def test_a_call_that_is_placed(callee: Callee, events: list[str], reason: str) -> None:
    async with standing() as (pbx, ear), line(pbx) as there:
        pbx.callees["6005"] = callee
        call_id = str(uuid4())
        host, port = pbx.audiosocket
        fields = {
            "Channel": "PJSIP/6005@trunk",
            "Application": "AudioSocket",
            "Data": f"{call_id},{host}:{port}",
            "ChannelId": call_id,
            "Timeout": "50",
            "Async": "true",
        }
        assert (await there.ask("Originate", **fields))["Message"] == "Originate successfully queued"
        told = [await there.event("Newchannel", "Newstate", "OriginateResponse", "Hangup") for _ in events]
        assert [each["Event"] for each in told] == events
        assert {each["Uniqueid"] for each in told} == {call_id}
        assert next(each for each in told if each["Event"] == "OriginateResponse")["Reason"] == reason
        if reason == "4":
            assert str(UUID(bytes=await ear.until(1))) == call_id


async def test_two_channels_are_connected_away_from_their_audiosockets() -> None:
    async with standing() as (pbx, ear), line(pbx, Events="call") as there:
        one, other = await pbx.call(), await pbx.call()
        done = await there.ask("Bridge", Channel1=one.name, Channel2=other.name)
        assert done["Message"] == "Channels have been bridged"
        await ear.until(-1)
        assert (one.bridged_with, other.bridged_with, one.plug is not None and one.plug.pulled) == (other, one, True)
        await pbx.hang_up(other)
        assert one.gone.is_set()


async def test_a_bridge_takes_whatever_begins_as_it_is_told() -> None:
    async with standing() as (pbx, _), line(pbx) as there:
        one, other = pbx.channel("PJSIP/a", "x", "s"), pbx.channel("PJSIP/b", "x", "s", unique_id="1795249136.00")
        assert one.id == "1795249136.0"
        assert (await there.ask("Bridge", Channel1=one.id, Channel2="nobody"))["Message"] == (
            "Channel2 does not exist: nobody"
        )
        assert (await there.ask("Bridge", Channel2=one.id))["Message"] == "Missing channel parameter in request"
        assert pbx.find_beginning(one.id) is other
        assert (await there.ask("Getvar", Channel=one.id, Variable="CHANNEL(name)"))["Value"] == one.name
