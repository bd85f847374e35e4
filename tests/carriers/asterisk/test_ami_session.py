import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from offhook.carriers.asterisk.ami_session import MOST_WAITING, AmiAccount, AmiSession, AmiTiming
from offhook.carriers.asterisk.ami_wire import Message
from offhook.errors import CarrierError, WireError
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from tests.carriers.asterisk.doubles import PATIENCE_S, account

TIMING = AmiTiming()
IMPATIENT = AmiTiming(login_s=0.05, action_s=0.05)


@asynccontextmanager
async def session(pbx: AsteriskDouble, timing: AmiTiming = TIMING) -> AsyncIterator[tuple[AmiSession, list[Message]]]:
    events: list[Message] = []
    opened = await AmiSession.open(account(pbx), timing, events.append)
    try:
        yield opened, events
    finally:
        await opened.close()


@pytest.mark.parametrize("challenges", [True, False])
async def test_logging_in_with_and_without_a_challenge(challenges: bool) -> None:
    async with AsteriskDouble(challenges=challenges) as pbx, session(pbx) as (ami, _):
        assert (await ami.action("Ping", {})).get("Ping") == "Pong"


@pytest.mark.parametrize("challenges", [True, False])
async def test_a_user_who_is_refused(challenges: bool) -> None:
    async with AsteriskDouble(challenges=challenges) as pbx:
        with pytest.raises(CarrierError, match='"offhook" is refused') as caught:
            await AmiSession.open(account(pbx, "wrong"), TIMING, lambda event: None)
    assert caught.value.status == 401
    assert "AMI_PASS" in caught.value.hint
    assert "wrong" not in str(caught.value)


async def test_nobody_there() -> None:
    async with AsteriskDouble() as pbx:
        nobody = account(pbx)
    with pytest.raises(CarrierError, match="no manager interface at 127") as caught:
        await AmiSession.open(nobody, TIMING, lambda event: None)
    assert "manager.conf" in caught.value.hint


async def test_one_who_keeps_silent() -> None:
    async with AsteriskDouble(silent=True) as pbx:
        with pytest.raises(CarrierError, match="silent"):
            await AmiSession.open(account(pbx), IMPATIENT, lambda event: None)


@pytest.mark.parametrize("banner", [b"220 mail ready\r\n", b"\x00\x01\xff\n"])
async def test_no_asterisk(banner: bytes) -> None:
    async with AsteriskDouble(banner=banner) as pbx:
        with pytest.raises(CarrierError, match="no manager interface"):
            await AmiSession.open(account(pbx), TIMING, lambda event: None)


async def test_an_answer_finds_its_action_among_events() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, events):
        asked = [ami.action("Setvar", {"Variable": "A", "Value": str(number)}) for number in range(20)]
        answers = await asyncio.gather(*asked, ami.action("Ping", {}))
        assert [answer.get("Message") for answer in answers[:-1]] == ["Variable Set"] * 20
        assert answers[-1].get("Ping") == "Pong"
        assert [event.get("Value") for event in events] == [str(number) for number in range(20)]


async def test_a_list() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        assert await ami.list_of("CoreShowChannels", {}) == ()
        pbx.channel("PJSIP/1", "from-trunk", "600")
        pbx.channel("PJSIP/2", "from-trunk", "601")
        assert [row.get("Exten") for row in await ami.list_of("CoreShowChannels", {})] == ["600", "601"]
        pbx.channels.clear()


async def test_a_right_that_is_missing_is_told_with_the_remedy() -> None:
    users = {"offhook": ManagerUser(write=frozenset({"reporting"}))}
    async with AsteriskDouble(users=users) as pbx, session(pbx) as (ami, _):
        with pytest.raises(CarrierError, match="Redirect: Permission denied") as caught:
            await ami.action("Redirect", {"Channel": "x", "Context": "y", "Exten": "1", "Priority": "1"})
    assert "manager.conf" in caught.value.hint
    assert not caught.value.unknown


async def test_a_refusal_of_another_kind() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        with pytest.raises(CarrierError, match="Hangup: No such channel") as caught:
            await ami.action("Hangup", {"Channel": "x"})
    assert caught.value.hint == ""


async def test_no_answer_in_time_leaves_it_unknown() -> None:
    async with AsteriskDouble() as pbx, session(pbx, AmiTiming(action_s=0.05)) as (ami, _):
        pbx.silent = True
        with pytest.raises(CarrierError, match="no answer to Ping") as caught:
            await ami.action("Ping", {})
        assert caught.value.unknown
        pbx.silent = False
        assert (await ami.action("Ping", {})).get("Ping") == "Pong"


async def test_a_connection_that_ends_while_somebody_waits() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        pbx.silent = True
        asked = asyncio.create_task(ami.action("Ping", {}))
        await asyncio.sleep(0)
        pbx.disconnect()
        with pytest.raises(CarrierError, match="connection ended") as caught:
            await asyncio.wait_for(asked, PATIENCE_S)
        assert caught.value.unknown
        with pytest.raises(CarrierError, match="is gone"):
            await ami.action("Ping", {})


async def test_garbage_ends_the_connection() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        pbx.babble(b"\x00\xff garbage\r\n\r\n")
        await asyncio.wait_for(ami.serve(60), PATIENCE_S)
        assert "begins with no field" in ami.problem


async def test_an_answer_to_no_action_is_of_no_use_and_no_harm() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, events):
        pbx.babble(b"Response: Success\r\nActionID: 999\r\n\r\nResponse: Error\r\n\r\n")
        assert (await ami.action("Ping", {})).get("Ping") == "Pong"
        assert events == []


async def test_a_ping_that_is_not_answered_ends_the_connection() -> None:
    async with AsteriskDouble() as pbx, session(pbx, AmiTiming(action_s=0.05)) as (ami, _):
        pbx.silent = True
        await asyncio.wait_for(ami.serve(0.01), PATIENCE_S)
        assert "no answer to Ping" in ami.problem


async def test_a_value_that_no_action_can_have_is_not_sent() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        with pytest.raises(WireError, match="Channel"):
            await ami.action("Hangup", {"Channel": "x\r\nAction: Originate"})
        assert pbx.actions == []


async def test_too_much_that_waits_is_refused() -> None:
    async with AsteriskDouble() as pbx, session(pbx) as (ami, _):
        pbx.silent = True
        waiting = [asyncio.create_task(ami.action("Ping", {})) for _ in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(CarrierError, match="does not keep up"):
            await ami.action("Ping", {})
        pbx.disconnect()
        await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), PATIENCE_S)


def test_the_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(AmiAccount("127.0.0.1", 5038, "offhook", "s3cret"))
