"""A scenario against an agent double with no socket and no clock: a call of a minute takes a moment."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from offhook.simulator.clips import render
from offhook.simulator.ear import Utterance
from offhook.simulator.judging import conversation, interruptions, judge, turns
from offhook.simulator.phone import Phone
from offhook.simulator.reports import CallReport, Timing
from offhook.simulator.scenario import Scenario
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.script import Script
from tests.simulator.agent_double import AgentDouble
from tests.simulator.voices import ToneReader, ToneVoice

LIMIT = 50 * 120


@dataclass
class Rehearsal:
    phone: Phone
    script: Script
    report: CallReport

    def outcome(self, what: str) -> bool | None:
        return next(check.passed for check in self.report.checks if what in check.what)


def rehearse(text: str, agent: AgentDouble, words: Mapping[float, str] | None = None) -> Rehearsal:
    """Play the scenario in `text`; with `words`, agent tones are written down at once."""
    scenario = parse_scenario(text)
    reader = ToneReader(dict(words or {}))

    def write_down(said: Utterance) -> None:
        if words is not None:
            said.text = reader.read(phone.ear.track.between(said.begin, said.end).astype("f4"), phone.rate)

    phone = Phone(scenario, write_down)
    clips = asyncio.run(render(scenario, ToneVoice()))
    script = Script(scenario, clips, phone, knows_words=words is not None)
    steps = script.run()
    for _ in range(LIMIT):
        if next(steps, "over") == "over":
            break
        _tick(phone, agent)
    return Rehearsal(phone, script, _report(scenario, phone, script, knows_words=words is not None))


def _tick(phone: Phone, agent: AgentDouble) -> None:
    keys, frame = phone.tick()
    for digit in keys:
        agent.press(digit)
    if frame is not None:
        phone.hear(agent.answer(frame), phone.now)
    if agent.hung_up:
        phone.end("agent")


def _report(scenario: Scenario, phone: Phone, script: Script, *, knows_words: bool) -> CallReport:
    lines = conversation(phone, script.lines)
    report = CallReport(
        scenario.name,
        scenario.title,
        1,
        "",
        phone.ended_by,
        phone.ms(phone.ended_at),
        lines,
        turns(phone, script.lines),
        interruptions(script.notes),
        Timing.of([], 0, 0.0),
    )
    report.checks = judge(scenario, script.notes, report, knows_words=knows_words)
    return report
