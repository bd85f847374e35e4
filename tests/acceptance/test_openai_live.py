"""The receptionist as a session at the double of GPT-Live, which listens while it speaks: talked with, asked for what
takes a tool, and interrupted; and when its connection breaks, the next vendor goes on."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.config import Settings
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.models import locate
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.lines import Fault
from offhook.simulator.clouds.openai_live import LiveDouble
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut
from offhook.simulator.equipment import local_recognizer, local_voice
from tests.acceptance.running import OFFHOOK, running_server
from tests.simulator.clouds.live_types import client_events, server_events

pytestmark = pytest.mark.models

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"
SETTINGS = """
[agents.reception]
engine = "realtime"
realtime = ["openai-live", "openai"]
realtime_fallback = false
[realtime.openai-live]
base_url = "{live}"
[realtime.openai]
base_url = "{openai}"
"""


@dataclass(frozen=True)
class Vendors:
    """The two doubles, and where they are."""

    live: LiveDouble
    openai: RealtimeDouble
    settings: str


@asynccontextmanager
async def vendors(faults: Iterable[Fault | None] = ()) -> AsyncIterator[Vendors]:
    settings = Settings()
    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
        brain = flow_brain(load_flow(None), load_facts(None))
        live = LiveDouble(ears, brain=brain, voice=voice, faults=faults)
        openai = RealtimeDouble(ears, brain=brain, voice=voice)
        live_url = await stack.enter_async_context(live.serve())
        openai_url = await stack.enter_async_context(openai.serve())
        yield Vendors(live, openai, SETTINGS.format(live=live_url, openai=openai_url))


async def phoned(there: Vendors, folder: Path, scenario: Path) -> tuple[Any, dict[str, Any]]:
    """The report of one simulated call, and the record of the server."""

    def call() -> tuple[Any, dict[str, Any]]:
        with running_server(folder, there.settings) as server:
            command = [*OFFHOOK, "simulate", str(scenario), "--port", str(server.port), "--json"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
            server.stop()
            assert "Traceback" not in server.output, server.output
            [report] = orjson.loads(ran.stdout or b"[{}]")
            [record] = server.records()
            assert report, ran.stderr.decode()
            return report, record

    return await asyncio.to_thread(call)


def of(record: dict[str, Any], event: str) -> list[dict[str, Any]]:
    return [turn for turn in record["turns"] if turn["event"] == event]


async def test_a_session_is_interrupted_and_hangs_up(tmp_path: Path) -> None:
    async with vendors() as there:
        report, record = await phoned(there, tmp_path, SCENARIOS / "barge_in.toml")
    # Times are limited, too; a noisy machine may be late and must not fail for that.
    failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
    assert not failed, (failed, record["turns"])
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    assert of(record, "CallTrouble") == []
    assert [call["name"] for call in of(record, "ToolCalled")][-1:] == ["end_call"]
    assert of(record, "TurnMeasured")
    [used] = [each["used"] for each in record["usage"] if each["stage"] == "realtime"]
    assert used["seconds"] > 10
    for line in there.live.lines:
        client_events(line.texts)
        server_events(line.sent)


async def test_the_next_vendor_goes_on_when_the_session_dies(tmp_path: Path) -> None:
    # Behind the greeting, about half a minute into the call: ten pieces of sound a second.
    async with vendors([Cut(150)]) as there:
        report, record = await phoned(there, tmp_path, SCENARIOS / "facts.toml")
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    assert {trouble["what"] for trouble in of(record, "CallTrouble")} == {"session"}
    greetings = [said for said in of(record, "AgentSaid") if "thanks for calling" in said["text"].lower()]
    assert len(greetings) == 1
    assert {each["provider"] for each in record["usage"]} >= {"openai-live", "openai"}
