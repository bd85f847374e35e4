"""Whole inbound calls by Vobiz, Plivo and Twilio, with real speech: on local models, and on doubles of the vendors."""

import asyncio

import pytest

from offhook.simulator.clouds.media_stream import CARRIERS, Carrier
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.acceptance.conftest import NUMBERS
from tests.acceptance.town import OURS, THEIRS, Line, Town, entries
from tests.acceptance.vendors import Vendors

pytestmark = [pytest.mark.models, pytest.mark.asyncio(loop_scope="session")]

QUESTION = """
title = "A question"
steps = [
    {{ wait_for_agent = "finish" }},
    {{ say = "What are your opening hours?" }},
    {{ wait_for_agent = "finish", agent_says = "{answer}" }},
    {{ say = "Thank you, goodbye." }},
    {{ expect_hangup = true }},
]
expect.ended_by = "agent"
"""


async def asked(line: Line, equipment: Equipment, answer: str) -> CallReport:
    (report,) = await run_scenario(parse_scenario(QUESTION.format(answer=answer)), line, equipment)
    return report


async def test_a_scenario_on_all_three_carriers(town: Town, equipment: Equipment) -> None:
    lines = [Line(town, carrier) for carrier in CARRIERS]
    reports = await asyncio.gather(*(asked(line, equipment, "monday") for line in lines))
    for line, report in zip(lines, reports, strict=True):
        assert report.passed, f"{line.carrier}: {report.summary}"
        (call,) = line.calls
        await asyncio.wait_for(call.ended.wait(), 30)
        assert all(webhook.acknowledged for webhook in call.courier.sent)
        assert call.phone.streams[0].worst_queued_ms <= 450
        record = await town.record_of(call)
        assert (record["carrier"], record["direction"], record["agent"]) == (line.carrier, "inbound", "reception")
        assert (record["from_number"], record["to_number"]) == (THEIRS, OURS)
        assert record["end_reason"] == "agent_hung_up"
        assert "hours" in entries(record, "CallerSaid")[0]["text"]


async def test_agents_on_the_vendors_apis(town: Town, equipment: Equipment, vendors: Vendors) -> None:
    agents: dict[str, Carrier] = {"nova": "vobiz", "flux": "vobiz", "openai": "twilio"}
    lines = [Line(town, carrier, NUMBERS[agent]) for agent, carrier in agents.items()]
    reports = await asyncio.gather(*(asked(line, equipment, "nine") for line in lines))
    for agent, line, report in zip(agents, lines, reports, strict=True):
        assert report.passed, f"{agent}: {report.summary}"
        record = await town.record_of(line.calls[0])
        assert (record["agent"], record["end_reason"]) == (agent, "agent_hung_up")
        assert "hours" in entries(record, "CallerSaid")[0]["text"].lower()
        assert not entries(record, "CallTrouble")
    models = {dict(line.query)["model"]: dict(line.query) for line in vendors.deepgram.lines}
    assert set(models) == {"nova-3", "flux-general-en"}
    assert {query["encoding"] for query in models.values()} == {"mulaw"}
    assert "ulaw_8000" in {socket.query["output_format"] for socket in vendors.elevenlabs.sockets}
    assert vendors.speech.requests
    assert len(vendors.realtime.lines) == 1
