"""Calls that the server places, at the doubles of all three carriers, from the request to the last webhook."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from offhook.config import CarrierName, Settings
from offhook.server.app import Server
from offhook.simulator.clouds.media_stream import CARRIERS, Callee, CarrierCloud, answering_machine, answers, busy

TOKEN_NAMES = {
    "vobiz": ("vobiz_auth_id", "vobiz_auth_token"),
    "plivo": ("plivo_auth_id", "plivo_auth_token"),
    "twilio": ("twilio_account_sid", "twilio_auth_token"),
}
PATIENCE_S = 60


class House:
    """A server on free ports with an account at one cloud, and its API."""

    def __init__(self, server: Server, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session
        self._url = f"http://127.0.0.1:{server.http_port}"

    async def ask(self, method: str, path: str, **body: object) -> Any:
        async with self._session.request(method, f"{self._url}/v1{path}", json=body) as response:
            told = await response.json()
            assert response.status < 400, told
            return told

    async def followed(self, call: Any, until: str = "") -> list[str]:
        """The states of a call to its end, or until one of them."""
        async with asyncio.timeout(PATIENCE_S):
            while not call["over"] and call["state"] != until:
                call = await self.ask("GET", f"/calls/{call['id']}?wait_s=10&seen={len(call['history'])}")
        return [step["state"] for step in call["history"]]


@asynccontextmanager
async def house(cloud: CarrierCloud, carrier: CarrierName, folder: Path) -> AsyncIterator[House]:
    id_name, token_name = TOKEN_NAMES[carrier]
    settings = Settings.model_validate(
        {
            "server": {"http_port": 0, "data_dir": folder, "public_url": ""},
            "audiosocket": {"enabled": False},
            "agents": {"reception": {"engine": "loopback"}},
            "keys": {
                id_name: cloud.account.id,
                token_name: cloud.account.token,
                "from_number": "+15550199",
                "api_key": "key",
            },
            carrier: {"api_url": cloud.api_url, "signatures": "required"},
        }
    )
    async with (
        Server(settings).running() as server,
        aiohttp.ClientSession(headers={"Authorization": "Bearer key"}) as session,
    ):
        server.addresses.public_url = f"http://127.0.0.1:{server.http_port}"
        yield House(server, session)


@asynccontextmanager
async def calling(carrier: CarrierName, folder: Path, callee: Callee) -> AsyncIterator[tuple[House, CarrierCloud]]:
    async with CarrierCloud(carrier) as cloud, house(cloud, carrier, folder) as there:
        cloud.everybody(callee)
        yield there, cloud


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_call_that_is_answered_and_ended_by_the_other_side(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, answers(0.3, stays_s=2.5)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+1 555 0100")
        states = await there.followed(placed)
        [call] = cloud.calls.values()
        assert (states[:3], states[-1]) == (["queued", "ringing", "answered"], "ended")
        assert set(states[3:-1]) <= {"human"}
        assert call.id == placed["carrier_call_id"]
        assert call.violations == []
    [record] = (tmp_path / "calls").glob("*.json")
    assert placed["id"] in record.name


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_call_that_is_busy(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, busy(0.2)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+15550100")
        assert (await there.followed(placed))[-1] == "busy"
        assert [call.violations for call in cloud.calls.values()] == [[]]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_hanging_up_while_it_rings(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, answers(30)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+15550100")
        await there.followed(placed, "ringing")
        await there.ask("POST", f"/calls/{placed['id']}/hangup")
        [call] = cloud.calls.values()
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
        assert (await there.followed(placed))[-1] == "failed"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_call_that_is_transferred(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, answers(0.2)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+15550100")
        await there.followed(placed, "answered")
        await until_up(there)
        cloud.callees["15550123"] = answers(0.2, stays_s=0.5)
        await there.ask("POST", f"/calls/{placed['id']}/transfer", to="+15550123")
        [call] = cloud.calls.values()
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
        assert [(each.number, each.status) for each in call.log.transfers] == [("+15550123", "answered")]
        assert [each.caller_id for each in call.log.transfers] == ["+15550199"]
        assert call.violations == []
        assert (await there.followed(placed))[-1] == "ended"
    [record] = (tmp_path / "calls").glob("*.json")
    assert '"end_reason": "transferred"' in record.read_text()


@pytest.mark.parametrize("carrier", ["vobiz", "plivo"])
async def test_keys_and_a_recording(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, answers(0.2)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+15550100")
        await there.followed(placed, "answered")
        await until_up(there)
        await there.ask("POST", f"/calls/{placed['id']}/dtmf", digits="12#")
        assert (await there.ask("POST", f"/calls/{placed['id']}/record"))["recording"]
        [call] = cloud.calls.values()
        assert (call.log.keys, call.violations) == ("12#", [])
        await over(there, placed, cloud)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_the_carriers_verdict_on_a_machine(carrier: CarrierName, tmp_path: Path) -> None:
    async with calling(carrier, tmp_path, answering_machine(0.2, greeting_s=2)) as (there, cloud):
        placed = await there.ask("POST", "/calls", to="+15550100")
        assert "machine" in await there.followed(placed, "machine")
        await over(there, placed, cloud)


async def until_up(there: House) -> None:
    """Wait for the media socket, which comes a moment after the answer."""
    async with asyncio.timeout(PATIENCE_S):
        while there.server.switchboard is None or not there.server.switchboard.calls:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def over(there: House, placed: Any, cloud: CarrierCloud) -> None:
    """End the call before its server goes, or the cloud would tell the end to nobody for seconds."""
    await there.ask("POST", f"/calls/{placed['id']}/hangup")
    for call in cloud.calls.values():
        await asyncio.wait_for(call.ended.wait(), PATIENCE_S)
