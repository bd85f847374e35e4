import tomllib
from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.simulator.bench.child import bench_settings
from offhook.simulator.bench.cloud_server import EARLY, LOOPBACK, TALKS, surroundings
from offhook.simulator.bench.instant import ProviderUrls
from offhook.simulator.clouds.media_stream import CARRIERS, Account, Carrier

URLS = ProviderUrls("http://127.0.0.1:1", "http://127.0.0.1:2/v1", "http://127.0.0.1:3")


def settings(carrier: Carrier, folder: Path, *, vad: bool = False) -> Settings:
    around = surroundings(carrier, Account("id", "token"), "http://127.0.0.1:4/api", URLS, vad=vad)
    text = bench_settings(
        9000, 9001, folder, engine="cloud", max_calls=9, vad=vad, recording=False, tables=around.tables
    )
    return Settings.model_validate(tomllib.loads(text))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_agent_is_chosen_by_the_number(carrier: Carrier, tmp_path: Path) -> None:
    made = settings(carrier, tmp_path)
    assert [made.agent_for(carrier, number) for number in (TALKS, EARLY, LOOPBACK)] == ["talks", "early", "loopback"]
    assert not made.agents["talks"].turns.early_reply
    assert made.agents["early"].turns.early_reply
    assert made.carrier(carrier).api_url == "http://127.0.0.1:4/api"
    assert made.carrier(carrier).signatures == "required"


def test_the_providers_are_the_doubles(tmp_path: Path) -> None:
    made = settings("plivo", tmp_path)
    for name in ("talks", "early"):
        agent = made.agents[name]
        assert made.stt_settings(agent.stt[0]).base_url == URLS.deepgram
        assert made.llm_settings(agent.llm[0]).base_url == URLS.openai
        assert made.tts_settings(agent.tts[0]).base_url == URLS.elevenlabs


@pytest.mark.parametrize("vad", [True, False])
def test_voices_are_detected_for_the_loopback_agent_if_wanted(tmp_path: Path, vad: bool) -> None:
    agent = settings("vobiz", tmp_path, vad=vad).agents["loopback"]
    assert (agent.engine, agent.measure_vad) == ("loopback", vad)


def test_the_account_goes_by_the_environment_alone() -> None:
    around = surroundings("twilio", Account("the-id", "the-token"), "http://127.0.0.1:4", URLS, vad=False)
    assert around.environment["TWILIO_ACCOUNT_SID"] == "the-id"
    assert around.environment["TWILIO_AUTH_TOKEN"] == "the-token"
    assert "the-" not in around.tables
