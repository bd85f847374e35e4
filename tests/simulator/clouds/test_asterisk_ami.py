"""The double of Asterisk, spoken to in plain bytes."""

import asyncio
import contextlib
import hashlib
from uuid import UUID

import pytest

from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from tests.simulator.clouds.asterisk_line import PATIENCE_S, Line, line, standing


async def test_a_login_by_challenge() -> None:
    async with AsteriskDouble() as pbx:
        reader, writer = await asyncio.open_connection("127.0.0.1", pbx.port)
        there = Line(reader, writer)
        await reader.readline()
        challenge = (await there.ask("Challenge", AuthType="MD5"))["Challenge"]
        key = hashlib.md5(f"{challenge}secret".encode(), usedforsecurity=False).hexdigest()
        wrong = await there.ask("Login", Username="offhook", AuthType="MD5", Key=key[::-1])
        assert wrong["Message"] == "Authentication failed"
        assert (await there.ask("Ping"))["Message"] == "Permission denied"
        right = await there.ask("Login", Username="offhook", AuthType="MD5", Key=key)
        assert right["Message"] == "Authentication accepted"
        assert (await there.ask("Ping"))["Ping"] == "Pong"
        writer.close()


async def test_only_wanted_events_of_allowed_classes_are_told() -> None:
    users = {"offhook": ManagerUser(read=frozenset({"call", "dialplan"}))}
    async with AsteriskDouble(users=users) as pbx, line(pbx, Events="call") as there:
        pbx.tell("dialplan", "VarSet")
        pbx.tell("system", "Reload")
        pbx.tell("call", "Hangup")
        assert (await there.read())["Event"] == "Hangup"


@pytest.mark.parametrize("told", ["before", "after"])
async def test_a_caller_comes_with_events_before_or_after_the_uuid(told: str) -> None:
    async with standing() as (pbx, ear), line(pbx) as there:
        channel = await pbx.call("600", told="before" if told == "before" else "after")
        assert str(UUID(bytes=await ear.until(1))) == channel.variables["ID"]
        assert await ear.until(0x10) == bytes(320)
        assert (await there.event("VarSet"))["Value"] == channel.variables["ID"]
        assert (await there.event("Newexten"))["AppData"].startswith(channel.variables["ID"])


async def test_the_channel_driver() -> None:
    async with standing() as (pbx, _), line(pbx) as there:
        channel = await pbx.call("600", by="driver")
        assert (await there.event("Newexten"))["AppData"].startswith("AudioSocket/127.0.0.1:")
        begin = await there.event("DialBegin")
        assert begin["Channel"] == channel.name
        assert begin["DestChannel"].endswith(f"-{channel.variables['ID']}")


async def test_garbage_silence_and_a_connection_that_drops() -> None:
    async with AsteriskDouble() as pbx, line(pbx) as there:
        pbx.babble(b"garbage\r\n")
        assert await there.reader.readline() == b"garbage\r\n"
        pbx.silent = True
        there.writer.write(b"Action: Ping\r\n\r\n")
        pbx.disconnect()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(there.reader.readline(), PATIENCE_S) == b""
        assert pbx.actions == []
