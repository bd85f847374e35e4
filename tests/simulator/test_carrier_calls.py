"""Scenarios through the carriers' doubles: the same caller, the same report."""

import numpy as np
import pytest

from offhook.audio.g711 import mulaw_decode, mulaw_encode
from offhook.errors import CallError
from offhook.simulator.carrier_calls import CarrierCircuit, CarrierExchange
from offhook.simulator.clouds.media_stream import CARRIERS, Carrier, CarrierCloud, RealTime
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.simulator.agent_double import AgentDouble, Said
from tests.simulator.clouds.media_stream.agent import Agent, Line, answer, serving
from tests.simulator.clouds.media_stream.talking import talking
from tests.simulator.voices import ToneReader, ToneVoice

SPEEDUP = 4.0
WORDS: dict[float, str] = {400: "Hello.", 800: "Goodbye."}
SCENARIO = """
title = "Two lines"
steps = [
    {{ wait_for_agent = "finish", agent_says = "hello" }},
    {{ dtmf = "12" }},
    {{ say = "Bye." }},
    {{ wait_for_agent = "finish", agent_says = "goodbye", reply_within_ms = 1500 }},
    {{ expect_hangup = true }},
]
line.format = "{format}"
"""


async def called(agent: Agent, carrier: Carrier, scenario: str) -> CallReport:
    equipment = Equipment(ToneVoice(), ToneReader(WORDS).text)
    async with serving(agent), CarrierCloud(carrier, clock=RealTime(SPEEDUP)) as cloud:
        exchange = CarrierExchange(cloud, f"{agent.url}/{carrier}/answer")
        (report,) = await run_scenario(parse_scenario(scenario), exchange, equipment, speedup=SPEEDUP)
    return report


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_scenario_on_every_carrier(carrier: Carrier) -> None:
    double = AgentDouble([Said(400, 0.6), Said(800, 0.6)])
    report = await called(talking(double, carrier), carrier, SCENARIO.format(format="slin"))
    assert report.passed, report.summary
    assert [line.text for line in report.lines] == ["Hello.", "(keys 12)", "Bye.", "Goodbye."]
    assert report.ended_by == "agent"
    assert double.keys == "12"
    assert report.checks[-1].what == "the agent keeps to the protocol"


async def test_a_wideband_phone_is_narrow_on_a_carrier() -> None:
    double = AgentDouble([Said(400, 0.6), Said(800, 0.6)])
    report = await called(talking(double, "vobiz"), "vobiz", SCENARIO.format(format="slin16"))
    assert report.passed, report.summary


async def test_the_caller_hangs_up() -> None:
    agent = talking(AgentDouble([Said(400, 0.3)], hangs_up=False), "vobiz")
    report = await called(agent, "vobiz", 'title = "t"\nsteps = [{ silence_s = 0.5 }, { hang_up = true }]')
    assert report.ended_by == "caller"
    assert report.passed, report.summary
    assert agent.events("/vobiz/answer") == ["StartApp", "Hangup"]


async def test_what_the_carrier_would_refuse_fails_the_scenario() -> None:
    async def talk(line: Line) -> None:
        await line.until("start")
        await line.send("clearAudio")
        await line.to_the_end()

    agent = Agent(talk, {"/plivo/answer": answer("plivo")})
    report = await called(agent, "plivo", 'title = "t"\nsteps = [{ silence_s = 0.5 }]')
    assert report.summary == "the agent keeps to the protocol: clearAudio has the streamId None"


async def test_a_document_that_is_none_is_told() -> None:
    report = await called(
        Agent(None, {"/vobiz/answer": "OK"}), "vobiz", 'title = "t"\nsteps = [{ wait_for_agent = "begin" }]'
    )
    assert "the call could be made: Invalid Answer XML (8011)" in report.summary
    assert "not well-formed" in report.summary


async def test_nobody_answers() -> None:
    with pytest.raises(CallError, match=r"gave 404.*Is `offhook serve` running"):
        await called(Agent(None, {"/vobiz/answer": 404}), "vobiz", 'title = "t"\nsteps = [{ silence_s = 1 }]')


async def test_a_telephone_network_carries_mulaw(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    pcm = np.arange(-16_000, 16_000, 200, dtype="<i2").tobytes()
    async with CarrierCloud("vobiz") as cloud:
        call = cloud.phone_in("http://127.0.0.1:9/answer", own_mouth=False)
        monkeypatch.setattr(call.phone, "speak", heard.append)
        CarrierCircuit(call, 8_000).send(pcm)
    assert heard == [mulaw_decode(mulaw_encode(pcm))]
