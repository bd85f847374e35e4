import asyncio
from pathlib import Path

import numpy as np
import pytest

from offhook.audio.files import read_wav
from offhook.errors import CallError, ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.caller import Progress
from offhook.simulator.equipment import Equipment
from offhook.simulator.reports import CallReport
from offhook.simulator.scenario_files import parse_scenario
from offhook.simulator.simulation import run_scenario
from tests.simulator.agent_double import AgentDouble, Said, serving
from tests.simulator.voices import ToneReader, ToneVoice

WORDS: dict[float, str] = {400: "Hello.", 800: "Goodbye."}
SCENARIO = """
title = "Two lines"
steps = [
    { wait_for_agent = "finish", agent_says = "hello" },
    { say = "Bye." },
    { wait_for_agent = "finish", agent_says = "goodbye", reply_within_ms = 1000 },
    { expect_hangup = true },
]
"""


async def call(agent: AgentDouble, text: str = SCENARIO, **options: object) -> CallReport:
    equipment = Equipment(ToneVoice(), ToneReader(WORDS).text)
    async with serving(agent) as port:
        reports = await run_scenario(parse_scenario(text), Address(port=port), equipment, speedup=10, **options)  # type: ignore[arg-type]
    return reports[0]


def double() -> AgentDouble:
    return AgentDouble([Said(400, 0.6), Said(800, 0.6)])


async def test_a_call_over_a_real_socket() -> None:
    report = await call(double())
    assert report.passed, report.summary
    assert [line.text for line in report.lines] == ["Hello.", "Bye.", "Goodbye."]
    assert report.ended_by == "agent"
    assert report.timing.frames > 100


async def test_the_recording_has_both_sides_on_one_timeline(tmp_path: Path) -> None:
    report = await call(double(), wav_dir=tmp_path)
    assert report.wav == tmp_path / "Two lines.wav"
    wav = read_wav(report.wav)
    assert (wav.rate, wav.channels) == (8_000, 2)
    for speaker, side in (("caller", 0), ("agent", 1)):
        lines = [line for line in report.lines if line.speaker == speaker]
        heard = np.flatnonzero(np.abs(wav.samples[:, side].astype(int)) > 200) / 8
        assert heard[0] == pytest.approx(lines[0].begin_ms, abs=3)
        assert heard[-1] == pytest.approx(lines[-1].end_ms, abs=3)


async def test_the_conversation_is_told_as_it_happens() -> None:
    told: list[tuple[str, str]] = []

    def note(progress: Progress) -> None:
        if progress.settled:
            told.append((progress.line.speaker, progress.line.text))

    await call(double(), watch=note)
    assert told == [
        ("agent", "Hello."),
        ("caller", "Bye."),
        ("agent", "Goodbye."),
    ]


async def test_the_caller_hangs_up_with_an_end_of_file() -> None:
    report = await call(
        AgentDouble([Said(400)], hangs_up=False), 'title = "t"\nsteps = [{ silence_s = 0.5 }, { hang_up = true }]'
    )
    assert report.ended_by == "caller"
    assert report.passed


async def test_a_call_without_end_is_given_up() -> None:
    text = 'title = "t"\nmax_duration_s = 1\nsteps = [{ silence_s = 30 }]'
    report = await call(AgentDouble([Said(400)], hangs_up=False), text)
    assert report.summary == "the call could be made: not over after 1 s (max_duration_s)"


async def test_several_calls_at_once() -> None:
    agents = [AgentDouble([Said(400, 0.4)], hangs_up=False)]
    text = 'title = "t"\nsteps = [{ silence_s = 1 }]'
    async with serving(agents[0]) as port:
        reports = await run_scenario(parse_scenario(text), Address(port=port), Equipment(), calls=3, speedup=10)
    assert [report.call for report in reports] == [1, 2, 3]
    assert len({report.call_id for report in reports}) == 3


async def test_nobody_answers() -> None:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(CallError, match="Is `offhook serve` running"):
        await run_scenario(parse_scenario(SCENARIO), Address(port=port), Equipment(ToneVoice()), calls=2)


async def test_a_peer_that_speaks_another_protocol() -> None:
    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(attend, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reports = await run_scenario(parse_scenario(SCENARIO), Address(port=port), Equipment(ToneVoice()), speedup=10)
    assert "the connection broke" in reports[0].summary


async def test_a_file_that_is_missing_is_told_before_the_call() -> None:
    text = 'title = "t"\nsteps = [{ play = "no.wav" }]'
    with pytest.raises(ConfigError, match=r"cannot play no\.wav"):
        await run_scenario(parse_scenario(text), Address(port=1), Equipment())
