"""The receptionist as a session at the double of Gemini: talked with and interrupted; and when its connection breaks in
the middle of an answer, the next vendor goes on."""

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
from offhook.simulator.clouds.gemini_live import GeminiDouble
from offhook.simulator.clouds.lines import Fault
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut
from offhook.simulator.equipment import local_recognizer, local_voice
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = pytest.mark.models

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"
SETTINGS = """
[agents.reception]
engine = "realtime"
realtime = ["gemini", "openai"]
realtime_fallback = false
[realtime.gemini]
base_url = "{gemini}"
[realtime.openai]
stall_ms = 10000
base_url = "{openai}"
"""


@dataclass(frozen=True)
class Vendors:
    """The two doubles, and where they are."""

    gemini: GeminiDouble
    openai: RealtimeDouble
    settings: str


@asynccontextmanager
async def vendors(faults: Iterable[Fault | None] = ()) -> AsyncIterator[Vendors]:
    settings = Settings()
    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
        brain = flow_brain(load_flow(None), load_facts(None))
        # In real time as the original does it: a turn is over when its sound may have been heard.
        gemini = GeminiDouble(ears, brain=brain, voice=voice, playback=0.9, faults=faults)
        openai = RealtimeDouble(ears, brain=brain, voice=voice)
        gemini_url = await stack.enter_async_context(gemini.serve())
        openai_url = await stack.enter_async_context(openai.serve())
        yield Vendors(gemini, openai, SETTINGS.format(gemini=gemini_url, openai=openai_url))


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


def sessions_used(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [used for used in record["usage"] if used["stage"] == "realtime"]


async def test_a_session_is_interrupted_and_hangs_up(tmp_path: Path) -> None:
    async with vendors() as there:
        report, record = await phoned(there, tmp_path, SCENARIOS / "barge_in.toml")
    # Times are limited, too; a noisy machine may be late and must not fail for that.
    failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
    assert not failed, (failed, record["turns"])
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up")
    assert of(record, "CallTrouble") == []
    [cut] = [said for said in of(record, "AgentSaid") if said["interrupted"]]
    assert cut["text"].startswith(cut["heard"])
    assert 0 < len(cut["heard"]) < len(cut["text"])
    [used] = sessions_used(record)
    assert (used["provider"], used["model"]) == ("gemini", "gemini-3.8-live")
    assert used["used"]["audio_out"] > 0


async def test_the_next_vendor_goes_on_when_the_session_dies(tmp_path: Path) -> None:
    # Behind the greeting, in the middle of the first answer.
    async with vendors([Cut(90)]) as there:
        report, record = await phoned(there, tmp_path, SCENARIOS / "facts.toml")
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    assert {trouble["what"] for trouble in of(record, "CallTrouble")} == {"session"}
    greetings = [said for said in of(record, "AgentSaid") if "thanks for calling" in said["text"].lower()]
    assert len(greetings) == 1
    assert {used["provider"] for used in sessions_used(record)} == {"gemini", "openai"}
