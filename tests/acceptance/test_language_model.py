"""The same receptionist on a language model: its tools, its voice, its recordings; and a model that goes away."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, Refuse, ScriptedCall
from tests.acceptance.running import OFFHOOK, running_server

pytestmark = pytest.mark.models

SETTINGS = """
[agents.reception]
llm = ["ours"]
[llm.ours]
kind = "openai"
base_url = "{url}"
model = "double"
"""
SCENARIO = """
title = "A message for a language model"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "Please tell them that Tom Baker called about his kitchen tap."
[[steps]]
wait_for_agent = "finish"
agent_says = "message"
[[steps]]
say = "Thank you, goodbye."
[[steps]]
expect_hangup = true
[expect]
ended_by = "agent"
"""
MESSAGE = {"name": "Tom Baker", "number": "4155550123", "reason": "kitchen tap"}


def roles(request: ChatRequest) -> list[str]:
    return [message["role"] for message in request.body["messages"]]


def receptionist(request: ChatRequest) -> ChatReply:
    """A model that takes a message when it hears of one and ends the call when it hears goodbye."""
    last = request.body["messages"][-1]
    if last["role"] == "tool":
        return ChatReply("I have taken the message. ")
    if "bye" in last["content"].lower():
        return ChatReply("Goodbye, and thank you.", tool_calls=(ScriptedCall("end_call", {"reason": "goodbye"}),))
    return ChatReply("One moment.", tool_calls=(ScriptedCall("take_message", MESSAGE),))


async def phoned(double: ChatDouble, folder: Path, settings: str = SETTINGS) -> tuple[Any, list[dict[str, Any]]]:
    (folder / "scenario.toml").write_text(SCENARIO)

    def call(url: str) -> tuple[Any, list[dict[str, Any]]]:
        with running_server(folder, settings.format(url=url)) as server:
            command = [*OFFHOOK, "simulate", "scenario.toml", "--port", str(server.port), "--json"]
            ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=200, check=False)
            server.stop()
            assert "Traceback" not in server.output
            return ran, server.records()

    async with double.serve() as url:
        return await asyncio.to_thread(call, url)


async def test_a_language_model_takes_a_message_and_hangs_up(tmp_path: Path) -> None:
    double = ChatDouble(receptionist)
    ran, [record] = await phoned(double, tmp_path)
    assert ran.returncode == 0, ran.stderr.decode()
    [message] = [orjson.loads(line) for line in (tmp_path / "var" / "messages.jsonl").read_bytes().splitlines()]
    assert MESSAGE.items() <= message.items()
    assert [turn["name"] for turn in record["turns"] if turn["event"] == "ToolCalled"] == ["take_message", "end_call"]
    assert record["end_reason"] == "agent_hung_up"
    first = double.requests[0]
    assert roles(first)[:2] == ["system", "assistant"]
    assert "Ace Plumbing" in first.body["messages"][0]["content"]
    assert {tool["function"]["name"] for tool in first.body["tools"]} >= {
        "take_message",
        "book_appointment",
        "end_call",
    }


async def test_a_model_that_fails_once_is_excused(tmp_path: Path) -> None:
    failed: list[bool] = []

    def rule(request: ChatRequest) -> ChatReply:
        if not failed:
            failed.append(True)
            return ChatReply(fault=Refuse(500))
        return receptionist(request)

    ran, [record] = await phoned(ChatDouble(rule), tmp_path)
    said = " ".join(turn["heard"] for turn in record["turns"] if turn["event"] == "AgentSaid")
    assert "something went wrong" in said
    assert [turn["what"] for turn in record["turns"] if turn["event"] == "CallTrouble"] == ["reply"]
    assert record["end_reason"] == "agent_hung_up", ran.stderr.decode()


async def test_a_model_that_is_gone_is_replaced_by_the_script(tmp_path: Path) -> None:
    served = 0

    def rule(request: ChatRequest) -> ChatReply:
        nonlocal served
        served += 1
        return ChatReply(fault=Refuse(503))

    ran, [record] = await phoned(ChatDouble(rule), tmp_path, SETTINGS.replace('["ours"]', '["ours", "flow"]'))
    assert record["end_reason"] == "agent_hung_up", ran.stderr.decode()
    assert served >= 1
    assert "something went wrong" not in str(record["turns"])
    assert {turn["what"] for turn in record["turns"] if turn["event"] == "CallTrouble"} == {"reply"}
    heard = " ".join(turn["heard"] for turn in record["turns"] if turn["event"] == "AgentSaid")
    assert "message" in heard
