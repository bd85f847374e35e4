import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from offhook.config_files import load_settings
from offhook.simulator import commands
from offhook.simulator.bench.cloud_figures import AddedFigures, CloudFigures
from offhook.simulator.bench.figures import LoadFigures, Spread
from offhook.simulator.bench.measuring import BenchReport, Conditions, Idle, Step
from offhook.simulator.bench.process import Memory
from offhook.simulator.bench.running import Plan
from tests.simulator.agent_double import AgentDouble, Said
from tests.simulator.background import entered_in_background, in_background
from tests.simulator.clouds.media_stream.agent import serving as answering
from tests.simulator.clouds.media_stream.talking import talking

QUICK = """title = "Nobody speaks [much]"
steps = [{ wait_for_agent = "finish", agent_says = "hello", reply_within_ms = 10 }, { hang_up = true }]
"""


def run(command: Callable[..., None], *arguments: str | Path | int) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")


def scenario(folder: Path, text: str) -> Path:
    (folder / "quick.toml").write_text(text)
    return folder / "quick.toml"


def test_a_call_that_went_well(tmp_path: Path) -> None:
    file = scenario(tmp_path, 'title = "t"\nsteps = [{ wait_for_agent = "finish" }, { hang_up = true }]')
    with in_background(AgentDouble([Said(400, 0.2)], hangs_up=False)) as port:
        result = run(commands.simulate, file, "--port", port, "--no-transcribe", "--wav", "recordings", "-v")
    assert result.exit_code == 0, result.output
    assert "agent   (speaks for 0.2 s)" in result.output
    assert "passed: 0 checks" in result.output
    assert (tmp_path / "recordings" / "quick.wav").stat().st_size > 1000


def test_a_call_that_did_not(tmp_path: Path) -> None:
    with in_background(AgentDouble([Said(400, 0.2)], hangs_up=False)) as port:
        result = run(commands.simulate, scenario(tmp_path, QUICK), "--port", port, "--no-transcribe")
    assert result.exit_code == 1
    assert "Nobody speaks [much]" in result.output
    assert 'unknown step 1: the agent says "hello"' in result.output
    assert "failed step 1: the agent replies within 10 ms" in result.output


def test_json_is_all_that_is_on_stdout(tmp_path: Path) -> None:
    with in_background(AgentDouble([Said(400, 0.2)], hangs_up=False)) as port:
        result = run(commands.simulate, scenario(tmp_path, QUICK), "--port", port, "--no-transcribe", "--json")
    (report,) = orjson.loads(result.stdout)
    assert report["passed"] is False
    assert report["ended_by"] == "caller"


def test_several_calls_have_a_total(tmp_path: Path) -> None:
    file = scenario(tmp_path, 'title = "t"\nsteps = [{ silence_s = 0.2 }]')
    with in_background(AgentDouble([Said(400, 0.2)], hangs_up=False)) as port:
        result = run(commands.simulate, file, "--port", port, "--no-transcribe", "--calls", 2)
    assert result.exit_code == 0, result.output
    assert "reply p50" in result.output


def test_a_call_through_a_carrier(tmp_path: Path) -> None:
    file = scenario(tmp_path, 'title = "t"\nsteps = [{ wait_for_agent = "finish" }, { hang_up = true }]')
    agent = talking(AgentDouble([Said(400, 0.2)], hangs_up=False), "plivo")
    with entered_in_background(answering(agent)):
        result = run(commands.simulate, file, "--carrier", "plivo", "--server", agent.url, "--no-transcribe", "-v")
    assert result.exit_code == 0, result.output
    assert "the agent keeps to the protocol" in result.output
    assert agent.events("/plivo/answer") == ["StartApp", "Hangup"]


def test_options_of_carriers_need_a_carrier(tmp_path: Path) -> None:
    result = run(commands.simulate, scenario(tmp_path, QUICK), "--server", "http://127.0.0.1:9", "--no-transcribe")
    assert result.exit_code == 2
    assert "belong to --carrier" in result.output


def test_nobody_answers(tmp_path: Path) -> None:
    with in_background(AgentDouble([])) as port:
        pass
    result = run(commands.simulate, scenario(tmp_path, QUICK), "--port", port, "--no-transcribe")
    assert result.exit_code == 2
    assert "Is `offhook serve` running?" in result.output


def test_a_wrong_scenario(tmp_path: Path) -> None:
    result = run(commands.simulate, scenario(tmp_path, 'title = "t"\nsteps = [{ sya = "x" }]'))
    assert result.exit_code == 2
    assert "quick.toml:2" in result.output
    assert 'did you mean "say"?' in result.output


def report(problem: str = "") -> BenchReport:
    made = Conditions("a cpu", 2, 0.1, "Linux", "3.11", "0.1.0", "0.22", "2026-01-01", {"engine": "loopback"})
    idle = Idle(1.0, Memory(70, 50), 0.5)
    load = LoadFigures(0.5, 1.0, 10.0, 0, problem)
    return BenchReport(made, idle, [Step(8, 10.0, 3.0, 0.25, Memory(71, 51), 0.1, load=load, problem=problem)])


def test_bench_prints_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(*_: object) -> BenchReport:
        return report()

    monkeypatch.setattr(commands, "run_bench", measured)
    result = run(commands.bench, "--calls", "8", "--json", "bench.json")
    assert result.exit_code == 0, result.output
    assert "0.25" in result.output
    assert orjson.loads((tmp_path / "bench.json").read_bytes())["steps"][0]["calls"] == 8


def test_bench_writes_to_stdout_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(*_: object) -> BenchReport:
        return report()

    monkeypatch.setattr(commands, "run_bench", measured)
    result = run(commands.bench, "--json", "-")
    assert orjson.loads(result.stdout)["idle"]["start_s"] == 0.5


def test_bench_says_what_is_not_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    async def measured(*_: object) -> BenchReport:
        return report("the load itself was late")

    monkeypatch.setattr(commands, "run_bench", measured)
    result = run(commands.bench)
    assert result.exit_code == 1
    assert "not valid: the load itself was late" in result.output.replace("\n", " ")


def test_bench_prints_what_callers_of_cloud_providers_met_with(monkeypatch: pytest.MonkeyPatch) -> None:
    times = Spread(11.5, 12.5, 13.5, 14.5)
    added = AddedFigures(100, times, times, times, times)
    cloud = CloudFigures("plivo", 30, times, times, 100, added, times, 30, None, 32, times, 0, 0)

    async def measured(plan: Plan, *_: object) -> BenchReport:
        assert (plan.engine, plan.carrier, plan.calls) == ("cloud", "plivo", (8,))
        made = report()
        made.steps[0] = replace(made.steps[0], agent="talks", cloud=cloud)
        return made

    monkeypatch.setattr(commands, "run_bench", measured)
    result = run(commands.bench, "--engine", "cloud", "--carrier", "plivo", "--calls", "8")
    assert result.exit_code == 0, result.output
    rows = {line.strip()[:15]: line.split() for line in result.output.splitlines()}
    assert rows["8 calls by pliv"][4:] == ["of", "p50", "p95", "p99", "max", "ms"]
    assert rows["added to a turn"][-5:] == ["100", "11.5", "12.5", "13.5", "14.5"]
    assert rows["interruption to"][-5] == "32"
    assert "begun early" not in result.output
    assert "talks" in result.output


@pytest.mark.parametrize("calls", ["", "0", "1,x", "-1"])
def test_numbers_of_calls_that_are_none(calls: str) -> None:
    result = run(commands.bench, "--calls", calls)
    assert result.exit_code == 2
    assert "for example: --calls 1,8,32,100" in result.output


def test_a_process_that_is_not_there() -> None:
    result = run(commands.bench, "--pid", "4194305")
    assert result.exit_code == 2
    assert "there is no process 4194305" in result.output


@pytest.mark.models
def test_the_doubles_stand_until_they_are_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "offhook", "doubles", "--carrier", "vobiz"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        told = [process.stderr.readline(), *iter(process.stderr.readline, "Ctrl-C ends the doubles.\n")]
    finally:
        process.terminate()
        settings, _ = process.communicate(timeout=60)
    (tmp_path / "offhook.toml").write_text(settings)
    (tmp_path / ".env").write_text("".join(told[1:]))
    read = load_settings(tmp_path / "offhook.toml", environ={})
    assert "Put this into offhook.toml" in told[0]
    assert (read.vobiz.from_number, read.server.public_url) == ("+15550199", "http://127.0.0.1:8000")
    assert read.vobiz.api_url
    assert read.keys.vobiz_auth_token is not None
    assert read.agents["reception"].stt == ("deepgram", "whisper")
    assert {read.stt_settings("deepgram").base_url, read.tts_settings("elevenlabs").base_url}.isdisjoint({""})
    assert process.returncode == 0
