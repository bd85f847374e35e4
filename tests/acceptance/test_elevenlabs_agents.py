"""The receptionist as an agent at the double of ElevenLabs: asked, interrupted, hung up by our own tool; and when its
conversation dies in the middle of an answer, the next vendor goes on."""

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
from offhook.config.tools import BUILTIN_TOOLS
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.models import locate
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.elevenlabs_agent import VendorAgent
from offhook.simulator.clouds.elevenlabs_agents import AgentsDouble
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.lines import Fault
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Cut
from offhook.simulator.equipment import local_recognizer, local_voice
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = pytest.mark.models

SETTINGS = """
[agents.reception]
engine = "realtime"
realtime = ["elevenlabs", "openai"]
realtime_fallback = false
[realtime.elevenlabs]
base_url = "{agents}"
agent_id = "agent_1"
# The double hears with a model of its own, on a machine that may be busy.
stall_ms = 10000
[realtime.openai]
base_url = "{openai}"
stall_ms = 10000
"""
TALK = """
title = "A caller asks, interrupts and hangs up"
steps = [
    { wait_for_agent = "finish", agent_says = "thanks for calling" },
    { say = "How much does a visit cost?" },
    { interrupt = "Sorry, where are you located?", after_ms = 2000 },
    { wait_for_agent = "finish", agent_says = "Maple Street" },
    { say = "Thank you, goodbye." },
    { expect_hangup = true },
]
[expect]
ended_by = "agent"
"""
QUESTIONS = """
title = "A caller asks twice"
steps = [
    { wait_for_agent = "finish", agent_says = "thanks for calling" },
    { say = "How much does a visit cost?" },
    { wait_for_agent = "finish", timeout_s = 40 },
    { say = "Where are you located?" },
    { wait_for_agent = "finish", agent_says = "Maple Street", timeout_s = 40 },
    { say = "Thank you, goodbye." },
    { expect_hangup = true },
]
[expect]
ended_by = "agent"
"""


@dataclass(frozen=True)
class Vendors:
    """The two doubles, and the settings with their addresses."""

    agents: AgentsDouble
    openai: RealtimeDouble
    settings: str


@asynccontextmanager
async def vendors(faults: Iterable[Fault | None] = ()) -> AsyncIterator[Vendors]:
    settings = Settings()
    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
        brain = flow_brain(load_flow(None), load_facts(None))
        agent = VendorAgent(tools=BUILTIN_TOOLS, hears="ulaw_8000", speaks="pcm_16000")
        # In real time as the original does it: the agent speaks until its sound may have been heard.
        agents = AgentsDouble(
            ears, brain=brain, voice=voice, agents={"agent_1": agent}, playback=0.9, faults=faults, api_key="right"
        )
        openai = RealtimeDouble(ears, brain=brain, voice=voice)
        agents_url = await stack.enter_async_context(agents.serve())
        openai_url = await stack.enter_async_context(openai.serve())
        yield Vendors(agents, openai, SETTINGS.format(agents=agents_url, openai=openai_url))


async def phoned(there: Vendors, folder: Path, scenario: str) -> tuple[Any, dict[str, Any]]:
    """The report of one simulated call, and the record of the server."""
    (folder / "talk.toml").write_text(scenario)
    (folder / ".env").write_text("ELEVENLABS_API_KEY=right\n")

    def call() -> tuple[Any, dict[str, Any]]:
        with running_server(folder, there.settings) as server:
            command = [*OFFHOOK, "simulate", "talk.toml", "--port", str(server.port), "--json"]
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


async def test_an_agent_is_asked_and_interrupted_and_hangs_up_by_our_tool(tmp_path: Path) -> None:
    async with vendors() as there:
        report, record = await phoned(there, tmp_path, TALK)
    failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
    assert not failed, (failed, record["turns"])
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up")
    assert of(record, "CallTrouble") == []
    assert [ran["name"] for ran in of(record, "ToolCalled")] == ["end_call"]
    [cut] = [said for said in of(record, "AgentSaid") if said["interrupted"]]
    assert cut["heard"]
    [line] = there.agents.lines
    assert "thanks for calling" in line.texts[0]["conversation_config_override"]["agent"]["first_message"].lower()
    assert len([message for message in line.texts if "user_audio_chunk" in message]) > 100
    assert there.agents.conversations[0].pongs


async def test_the_next_vendor_goes_on_when_the_conversation_dies(tmp_path: Path) -> None:
    # Behind the greeting, in the middle of the first answer.
    async with vendors([Cut(70)]) as there:
        report, record = await phoned(there, tmp_path, QUESTIONS)
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    assert {trouble["what"] for trouble in of(record, "CallTrouble")} == {"session"}
    greetings = [said for said in of(record, "AgentSaid") if "thanks for calling" in said["text"].lower()]
    assert len(greetings) == 1
    used = {line["provider"]: line["used"] for line in record["usage"] if line["stage"] == "realtime"}
    assert set(used) == {"elevenlabs", "openai"}
    assert used["elevenlabs"]["seconds"] > 3
