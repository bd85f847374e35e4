import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.asterisk.ami_wire import Message
from offhook.carriers.asterisk.channels import ChannelFacts, Channels, uuids_in
from tests.carriers.asterisk.doubles import PATIENCE_S

CALL = "6afe37fc-fb98-443a-a75c-2326a5121e53"
OTHER = "0a02c3c2-c1d2-4911-a87d-abcdec99e335"
CHANNEL = {
    "Channel": "PJSIP/desk-00000001",
    "CallerIDNum": "+15550100",
    "CallerIDName": "<unknown>",
    "Language": "en",
    "AccountCode": "",
    "Context": "from-trunk",
    "Exten": "600",
    "Uniqueid": "1795249136.1",
    "Linkedid": "1795249136.0",
}


def event(name: str, **fields: str) -> Message:
    return Message(tuple({"Event": name, **CHANNEL, **fields}.items()))


def varset(value: str = CALL, **fields: str) -> Message:
    return event("VarSet", Variable="ID", Value=value, **fields)


def newexten(application: str, data: str, **fields: str) -> Message:
    return event("Newexten", Application=application, AppData=data, **fields)


def found(*events: Message, call_id: str = CALL) -> ChannelFacts | None:
    channels = Channels()
    for each in events:
        channels.note(each)
    return channels.find(call_id)


FACTS = ChannelFacts("1795249136.1", "PJSIP/desk-00000001", "+15550100", "", "600", "from-trunk", "en", "")


@pytest.mark.parametrize(
    "told",
    [
        varset(),
        varset(CALL.upper()),
        newexten("AudioSocket", f"{CALL},127.0.0.1:9093"),
        newexten("TryExec", f"AudioSocket({CALL},127.0.0.1:9093)"),
        newexten("Dial", f"AudioSocket/127.0.0.1:9093/{CALL}/c(slin16),,g"),
        event("DialBegin", DestChannel=f"AudioSocket/127.0.0.1:9093-{CALL}", DestUniqueid="1795249136.2"),
    ],
)
def test_ways_to_tell_of_the_callers_channel(told: Message) -> None:
    assert found(told) == FACTS


@pytest.mark.parametrize(
    "told",
    [
        varset(f"the id is {CALL}"),
        varset(f"{CALL}0"),
        varset("600"),
        varset(Channel="none", Uniqueid="none"),
        varset(Uniqueid=""),
        varset(Channel=f"AudioSocket/127.0.0.1:9093-{CALL}"),
        newexten("Set", f"ID={CALL}"),
        newexten("AudioSocket", "1795249136.1,127.0.0.1:9093"),
        newexten("Dial", f"AudioSocket/127.0.0.1:9093/{CALL}&AudioSocket/127.0.0.1:9093/{OTHER}"),
        event("DialBegin", DestChannel=f"PJSIP/1-{CALL}"),
        event("DialBegin", DestChannel=""),
        event("Hangup", Value=CALL),
    ],
)
def test_what_tells_nothing(told: Message) -> None:
    assert found(told) is None


def test_the_channel_that_runs_audiosocket_is_surer_than_one_with_a_variable() -> None:
    runs = newexten("AudioSocket", f"{CALL},127.0.0.1:9093")
    elsewhere = varset(Uniqueid="1795249136.7")
    for told in ((runs, elsewhere), (elsewhere, runs), (elsewhere, runs, elsewhere)):
        assert found(*told) == FACTS


def test_of_several_channels_with_the_variable_the_first_counts() -> None:
    assert found(varset(), varset(Uniqueid="1795249136.7")) == FACTS


def test_the_memory_is_bounded() -> None:
    channels = Channels(most=2)
    for number in range(5):
        channels.note(varset(f"6afe37fc-fb98-443a-a75c-00000000000{number}"))
    assert len(channels) == 2
    assert channels.find("6afe37fc-fb98-443a-a75c-000000000003") is not None
    assert channels.find("6afe37fc-fb98-443a-a75c-000000000002") is None


async def test_waiting_for_what_comes_later() -> None:
    channels = Channels()
    waits = [asyncio.create_task(channels.wait(CALL)) for _ in range(2)]
    await asyncio.sleep(0)
    channels.note(varset(OTHER))
    await asyncio.sleep(0)
    assert not waits[0].done()
    channels.note(varset())
    assert await asyncio.wait_for(asyncio.gather(*waits), PATIENCE_S) == [FACTS, FACTS]
    assert await channels.wait(CALL) == FACTS


async def test_whoever_gives_up_waiting_leaves_nothing_behind() -> None:
    channels = Channels()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channels.wait(CALL), 0.001)
    channels.note(varset())
    assert channels.find(CALL) == FACTS


@given(st.text(), st.text(), st.text())
def test_nothing_that_comes_raises(value: str, data: str, channel: str) -> None:
    channels = Channels()
    for told in (
        varset(value),
        newexten("AudioSocket", data),
        event("DialBegin", DestChannel="AudioSocket/" + channel),
    ):
        channels.note(told)
    assert all(len(uuid) == 36 for uuid in uuids_in(data))
