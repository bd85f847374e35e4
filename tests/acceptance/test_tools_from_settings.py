"""A caller asks, and tools that the settings describe answer: a customer's HTTP server, and an MCP server."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from offhook.simulator.clouds.openai_chat import ChatDouble, ChatReply, ChatRequest, ScriptedCall
from tests.acceptance.running import OFFHOOK, running_server
from tests.toolkits.conftest import serving
from tests.toolkits.shops import SCRIPT

pytestmark = pytest.mark.models

TOKEN = "token-of-the-crm"
SETTINGS = """
[server]
log_level = "debug"
[agents.reception]
llm = ["ours"]
tools = ["order_number", "shop", "end_call"]
[llm.ours]
kind = "openai"
base_url = "{chat}"
model = "double"
[tools.order_number]
description = "The number of the caller's last order."
url = "{crm}/customers/{{who}}/orders"
query = {{ call = "{{call.id}}" }}
headers = {{ Authorization = "Bearer {{env.CRM_TOKEN}}" }}
result = "/orders/0"
[tools.order_number.parameters]
who = {{ type = "string", description = "the caller's name", required = true }}
[mcp.shop]
command = '{python}'
args = ['{script}', "stdio"]
tools = ["order.status"]
"""
SCENARIO = """
title = "Where is my order?"
[[steps]]
wait_for_agent = "finish"
[[steps]]
say = "Hello, this is Tom Baker. Where is my order?"
[[steps]]
wait_for_agent = "finish"
agent_says = "on its way"
[[steps]]
say = "Thank you, goodbye."
[[steps]]
expect_hangup = true
[expect]
ended_by = "agent"
"""


def clerk(request: ChatRequest) -> ChatReply:
    """A model that looks up the number of an order first, and then where it is."""
    last = request.messages[-1]
    if last["role"] == "tool":
        told = orjson.loads(last["content"])
        if isinstance(told, dict) and "number" in told:
            return ChatReply(tool_calls=(ScriptedCall("order_status", {"number": told["number"]}),))
        return ChatReply(f"{told} ")
    if "bye" in request.last_text.lower():
        return ChatReply("Goodbye, and thank you.", tool_calls=(ScriptedCall("end_call", {"reason": "goodbye"}),))
    return ChatReply("One moment.", tool_calls=(ScriptedCall("order_number", {"who": "Tom/Baker"}),))


class Crm:
    """The customer's server, which keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.raw_path.partition("?")[0], request.query["call"], request.headers["Authorization"]))
        return web.json_response({"orders": [{"number": "4711"}, {"number": "0815"}]})


async def test_two_tools_answer_one_question(tmp_path: Path) -> None:
    crm, double = Crm(), ChatDouble(clerk)
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    (tmp_path / ".env").write_text(f"CRM_TOKEN={TOKEN}\n")

    def call(settings: str) -> tuple[Any, list[dict[str, Any]]]:
        with running_server(tmp_path, settings) as server:
            command = [*OFFHOOK, "simulate", "scenario.toml", "--port", str(server.port), "--json"]
            ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200, check=False)
            assert server.stop() == 0
            assert "Traceback" not in server.output
            assert TOKEN not in server.output
            return ran, server.records()

    async with double.serve() as chat, serving(crm.answer) as url:
        settings = SETTINGS.format(chat=chat, crm=url, python=sys.executable, script=SCRIPT)
        ran, [record] = await asyncio.to_thread(call, settings)
    assert ran.returncode == 0, ran.stderr.decode()
    assert crm.asked == [("/customers/Tom%2FBaker/orders", record["call_id"], f"Bearer {TOKEN}")]
    called = [entry for entry in record["turns"] if entry["event"] == "ToolCalled"]
    assert [(entry["name"], entry["error"]) for entry in called] == [
        ("order_number", ""),
        ("order_status", ""),
        ("end_call", ""),
    ]
    heard = " ".join(entry["heard"] for entry in record["turns"] if entry["event"] == "AgentSaid")
    assert "Order 4711 is on its way." in heard
    offered = {tool["function"]["name"] for tool in double.requests[0].body["tools"]}
    assert offered == {"order_number", "order_status", "end_call"}
    assert TOKEN not in str([request.body for request in double.requests])
