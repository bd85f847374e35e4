"""The receptionist as one speech-to-speech session at the double of OpenAI: talked with, interrupted, hung up on, and
replaced by the pipeline when the session dies."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from offhook.audio.files import read_wav
from offhook.audio.resample import resample
from offhook.config import Settings
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.models import locate
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.flow_brain import flow_brain
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.clouds.serving import Refuse
from offhook.simulator.equipment import local_recognizer, local_voice
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = pytest.mark.models

SCENARIOS = Path(__file__).parents[2] / "examples" / "scenarios"
SETTINGS = """
[agents.reception]
engine = "realtime"
realtime = ["double"]
[realtime.double]
kind = "openai"
base_url = "{url}"
# The double hears with a model of its own, on a machine that may be busy.
stall_ms = 10000
"""
Rule = Callable[[ChatRequest], ChatReply]


@asynccontextmanager
async def double(rule: Rule) -> AsyncIterator[RealtimeDouble]:
    settings = Settings()
    async with AsyncExitStack() as stack:
        voice = local_voice(stack)
        vad = SileroVad(locate("silero", settings) / "silero_vad.onnx")
        yield RealtimeDouble(model_ears(vad, local_recognizer(settings)), brain=rule, voice=voice)


async def phoned(cloud: RealtimeDouble, folder: Path, scenario: Path, *carrier: str) -> tuple[Any, dict[str, Any]]:
    """The report of one simulated call, and the record of the server."""

    def call(url: str) -> tuple[Any, dict[str, Any]]:
        with running_server(folder, SETTINGS.format(url=url)) as server:
            where = ["--server", f"http://127.0.0.1:{server.http_port}"] if carrier else ["--port", str(server.port)]
            command = [*OFFHOOK, "simulate", str(scenario), *carrier, *where, "--json"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
            server.stop()
            assert "Traceback" not in server.output, server.output
            [report] = orjson.loads(ran.stdout or b"[{}]")
            [record] = server.records()
            assert report, ran.stderr.decode()
            return report, record

    async with cloud.serve() as url:
        return await asyncio.to_thread(call, url)


def of(record: dict[str, Any], event: str) -> list[dict[str, Any]]:
    return [turn for turn in record["turns"] if turn["event"] == event]


async def recorded(record: dict[str, Any], said: dict[str, Any]) -> str:
    """What the recording has of an utterance of the agent, as a recogniser understands it."""
    wav = read_wav(Path(record["recording"]))
    begin, end = (said[name] * wav.rate // 1000 for name in ("start_ms", "end_ms"))
    pcm = resample(wav.samples[begin:end, 1].tobytes(), wav.rate, 16_000)
    audio = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
    return (await local_recognizer(Settings()).transcribe(audio)).text


def words(text: str) -> list[str]:
    """The words of a text, with prices as they are spoken."""
    return re.findall(r"[a-z0-9']+", re.sub(r"\$(\d+)( dollars)?", r"\1 dollars", text.lower()))


@pytest.mark.parametrize(
    ("line", "carrier"),
    [("slin", ()), ("slin16", ()), ("slin", ("--carrier", "vobiz"))],
    ids=["audiosocket", "audiosocket16", "vobiz"],
)
async def test_a_session_is_interrupted_and_hangs_up(tmp_path: Path, line: str, carrier: tuple[str, ...]) -> None:
    scenario = tmp_path / "barge_in.toml"
    scenario.write_text((SCENARIOS / "barge_in.toml").read_text() + f'\n[line]\nformat = "{line}"\n')
    async with double(flow_brain(load_flow(None), load_facts(None))) as cloud:
        report, record = await phoned(cloud, tmp_path, scenario, *carrier)
        # Times are limited, too; a noisy machine may be late and must not fail for that.
        failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
        assert not failed, (failed, record["turns"])
        assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up")
        assert of(record, "CallTrouble") == []
        [barge_in] = of(record, "BargeIn")
        [cut] = [said for said in of(record, "AgentSaid") if said["interrupted"]]
        assert cut["text"].startswith(cut["heard"])
        assert 0 < len(cut["heard"]) < len(cut["text"])
        truncations = [event for line in cloud.lines for event in line.sent if event["type"].endswith(".truncated")]
        assert [event["audio_end_ms"] for event in truncations] == [barge_in["heard_ms"]]
        [kept] = [
            session.kept_text(event["item_id"])
            for event in truncations
            for session in cloud.sessions
            if event["item_id"] in {entry.id for entry in session.entries}
        ]
        assert cut["text"].startswith(kept)
        # The word at the cut may be heard, or not.
        sounding, believed = words(await recorded(record, cut)), words(kept)
        sure = min(len(sounding), len(believed))
        assert sounding[:sure] == believed[:sure], (sounding, believed)
        assert abs(len(sounding) - len(believed)) <= 1, (sounding, believed)
        media = "audio/pcm" if line == "slin16" else "audio/pcmu"
        assert cloud.sessions[-1].settings.input["format"]["type"] == media
        assert sum(line["used"].get("audio_out", 0) for line in record["usage"]) > 0


async def test_the_pipeline_takes_the_call_when_the_model_gives_no_answers(tmp_path: Path) -> None:
    flow = flow_brain(load_flow(None), load_facts(None))

    def rule(request: ChatRequest) -> ChatReply:
        if request.messages[-1]["role"] == "user":
            return ChatReply(fault=Refuse(429, "You are out of money.", "insufficient_quota", "insufficient_quota"))
        return flow(request)

    async with double(rule) as cloud:
        report, record = await phoned(cloud, tmp_path, SCENARIOS / "facts.toml")
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    assert {trouble["what"] for trouble in of(record, "CallTrouble")} == {"session"}
    greetings = [said for said in of(record, "AgentSaid") if "thanks for calling" in said["text"].lower()]
    assert len(greetings) == 1


async def test_a_session_that_dies_in_the_middle_is_followed_by_one_that_knows_all(tmp_path: Path) -> None:
    flow = flow_brain(load_flow(None), load_facts(None))
    clouds: list[RealtimeDouble] = []

    def rule(request: ChatRequest) -> ChatReply:
        if request.messages[-1]["role"] == "user" and len(clouds[0].sessions) == 2:
            # The first one was the check at the start.
            clouds[0].lines[-1].drop()
        return flow(request)

    async with double(rule) as cloud:
        clouds.append(cloud)
        report, record = await phoned(cloud, tmp_path, SCENARIOS / "facts.toml")
        assert len(cloud.sessions) == 3
    assert (report["ended_by"], record["end_reason"]) == ("agent", "agent_hung_up"), record["turns"]
    [trouble] = of(record, "CallTrouble")
    assert trouble["what"] == "session"
    greetings = [said for said in of(record, "AgentSaid") if "thanks for calling" in said["text"].lower()]
    assert len(greetings) == 1
    failed = [check for check in report["checks"] if not (check["passed"] or check["detail"].endswith("ms"))]
    assert not failed, (failed, record["turns"])
