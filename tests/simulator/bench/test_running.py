import tomllib
from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench import measuring, running
from offhook.simulator.bench.child import bench_settings, own_server
from offhook.simulator.bench.cloud import Amounts
from offhook.simulator.bench.running import Plan, run_bench


@pytest.mark.parametrize("engine", ["loopback", "local"])
def test_the_settings_of_a_server_to_be_measured_are_right(tmp_path: Path, engine: str) -> None:
    text = bench_settings(9000, 9001, tmp_path, engine=engine, max_calls=33, vad=True, recording=False)
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.audiosocket.port == 9000
    assert settings.limits.max_calls == 33
    assert settings.recording.enabled is False
    assert list(settings.agents) == ["bench"]
    assert settings.agents["bench"].engine == ("loopback" if engine == "loopback" else "pipeline")


async def test_a_server_of_our_own_is_measured_from_start_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "IDLE_S", 0.5)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.2)
    told: list[str] = []
    report = await run_bench(Plan((1, 3), 1.0, Address()), Settings(), told.append)
    assert report.idle.start_s is not None
    assert report.idle.memory.rss_mb > 20
    assert [step.calls for step in report.steps] == [1, 3]
    for step in report.steps:
        assert step.frames is not None
        assert step.frames.sent == pytest.approx(50 * step.calls, abs=4 * step.calls)
        assert step.frames.lost == 0
        assert step.frames.round_trip is not None
        assert step.frames.way_in is not None
    assert told[1:] == ["1 calls for 1 s", "3 calls for 1 s"]


@pytest.mark.models
async def test_a_server_between_doubles_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "IDLE_S", 0.1)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.1)
    told: list[str] = []
    plan = Plan((2,), 1.0, Address(), "cloud", carrier="plivo", amounts=Amounts(3, 4, 2, 2))
    report = await run_bench(plan, Settings(), told.append)
    assert report.conditions.options["carrier"] == "plivo"
    talks, loopback = report.steps
    cloud = talks.cloud
    assert cloud is not None
    assert (cloud.greetings, cloud.turns, cloud.early_turns, cloud.interruptions) == (4, 4, 2, 2)
    assert (cloud.missed, cloud.violations) == (0, 0)
    assert cloud.added is not None
    assert cloud.added.turns == 4
    assert None not in (cloud.webhook, cloud.greeting, cloud.total, cloud.total_early, cloud.barge_in)
    assert loopback.agent == "loopback"
    assert loopback.frames is not None
    assert loopback.frames.lost == 0
    assert loopback.frames.way_in is not None
    assert told[1:] == [
        "2 calls: greetings",
        "2 calls: turns",
        "2 calls: interruptions",
        "2 calls: turns that are answered early",
        "2 calls: frames for 1 s",
    ]


async def test_doubles_of_providers_need_a_server_of_their_own() -> None:
    with pytest.raises(ConfigError, match="need a server of their own"):
        await run_bench(Plan((1,), 1.0, Address(), "cloud", pid=1), Settings())


async def test_a_server_that_does_not_start_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SERVER__LOG_LEVEL", "loud")
    with pytest.raises(ConfigError, match="the server ended with status"):
        async with own_server(engine="loopback", max_calls=1, vad=False, recording=False):
            pass


async def test_a_talking_agent_needs_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "IDLE_S", 0.1)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.1)
    async with own_server(engine="loopback", max_calls=1, vad=False, recording=False) as server:
        plan = Plan((1,), 1.0, server.address, "local", pid=server.pid)
        with pytest.raises(ConfigError, match="needs a scenario"):
            await run_bench(plan, Settings())


async def test_a_running_server_is_measured_with_a_scenario(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(running, "IDLE_S", 0.1)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.1)
    (tmp_path / "a.toml").write_text('title = "t"\nsteps = [{ cough = true, after_ms = 0, agent_resumes = false }]')
    async with own_server(engine="loopback", max_calls=4, vad=False, recording=False) as server:
        plan = Plan((2,), 1.0, server.address, "local", tmp_path / "a.toml", server.pid)
        report = await run_bench(plan, Settings())
    assert report.idle.start_s is None
    talk = report.steps[0].talk
    assert talk is not None
    assert talk.frames > 10
