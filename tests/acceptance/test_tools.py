"""A tool in Python that takes its time: the caller hears a filler and then the answer, in both engines."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.config import Settings
from offhook.providers.models import locate
from offhook.providers.vad.silero import SileroVad
from offhook.simulator.clouds.ears import model_ears
from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from offhook.simulator.clouds.openai_realtime import RealtimeDouble
from offhook.simulator.equipment import Equipment, local_recognizer
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

CODE = '''
import asyncio
from datetime import date

from offhook import Agent, ToolContext

agent = Agent()


@agent.tool(filler="Let me look at the diary.")
async def look_up(day: date, context: ToolContext) -> dict[str, str]:
    """Look up the free time of a day."""
    await asyncio.sleep(1.5)
    return {"free": "10:00", "weekday": day.strftime("%A"), "call": context.call_id}
'''
PIPELINE = """
[agents.reception]
greeting = "Hello, this is the workshop."
code = "agent.py"
llm = ["double"]
[llm.double]
kind = "openai"
base_url = "{url}"
model = "double"
"""
REALTIME = """
[agents.reception]
greeting = "Hello, this is the workshop."
code = "agent.py"
engine = "realtime"
realtime = ["double"]
realtime_fallback = {fallback}
[realtime.double]
stall_ms = 10000
kind = "openai"
base_url = "{url}"
"""
SCENARIO = """
title = "A question that takes a while"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "When can I come on Tuesday?"
[[steps]]
wait_for_agent = "finish"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "Thank you, goodbye."
[[steps]]
expect_hangup = true
[expect]
ended_by = "agent"
"""


def workshop(request: ChatRequest) -> ChatReply:
    """A model that looks everything up without a word."""
    asked = max(place for place, message in enumerate(request.messages) if message["role"] == "user")
    if any(message["role"] == "tool" for message in request.messages[asked:]):
        return ChatReply("You can come on Tuesday at ten o'clock.")
    if "bye" in str(request.messages[asked]["content"]).lower():
        return ChatReply("Goodbye, and thank you.", (ScriptedCall("end_call", {"reason": "goodbye"}),))
    return ChatReply(tool_calls=(ScriptedCall("look_up", {"day": "2026-03-03"}),))


async def phoned(serve: Callable[[], Any], folder: Path, settings: str) -> dict[str, Any]:
    """The record of one simulated call."""
    (folder / "agent.py").write_text(CODE)
    (folder / "scenario.toml").write_text(SCENARIO)

    def call(url: str) -> dict[str, Any]:
        with running_server(folder, settings.replace("{url}", url)) as server:
            command = [*OFFHOOK, "simulate", "scenario.toml", "--port", str(server.port), "--json"]
            ran = subprocess.run(command, cwd=folder, env=server.environ, capture_output=True, timeout=200, check=False)
            server.stop()
            assert "Traceback" not in server.output, server.output
            [record] = server.records()
            assert record["end_reason"] == "agent_hung_up", (ran.stderr.decode(), record)
            return dict(record)

    async with serve() as url:
        return await asyncio.to_thread(call, url)


def check(record: dict[str, Any]) -> None:
    turns = record["turns"]
    said = [turn["text"] for turn in turns if turn["event"] == "AgentSaid"]
    assert said[:3] == [
        "Hello, this is the workshop.",
        "Let me look at the diary.",
        "You can come on Tuesday at ten o'clock.",
    ], turns
    called = next(turn for turn in turns if turn["event"] == "ToolCalled")
    assert (called["name"], called["error"]) == ("look_up", ""), called
    result = orjson.loads(called["result"])
    assert result == {"free": "10:00", "weekday": "Tuesday", "call": record["call_id"]}
    assert [turn for turn in turns if turn["event"] == "CallTrouble"] == []


async def test_in_the_pipeline(tmp_path: Path) -> None:
    check(await phoned(ChatDouble(workshop).serve, tmp_path, PIPELINE))


@pytest.mark.parametrize("fallback", [True, False], ids=["voice beside the session", "session alone"])
async def test_beside_a_session(tmp_path: Path, equipment: Equipment, fallback: bool) -> None:
    settings = Settings()
    ears = model_ears(SileroVad(locate("silero", settings) / "silero_vad.onnx"), local_recognizer(settings))
    double = RealtimeDouble(ears, brain=workshop, voice=equipment.synthesizer)
    check(await phoned(double.serve, tmp_path, REALTIME.replace("{fallback}", str(fallback).lower())))
