"""Whole calls on the real local models by Asterisk's WebSocket channel, judged by what its queue really played."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from offhook.audio.files import read_wav
from offhook.simulator.asterisk_calls import WebSocketExchange
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import load_scenario, parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.acceptance.running import OFFHOOK, RunningServer, running_server

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"
SECRET = "the-media-secret"
MOST_OFF_MS = 60
"""How far what the record says was heard may be from what was played: frames at both ends, and the fade."""

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, "", {"ASTERISK_MEDIA_SECRET": SECRET}) as server:
        yield server
        assert server.stop() == 0
        assert "Traceback" not in server.output


def exchange(server: RunningServer, **options: Any) -> WebSocketExchange:
    return WebSocketExchange(f"ws://127.0.0.1:{server.http_port}/asterisk/media", SECRET, **options)


def failed(report: CallReport) -> list[str]:
    """What was not as expected. Times are limited, too; a noisy machine may be late and must not fail for that."""
    return [check.what for check in report.checks if not check.passed and not check.detail.endswith("ms")]


async def record_of(server: RunningServer, call_id: str) -> Any:
    async with asyncio.timeout(30):
        while True:
            found = [record for record in server.records() if record["carrier_call_id"] == call_id]
            if found and found[0].get("end_reason"):
                return found[0]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("is_json", [True, False])
async def test_an_interrupted_agent_knows_what_was_played(
    server: RunningServer, equipment: Equipment, is_json: bool
) -> None:
    there = exchange(server, is_json=is_json, variables={"__OFFHOOK_FROM": "+15550100", "__OFFHOOK_TO": "600"})
    (report,) = await run_scenario(load_scenario(SCENARIOS / "barge_in.toml"), there, equipment)
    assert not failed(report), report.summary
    assert report.ended_by == "agent"
    (circuit,) = there.circuits
    queue = circuit.queue
    assert queue.lost == []
    assert queue.flushes
    assert queue.longest <= 25
    if not is_json:
        return
    record = await record_of(server, circuit.call_id)
    assert (record["carrier"], record["from_number"], record["end_reason"]) == (
        "asterisk",
        "+15550100",
        "agent_hung_up",
    )
    assert record["audio_format"] == "mulaw 8000 Hz"
    assert record["counters"]["marks_given_up"] == 0
    check_heard(record, queue.flushes[0].played)


def check_heard(record: Any, played: int) -> None:
    """Of the interrupted line as much was heard as was played behind what had been said before, up to the flush."""
    said = [turn for turn in record["turns"] if turn["event"] == "AgentSaid"]
    (cut,) = [turn for turn in said if turn["interrupted"]]
    (barge_in,) = [turn for turn in record["turns"] if turn["event"] == "BargeIn"]
    before = [turn for turn in said if turn["end_ms"] <= cut["start_ms"]]
    heard_ms = sum(turn["end_ms"] - turn["start_ms"] for turn in before) + barge_in["heard_ms"]
    assert abs(heard_ms - played * 20) <= MOST_OFF_MS
    assert cut["text"].startswith(cut["heard"])
    assert 0 < len(cut["heard"]) < len(cut["text"])
    wav = read_wav(Path(record["recording"]))
    part = wav.samples[cut["start_ms"] * wav.rate // 1000 : cut["end_ms"] * wav.rate // 1000, 1]
    assert np.abs(part).max() > 1_000


async def test_keys_at_16_khz(server: RunningServer, equipment: Equipment) -> None:
    text = (SCENARIOS / "keypad.toml").read_text().replace("steps = [", 'line.format = "slin16"\nsteps = [', 1)
    there = exchange(server)
    (report,) = await run_scenario(parse_scenario(text), there, equipment)
    assert not failed(report), report.summary
    assert (await record_of(server, there.circuits[0].call_id))["audio_format"] == "pcm16 16000 Hz"


async def test_a_caller_hangs_up(server: RunningServer, equipment: Equipment) -> None:
    there = exchange(server)
    steps = 'title = "t"\nsteps = [{ wait_for_agent = "begin" }, { hang_up = true }]'
    (report,) = await run_scenario(parse_scenario(steps), there, equipment)
    assert report.ended_by == "caller"
    record = await record_of(server, there.circuits[0].call_id)
    assert record["end_reason"] == "caller_hung_up"


async def test_a_scenario_from_the_command_line(server: RunningServer) -> None:
    command = [*OFFHOOK, "simulate", str(SCENARIOS / "barge_in.toml"), "--carrier", "asterisk", "--json"]
    url = ["--server", f"http://127.0.0.1:{server.http_port}"]
    ran = await asyncio.create_subprocess_exec(
        *command, *url, cwd=server.folder, env=server.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    told, problem = await asyncio.wait_for(ran.communicate(), 300)
    assert ran.returncode in {0, 1}, problem.decode()
    [report] = orjson.loads(told)
    assert report["checks"][-1]["what"] == "the agent keeps to the protocol"
    assert report["checks"][-1]["passed"], problem.decode()
