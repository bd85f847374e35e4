"""The agent on the real local models, phoned through the doubles of Vobiz, Plivo and Twilio."""

import subprocess
from pathlib import Path

import orjson
import pytest

from offhook.simulator.clouds.media_stream import CARRIERS
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = pytest.mark.models
SCENARIO = Path(__file__).parents[2] / "examples" / "scenarios" / "barge_in.toml"


def test_an_agent_is_interrupted_on_every_carrier(tmp_path: Path) -> None:
    with running_server(tmp_path, "") as server:
        url = f"http://127.0.0.1:{server.http_port}"
        calls = [
            subprocess.Popen(
                [*OFFHOOK, "simulate", str(SCENARIO), "--carrier", carrier, "--server", url, "--json"],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for carrier in CARRIERS
        ]
        told = [call.communicate(timeout=300) for call in calls]
        server.stop()
        assert "Traceback" not in server.output
        records = server.records()
    for out, problem in told:
        [report] = orjson.loads(out or b"[{}]")
        assert report, problem.decode()
        # Times are limited, too; a noisy machine may be late and must not fail for that.
        failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
        assert not failed, problem.decode()
        assert report["ended_by"] == "agent"
    assert sorted(record["carrier"] for record in records) == sorted(CARRIERS)
    assert {record["end_reason"] for record in records} == {"agent_hung_up"}
