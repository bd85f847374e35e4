"""Calls of Asterisk with its manager interface: who calls, transfers, and calls that the server places."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from offhook.config import Settings
from offhook.server.app import Server
from offhook.simulator.clouds.asterisk_ami import AsteriskDouble, ManagerUser
from offhook.simulator.clouds.asterisk_channels import Callee

PATIENCE_S = 60


class House:
    """A server on free ports, an Asterisk whose dialplan leads to it, and the server's API."""

    def __init__(self, server: Server, pbx: AsteriskDouble, session: aiohttp.ClientSession, folder: Path) -> None:
        self.server = server
        self.pbx = pbx
        self._session = session
        self._folder = folder

    async def ask(self, method: str, path: str, status: int = 0, **body: object) -> Any:
        url = f"http://127.0.0.1:{self.server.http_port}/v1{path}"
        async with self._session.request(method, url, json=body) as response:
            told = await response.json()
            assert response.status == status if status else response.status < 400, told
            return told

    async def followed(self, call: Any, until: str = "") -> list[str]:
        """The states of a call to its end, or until one of them."""
        async with asyncio.timeout(PATIENCE_S):
            while not call["over"] and call["state"] != until:
                call = await self.ask("GET", f"/calls/{call['id']}?wait_s=10&seen={len(call['history'])}")
        return [step["state"] for step in call["history"]]

    async def only_call(self) -> Any:
        """The call in progress, once there is one."""
        board = self.server.switchboard
        assert board is not None
        await holds(lambda: board.calls)
        (call,) = (await self.ask("GET", "/calls"))["calls"]
        return call

    def record(self) -> Any:
        (path,) = (self._folder / "calls").glob("*.json")
        return orjson.loads(path.read_bytes())

    async def recorded(self) -> Any:
        """The record of the only call, once it is over."""
        await holds(lambda: list((self._folder / "calls").glob("*.json")) and self.record().get("end_reason"))
        return self.record()


async def holds(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - other processes' files and sockets have no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def house(folder: Path, **asterisk: object) -> AsyncIterator[House]:
    async with AsteriskDouble() as pbx:
        keys = {"ami_user": "offhook", "ami_pass": ManagerUser.secret, "ami_port": pbx.port, "api_key": "key"}
        settings = Settings.model_validate(
            {
                "server": {"http_port": 0, "data_dir": folder},
                "audiosocket": {"port": 0},
                "agents": {"reception": {"engine": "loopback"}, "sales": {"engine": "loopback"}},
                "routes": [{"agent": "sales", "to": "600"}, {"agent": "reception"}],
                "asterisk": {"transfer_context": "transfers", "lookup_ms": 1_000, **asterisk},
                "keys": keys,
            }
        )
        headers = {"Authorization": "Bearer key"}
        async with Server(settings).running() as server, aiohttp.ClientSession(headers=headers) as session:
            pbx.audiosocket = ("127.0.0.1", server.audiosocket_port)
            assert server.asterisk is not None
            await asyncio.wait_for(server.asterisk.connected.wait(), PATIENCE_S)
            yield House(server, pbx, session, folder)


@pytest.mark.parametrize("told", ["before", "after"])
@pytest.mark.parametrize("by", ["try", "driver"])
async def test_a_caller_is_known_and_transferred(told: Any, by: Any, tmp_path: Path) -> None:
    async with house(tmp_path) as there:
        channel = await there.pbx.call("600", told=told, by=by)
        call = await there.only_call()
        assert (call["id"], call["from"], call["to"], call["agent"]) == (
            channel.variables["ID"],
            "+15550100",
            "600",
            "sales",
        )
        await there.ask("POST", f"/calls/{call['id']}/transfer", to="6009", status=409)
        assert (await there.ask("POST", f"/calls/{call['id']}/dtmf", digits="12"))["status"] == "pressed"
        assert (await there.ask("POST", f"/calls/{call['id']}/record"))["recording"] == f"offhook-{call['id']}.wav"
        await there.ask("POST", f"/calls/{call['id']}/transfer", to="6001")
        record = await there.recorded()
        assert (record["end_reason"], channel.went, channel.keys) == ("transferred", [("transfers", "6001")], "12")
        assert not channel.gone.is_set()


async def test_a_caller_of_whom_nothing_is_told_is_answered_all_the_same(tmp_path: Path) -> None:
    async with house(tmp_path, lookup_ms=20) as there:
        channel = await there.pbx.call("600", told="never")
        call = await there.only_call()
        assert (call["from"], call["to"], call["agent"]) == ("", "", "reception")
        await there.pbx.hang_up(channel)
        assert (await there.recorded())["end_reason"] == "caller_hung_up"


async def test_a_manager_interface_that_goes_does_not_end_calls(tmp_path: Path) -> None:
    async with house(tmp_path) as there:
        channel = await there.pbx.call("600")
        call = await there.only_call()
        await there.pbx.stop()
        await there.ask("POST", f"/calls/{call['id']}/transfer", to="6001", status=502)
        plug = channel.plug
        assert plug is not None
        heard = plug.heard
        await holds(lambda: plug.heard > heard + 20)
        await there.ask("POST", f"/calls/{call['id']}/hangup")
        await asyncio.wait_for(channel.gone.wait(), PATIENCE_S)


async def test_a_call_that_the_server_places(tmp_path: Path) -> None:
    async with house(tmp_path, machine_detection="off") as there:
        placed = await there.ask(
            "POST", "/calls", to="6005", carrier="asterisk", agent="sales", variables={"name": "Ann"}
        )
        assert await there.followed(placed, "answered") == ["queued", "ringing", "answered"]
        await there.only_call()
        await there.ask("POST", f"/calls/{placed['id']}/transfer", to="6001")
        assert await there.followed(placed) == ["queued", "ringing", "answered", "ended"]
        record = await there.recorded()
        assert (record["call_id"], record["direction"], record["agent"]) == (placed["id"], "outbound", "sales")
        assert record["end_reason"] == "transferred"


@pytest.mark.parametrize(("callee", "state"), [("busy", "busy"), ("congestion", "failed"), ("silent", "no_answer")])
async def test_a_call_that_nobody_takes(callee: str, state: str, tmp_path: Path) -> None:
    async with house(tmp_path) as there:
        there.pbx.callees["6005"] = Callee(callee)
        placed = await there.ask("POST", "/calls", to="6005", carrier="asterisk", ring_timeout_s=5)
        assert (await there.followed(placed))[-1] == state


async def test_hanging_up_while_it_rings(tmp_path: Path) -> None:
    async with house(tmp_path) as there:
        there.pbx.callees["6005"] = Callee("silent")
        placed = await there.ask("POST", "/calls", to="6005")
        await there.followed(placed, "ringing")
        await there.ask("POST", f"/calls/{placed['id']}/hangup")
        assert (await there.followed(placed))[-1] == "failed"
        assert there.pbx.channels == {}
