import tomllib
from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.errors import ConfigError
from offhook.simulator.audiosocket import Address
from offhook.simulator.bench import measuring, realtime, running
from offhook.simulator.bench.child import bench_settings
from offhook.simulator.bench.realtime import surroundings
from offhook.simulator.bench.running import Plan, run_bench
from offhook.simulator.clouds.media_stream import Account


def test_the_settings_of_the_server_name_two_agents_and_no_pipeline(tmp_path: Path) -> None:
    around = surroundings("vobiz", Account("MA", "secret"), "http://127.0.0.1:1", "http://127.0.0.1:2/v1")
    text = bench_settings(
        9000, 9001, tmp_path, engine="realtime", max_calls=5, vad=True, recording=False, tables=around.tables
    )
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.realtime_settings("openai").base_url == "http://127.0.0.1:2/v1"
    answering = {number: settings.agent_for("vobiz", number) for number in realtime.NUMBERS.values()}
    assert answering == {number: agent for agent, number in realtime.NUMBERS.items()}
    assert not settings.agents["realtime"].uses_pipeline
    assert settings.agents["loopback"].measure_vad
    assert around.environment["VOBIZ_AUTH_TOKEN"] == "secret"


async def test_a_running_server_cannot_have_a_double_behind_it() -> None:
    with pytest.raises(ConfigError, match="server of their own"):
        await run_bench(Plan((1,), 1.0, Address(), "realtime", pid=1), Settings())


@pytest.mark.models
async def test_what_a_session_adds_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "IDLE_S", 0.1)
    monkeypatch.setattr(measuring, "SETTLE_S", 0.3)
    report = await run_bench(Plan((2,), 1.0, Address(), "realtime"), Settings())
    assert [step.agent for step in report.steps] == ["loopback", "realtime"]
    frames = report.steps[1].frames
    assert frames is not None
    assert frames.lost == 0
    assert frames.way_in is not None
    assert frames.way_out is not None
    # In pieces of two frames, one of which waits for the other.
    assert frames.way_in.p50 >= 5
    assert frames.round_trip is not None
