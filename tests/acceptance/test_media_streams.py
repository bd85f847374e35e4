"""Whole inbound calls by Vobiz, Plivo and Twilio, with real speech: on local models, and on doubles of the vendors."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from offhook.simulator.clouds.media_stream import CARRIERS, Carrier
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.acceptance.conftest import NUMBERS
from tests.acceptance.town import THEIRS, Line, Town, entries
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


CLOUDY: dict[str, Carrier] = {"nova": "vobiz", "flux": "vobiz", "openai": "twilio"}
"""Agents on the vendors' doubles, and who brings their calls."""


@dataclass(frozen=True)
class Asked:
    """A scenario that goes on."""

    line: Line
    report: "asyncio.Task[CallReport]"

    async def record(self) -> dict[str, Any]:
        """The call's record, when the scenario has ended as it should."""
        report = await self.report
        assert report.passed, f"{self.line}: {report.summary}"
        (call,) = self.line.calls
        await asyncio.wait_for(call.ended.wait(), 30)
        assert all(webhook.acknowledged for webhook in call.courier.sent)
        assert call.phone.streams[0].worst_queued_ms <= 1_500
        record = await self.line.town.record_of(call)
        assert (record["carrier"], record["direction"]) == (self.line.carrier, "inbound")
        assert (record["from_number"], record["to_number"]) == (THEIRS, self.line.number)
        assert "hours" in entries(record, "CallerSaid")[0]["text"].lower()
        assert record["end_reason"] == "agent_hung_up"
        return record


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calls(town: Town, equipment: Equipment) -> AsyncIterator[dict[str, Asked]]:
    """All at the same time: one by each carrier to local models, and one for each agent on the doubles."""

    def asked(line: Line, answer: str) -> Asked:
        async def report() -> CallReport:
            (report,) = await run_scenario(parse_scenario(QUESTION.format(answer=answer)), line, equipment)
            return report

        return Asked(line, asyncio.create_task(report()))

    local: dict[str, Asked] = {carrier: asked(Line(town, carrier), "monday") for carrier in CARRIERS}
    cloudy = {agent: asked(Line(town, carrier, NUMBERS[agent]), "nine") for agent, carrier in CLOUDY.items()}
    yield {**local, **cloudy}
    await asyncio.gather(*(each.report for each in (*local.values(), *cloudy.values())), return_exceptions=True)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_an_agent_on_local_models(calls: dict[str, Asked], carrier: Carrier) -> None:
    assert (await calls[carrier].record())["agent"] == "reception"


@pytest.mark.parametrize("agent", CLOUDY)
async def test_an_agent_on_the_vendors_apis(calls: dict[str, Asked], agent: str) -> None:
    record = await calls[agent].record()
    assert record["agent"] == agent
    assert not entries(record, "CallTrouble")


async def test_the_vendors_get_the_carriers_own_sound(calls: dict[str, Asked], vendors: Vendors) -> None:
    for agent in CLOUDY:
        await calls[agent].report
    models = {dict(line.query)["model"]: dict(line.query) for line in vendors.deepgram.lines}
    assert set(models) == {"nova-3", "flux-general-en"}
    assert {query["encoding"] for query in models.values()} == {"mulaw"}
    assert "ulaw_8000" in {socket.query["output_format"] for socket in vendors.elevenlabs.sockets}
    assert vendors.speech.requests
    assert any(line.audio or line.texts for line in vendors.realtime.lines)
