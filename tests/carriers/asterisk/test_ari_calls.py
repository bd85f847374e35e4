import asyncio

import pytest

from offhook.carriers.asterisk.ari_calls import PLACED
from offhook.errors import CallError, CarrierError
from offhook.events import EndReason
from offhook.simulator.clouds.asterisk_ari import AriDouble
from offhook.simulator.clouds.asterisk_channels import Channel
from tests.carriers.asterisk.ari_house import PATIENCE_S, House, holds, taking_callers


async def test_a_caller_is_heard_and_known() -> None:
    async with AriDouble() as pbx, taking_callers(pbx, variables=["DID", "NOT_SET"]) as there:
        channel = pbx.channel("PJSIP/desk", "from-trunk", "600", number="+15550100", caller="Ann")
        channel.variables["DID"] = "555"
        channel.state = "Ring"
        await pbx.enter(channel, "offhook", "sales", "mood=good")
        call, leg, heard = await there.first()
        await holds(lambda: heard.frames > 3)
        assert (channel.state, str(leg.format)) == ("Up", "pcm16 16000 Hz")
        origin = call.origin
        assert (origin.from_number, origin.to_number, origin.agent) == ("+15550100", "600", "sales")
        assert origin.variables == {
            "channel": channel.name,
            "uniqueid": channel.id,
            "caller_name": "Ann",
            "extension": "600",
            "context": "from-trunk",
            "language": "en",
            "DID": "555",
            "mood": "good",
        }
        assert call.id == leg.carrier_call_id
        assert channel.plug is not None
        channel.plug.press("5")
        await holds(lambda: heard.digits == "5")


async def test_a_caller_hangs_up() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        channel = await pbx.call()
        _, _, heard = await there.first()
        await pbx.hang_up(channel)
        await asyncio.wait_for(heard.ended.wait(), PATIENCE_S)
        assert heard.ends == [(EndReason.CALLER_HUNG_UP, "cause 16")]
        await tidy(there)


async def tidy(there: House) -> None:
    """Nothing of a call is left at Asterisk."""
    await holds(lambda: not there.pbx.channels and not there.pbx.bridges and len(there.calls) == 0)


@pytest.mark.parametrize(("after", "went"), [("continue", [("", "")]), ("hangup", [])])
async def test_where_callers_go_when_the_agent_is_done(after: str, went: list[tuple[str, str]]) -> None:
    async with AriDouble() as pbx, taking_callers(pbx, ari={"after": after}) as there:
        channel = await pbx.call()
        _, leg, _ = await there.first()
        await leg.close(EndReason.AGENT_HUNG_UP)
        await holds(lambda: channel.id not in pbx.inside)
        await holds(lambda: not pbx.bridges)
        assert (channel.went, channel.gone.is_set()) == (went, after == "hangup")


async def test_who_was_called_has_no_dialplan_to_go_on_in() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        channel = pbx.channel("PJSIP/6005", "default", "s", unique_id="6f0e25a6-2a5e-4a6c-9d38-1f3f4d7f0b8e")
        await pbx.enter(channel, "offhook", PLACED)
        call, leg, _ = await there.first()
        assert (call.id, call.placed) == (channel.id, True)
        await leg.close(EndReason.AGENT_HUNG_UP)
        await asyncio.wait_for(channel.gone.wait(), PATIENCE_S)
        await tidy(there)


async def test_our_channel_may_take_its_time_to_come() -> None:
    async with AriDouble(deaf_s=0.3) as pbx, taking_callers(pbx) as there:
        await pbx.call()
        _, _, heard = await there.first()
        await holds(lambda: heard.frames)
        assert not [each for each in pbx.requests if each[1].endswith("addChannel")][1:]


async def test_a_caller_goes_on_while_no_calls_are_taken() -> None:
    async with AriDouble() as pbx, taking_callers(pbx, full=lambda: True) as there:
        channel = await pbx.call()
        await holds(lambda: channel.went == [("", "")])
        assert (channel.state, channel.variables["OFFHOOK_AWAY"]) == ("Ring", "1")
        await holds(lambda: len(there.calls) == 0)
        assert there.answered == []


@pytest.mark.parametrize(("method", "last"), [("POST", "answer"), ("POST", "externalMedia"), ("POST", "addChannel")])
async def test_a_caller_who_cannot_be_connected_goes_on(method: str, last: str) -> None:
    async with AriDouble(refuses={(method, last): 500}) as pbx, taking_callers(pbx) as there:
        channel = await pbx.call()
        await holds(lambda: channel.went == [("", "")])
        await holds(lambda: set(pbx.channels) == {channel.id} and not pbx.bridges)
        assert there.answered == []


async def test_an_audiosocket_that_cannot_be_reached() -> None:
    async with AriDouble() as pbx, taking_callers(pbx, "127.0.0.1:1"):
        channel = await pbx.call()
        await holds(lambda: channel.went == [("", "")])


async def test_our_channel_never_comes() -> None:
    async with AriDouble(deaf_s=PATIENCE_S) as pbx, taking_callers(pbx, setup_s=0.2) as there:
        channel = await pbx.call()
        await holds(lambda: channel.went == [("", "")])
        await holds(lambda: set(pbx.channels) == {channel.id})
        assert there.answered == []


async def test_a_caller_who_leaves_while_being_connected() -> None:
    async with AriDouble(deaf_s=0.1) as pbx, taking_callers(pbx) as there:
        channel = await pbx.call()
        await holds(lambda: there.pbx.bridges)
        await pbx.hang_up(channel)
        await tidy(there)
        assert there.answered == []


async def pair(there: House) -> tuple[Channel, Channel]:
    """A caller, and somebody whom we have called."""
    caller = await there.pbx.call()
    await holds(lambda: len(there.answered) == 1)
    person = there.pbx.channel("PJSIP/6005", "default", "s", unique_id="6f0e25a6-2a5e-4a6c-9d38-1f3f4d7f0b8e")
    await there.pbx.enter(person, "offhook", PLACED)
    await holds(lambda: len(there.answered) == 2)
    return caller, person


async def test_two_people_talk_without_us() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller, person = await pair(there)
        (one, _, first), (other, _, second) = there.answered
        await there.calls.connect(one, other)
        assert (caller.bridged_with, person.bridged_with) == (person, caller)
        await asyncio.wait_for(first.ended.wait(), PATIENCE_S)
        await asyncio.wait_for(second.ended.wait(), PATIENCE_S)
        await holds(lambda: set(pbx.channels) == {caller.id, person.id})
        await holds(lambda: list(pbx.bridges.values()) == [[caller.id, person.id]])
        assert caller.went == []


@pytest.mark.parametrize("who", ["caller", "person"])
async def test_when_one_of_two_hangs_up_the_other_goes_on(who: str) -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        caller, person = await pair(there)
        await there.calls.connect(there.answered[0][0], there.answered[1][0])
        await holds(lambda: set(pbx.channels) == {caller.id, person.id})
        await pbx.hang_up(caller if who == "caller" else person)
        await asyncio.wait_for(person.gone.wait(), PATIENCE_S)
        await holds(lambda: not pbx.bridges and not there.calls.in_progress)
        assert caller.went == ([("", "")] if who == "person" else [])


async def test_nobody_is_connected_with_who_has_hung_up() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        _, person = await pair(there)
        (one, _, _), (other, _, _) = there.answered
        await pbx.hang_up(person)
        await holds(lambda: not other.inside)
        with pytest.raises(CallError):
            await there.calls.connect(one, other)
        assert one.partner is None


async def test_a_connection_that_is_refused_changes_nothing() -> None:
    async with AriDouble() as pbx, taking_callers(pbx) as there:
        await pair(there)
        (one, _, heard), (other, _, _) = there.answered
        pbx.refuses["POST", "addChannel"] = 500
        with pytest.raises(CarrierError):
            await there.calls.connect(one, other)
        frames = heard.frames
        await holds(lambda: heard.frames > frames + 5)


async def test_at_the_end_callers_go_on() -> None:
    async with AriDouble() as pbx:
        async with taking_callers(pbx) as there:
            channel = await pbx.call()
            await there.first()
        assert channel.went == [("", "")]
        assert set(pbx.channels) == {channel.id}


async def test_people_who_talk_without_us_do_so_when_we_stop() -> None:
    async with AriDouble() as pbx:
        async with taking_callers(pbx) as there:
            caller, person = await pair(there)
            await there.calls.connect(there.answered[0][0], there.answered[1][0])
        assert (caller.bridged_with, caller.went) == (person, [])
