"""The double of Asterisk's REST interface, asked as anybody would ask it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp

from offhook.simulator.clouds.asterisk_ari import AriDouble
from offhook.simulator.clouds.asterisk_channels import Callee
from tests.simulator.clouds.asterisk_line import PATIENCE_S

BASIC = f"Basic {b64encode(b'offhook:secret').decode()}"


class Line:
    """A client of the double."""

    def __init__(self, pbx: AriDouble, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._url = f"{pbx.url}/ari"
        self._session = session
        self._socket = socket

    async def ask(self, method: str, where: str, **params: str) -> tuple[int, Any]:
        async with self._session.request(method, self._url + where, params=params) as response:
            return response.status, await response.json() if response.status != 204 else None

    async def event(self, kind: str) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            while (told := await self._socket.receive_json())["type"] != kind:
                pass
        return told

    async def kinds(self, last: str) -> list[str]:
        """The kinds of the events up to one of the kind `last`."""
        kinds: list[str] = []
        async with asyncio.timeout(PATIENCE_S):
            while last not in kinds:
                kinds.append((await self._socket.receive_json())["type"])
        return kinds


@asynccontextmanager
async def line(pbx: AriDouble) -> AsyncIterator[Line]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": BASIC}) as session,
        session.ws_connect(f"{pbx.url}/ari/events?app=offhook") as socket,
    ):
        yield Line(pbx, session, socket)


@asynccontextmanager
async def ear() -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """An AudioSocket that keeps silent."""
    writers: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while await reader.read(65_536):
            pass
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", writers
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def media(address: str, call_id: str) -> dict[str, str]:
    return {
        "app": "offhook",
        "external_host": address,
        "encapsulation": "audiosocket",
        "transport": "tcp",
        "format": "slin16",
        "data": call_id,
        "channelId": f"offhook-media-{call_id}",
    }


async def test_without_a_password_nobody_is_let_in() -> None:
    async with (
        AriDouble() as pbx,
        aiohttp.ClientSession() as session,
        session.get(f"{pbx.url}/ari/asterisk/info") as response,
    ):
        assert (response.status, await response.json()) == (401, {"message": "Authentication required"})


async def test_our_channel_cannot_be_bridged_before_it_has_come() -> None:
    async with AriDouble(deaf_s=0.05) as pbx, ear() as (address, writers), line(pbx) as there:
        caller, call_id = await pbx.call(), str(uuid4())
        await there.event("StasisStart")
        await there.ask("POST", "/bridges/b", type="mixing")
        assert (await there.ask("POST", "/channels/externalMedia", **media(address, call_id)))[0] == 200
        both = f"{caller.id},offhook-media-{call_id}"
        status, said = await there.ask("POST", "/bridges/b/addChannel", channel=both)
        assert (status, said) == (422, {"message": "Channel not in Stasis application"})
        assert (await there.event("StasisStart"))["args"] == [call_id]
        assert (await there.ask("POST", "/bridges/b/addChannel", channel=both))[0] == 204
        writers[0].write(b"\0\0\0")
        assert await there.kinds("ChannelDestroyed") == [
            "ChannelEnteredBridge",
            "ChannelEnteredBridge",
            "ChannelLeftBridge",
            "StasisEnd",
            "ChannelDestroyed",
        ]


async def test_a_caller_who_hangs_up_leaves_and_is_not_heard_of_again() -> None:
    async with AriDouble() as pbx, line(pbx) as there:
        caller = await pbx.call()
        await pbx.hang_up(caller)
        await pbx.call("601")
        await there.event("StasisStart")
        assert await there.kinds("StasisStart") == ["ChannelHangupRequest", "StasisEnd", "StasisStart"]


async def test_calls_that_nobody_takes() -> None:
    async with AriDouble(callees={"1": Callee("busy"), "2": Callee("silent")}) as pbx, line(pbx) as there:
        for number, status, cause in (("1", "BUSY", 0), ("2", "RINGING", 19)):
            await there.ask("POST", f"/channels/{number}", endpoint=f"PJSIP/{number}", app="offhook", timeout="0.05")
            assert (await there.event("Dial"))["dialstatus"] == ""
            assert (await there.event("Dial"))["dialstatus"] == status
            assert (await there.event("ChannelDestroyed"))["cause"] == cause


async def test_a_second_program_is_told_to_the_first() -> None:
    async with AriDouble() as pbx, line(pbx) as first, line(pbx) as second:
        await first.event("ApplicationReplaced")
        await pbx.call()
        await second.event("StasisStart")
