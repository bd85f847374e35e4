"""Callers divided among the variants of an experiment: phoned through a carrier's double, reported by the command."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.simulator.clouds.media_stream import Account, CarrierCloud
from tests.acceptance.running import OFFHOOK, RunningServer, running_server
from tests.acceptance.town import until

pytestmark = pytest.mark.models

PUBLIC = "https://agent.example.com"
ACCOUNT = Account("MA_0123456789", "token-0123456789")
WITHIN_S = 90
ANN, BOB = "+14155550140", "+14155550141"
SETTINGS = f"""
[server]
public_url = "{PUBLIC}"

[vobiz]
signatures = "required"

[limits]
calls_per_caller = 2
caller_line = ""

[agents.reception]
greeting = "Hello."

[experiments.tone]
agent = "reception"

[experiments.tone.variants.control]

[experiments.tone.variants.calm]
greeting = "Good day."
"""


async def greeted(server: RunningServer, cloud: CarrierCloud, number: str) -> dict[str, Any]:
    """Somebody calls, listens to the greeting and hangs up: the record of the call."""
    own = f"{PUBLIC}/vobiz"
    call = cloud.phone_in(f"{own}/answer", hangup_url=f"{own}/hangup", from_=number)
    await until(lambda: call.ended.is_set() or said(found(server, call.id)), f"a greeting for {number}")
    assert not call.ended.is_set(), call.ending
    await call.hang_up()
    await until(lambda: found(server, call.id).get("end_reason"), f"the end of the call of {number}")
    return found(server, call.id)


def found(server: RunningServer, carrier_call_id: str) -> dict[str, Any]:
    """What is on record of a call so far; nothing at first."""
    return next((each for each in server.records() if each["carrier_call_id"] == carrier_call_id), {})


def said(record: dict[str, Any]) -> list[str]:
    return [entry["heard"] for entry in record.get("turns", ()) if entry["event"] == "AgentSaid"]


async def phoned(server: RunningServer) -> tuple[list[dict[str, Any]], str]:
    """What becomes of two callers who each call twice, and of one who calls a third time."""
    reach = {PUBLIC: f"http://127.0.0.1:{server.http_port}"}
    async with asyncio.timeout(WITHIN_S), CarrierCloud("vobiz", account=ACCOUNT, reach=reach) as cloud:
        records = [await greeted(server, cloud, number) for number in (ANN, BOB, BOB, ANN)]
        third = cloud.phone_in(f"{PUBLIC}/vobiz/answer", from_=ANN)
        await third.ended.wait()
        assert third.phone.streams == []
        return records, third.log.documents[-1].decode()


def reported(folder: Path, *options: str) -> str:
    command = [*OFFHOOK, "experiments", "--config", str(folder / "offhook.toml"), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


async def test_callers_get_their_variant_each_time_and_the_report_tells_of_both(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"VOBIZ_AUTH_TOKEN={ACCOUNT.token}\n")
    with running_server(tmp_path, SETTINGS) as server:
        records, refusal = await phoned(server)
        assert server.stop() == 0
        assert "Traceback" not in server.output
    assert [said(record) for record in records] == [["Good day."], ["Hello."], ["Hello."], ["Good day."]]
    assert [record["variant"] for record in records] == ["calm", "control", "control", "calm"]
    assert {(record["agent"], record["experiment"]) for record in records} == {("reception", "tone")}
    assert "Hangup" in refusal
    assert len(server.records()) == 4
    [tone] = orjson.loads(reported(tmp_path, "tone", "--json"))["experiments"]
    assert (tone["control"], tone["calls"]) == ("control", {"control": 2, "calm": 2})
    text = " ".join(reported(tmp_path).split())
    assert "calm: too few calls to tell it from control (2 against 2)" in text
