from typing import Any

import pytest
from pydantic import ValidationError

from offhook.config import (
    AgentSettings,
    LlmSettings,
    RouteSettings,
    ServerSettings,
    Settings,
    SilenceSettings,
    SttSettings,
    TurnSettings,
)
from offhook.errors import ConfigError, SettingsError


def test_defaults_are_valid() -> None:
    settings = Settings()
    assert settings.agent_for("audiosocket") == "reception"
    assert (settings.server.http_port, settings.audiosocket.port) == (8000, 9093)


def test_the_first_route_that_fits_wins() -> None:
    settings = Settings(
        agents={"day": AgentSettings(), "night": AgentSettings()},
        routes=(RouteSettings(agent="night", carrier="browser"), RouteSettings(agent="day")),
    )
    assert [settings.agent_for(carrier) for carrier in ("browser", "audiosocket")] == ["night", "day"]


def test_what_is_not_set_follows_what_is() -> None:
    quick = TurnSettings(silence_ms=150, vad_threshold=0.2)
    assert (quick.speculate_ms, quick.unfinished_ms, quick.vad_stay) == (150, 1200, 0.2)
    assert TurnSettings(silence_ms=2000).unfinished_ms == 2000


def test_a_turn_may_not_be_over_before_it_may_be() -> None:
    with pytest.raises(ValidationError, match=r"0\.8 is above eot_threshold, which is 0\.7"):
        SttSettings(eager_eot_threshold=0.8)


@pytest.mark.parametrize(
    "turns",
    [
        {"silence_ms": 150, "speculate_ms": 200},
        {"vad_threshold": 0.2, "vad_stay": 0.3},
        {"silence_ms": 900, "unfinished_ms": 800},
    ],
)
def test_what_is_set_must_fit(turns: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TurnSettings.model_validate(turns)


@pytest.mark.parametrize("level", ["INFO", "Warning", "debug"])
def test_log_level_in_any_case(level: str) -> None:
    assert ServerSettings.model_validate({"log_level": level}).log_level == level.lower()


@pytest.mark.parametrize("server", [{"http_port": 9093}, {"health_port": 8000}, {"health_port": 9093}], ids=str)
def test_ports_must_differ(server: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"server": server})


def test_port_zero_may_be_used_twice() -> None:
    Settings.model_validate({"server": {"http_port": 0, "health_port": 0}, "audiosocket": {"port": 0}})


def test_keys_do_not_show_in_a_repr() -> None:
    llm = LlmSettings.model_validate({"base_url": "http://x", "model": "m", "api_key": "sk-hidden"})
    settings = Settings.model_validate({"keys": {"openai_api_key": "sk-hidden"}})
    assert "sk-hidden" not in repr(llm) + repr(settings) + str(settings) + settings.model_dump_json()


def test_several_errors_are_one_error_with_all_texts() -> None:
    both = SettingsError([ConfigError("first"), ConfigError("second", hint="do")])
    assert str(both) == "first\nsecond\n  do"
    assert len(both.errors) == 2


def test_a_provider_is_found_by_its_table_or_its_kind() -> None:
    settings = Settings.model_validate(
        {
            "stt": {"ears": {"kind": "deepgram", "model": "nova-2"}, "openai": {"model": "m"}},
            "llm": {"ours": {"kind": "openai", "api_key_env": "OURS", "api_key": "of ours"}},
            "keys": {"deepgram_api_key": "of deepgram", "openai_api_key": "of openai"},
        }
    )
    ears, openai, whisper = map(settings.stt_settings, ("ears", "openai", "whisper"))
    assert (ears.kind, ears.model, openai.kind, whisper.kind) == ("deepgram", "nova-2", "openai", "whisper")
    assert ears.api_key is not None
    assert ears.api_key.get_secret_value() == "of deepgram"
    assert whisper.api_key is None
    ours = settings.llm_settings("ours").api_key
    assert ours is not None
    assert ours.get_secret_value() == "of ours"
    assert settings.tts_settings("elevenlabs").kind == "elevenlabs"


def test_a_speech_to_speech_model_is_found_too() -> None:
    settings = Settings.model_validate({"realtime": {"quick": {"kind": "openai", "truncation": 0.8}}})
    quick, openai = map(settings.realtime_settings, ("quick", "openai"))
    assert (quick.kind, quick.truncation, openai.kind, openai.truncation) == ("openai", 0.8, "openai", "auto")
    with pytest.raises(ValidationError, match=r'"quick" is none of openai, .*, so its kind is needed'):
        Settings.model_validate({"realtime": {"quick": {}}})


@pytest.mark.parametrize(
    ("tables", "agent", "fits"),
    [
        ({"elevenlabs": {"agent_id": "agent_1"}}, ["elevenlabs"], True),
        ({"desk": {"kind": "elevenlabs", "agent_id": "agent_1"}}, ["desk"], True),
        ({"desk": {"kind": "elevenlabs"}}, ["openai"], False),
        ({}, ["openai", "elevenlabs"], False),
    ],
)
def test_an_agent_at_elevenlabs_is_named(tables: dict[str, Any], agent: list[str], fits: bool) -> None:
    values = {"realtime": tables, "agents": {"a": {"engine": "realtime", "realtime": agent}}}
    if fits:
        assert Settings.model_validate(values).realtime_settings(agent[0]).stall_limit_ms == 5_000
    else:
        with pytest.raises(ValidationError, match="the id of the agent at ElevenLabs is needed"):
            Settings.model_validate(values)


def test_a_table_with_a_key_of_its_own_never_gets_the_vendors() -> None:
    table = {"kind": "openai", "base_url": "http://10.0.0.1/v1", "api_key_env": "NOT_SET"}
    settings = Settings.model_validate({"llm": {"ours": table}, "keys": {"openai_api_key": "of openai"}})
    assert settings.llm_settings("ours").api_key is None


def test_a_route_may_be_for_a_number() -> None:
    settings = Settings(
        agents={"sales": AgentSettings(), "desk": AgentSettings()},
        routes=(RouteSettings(agent="sales", to="+1 555 0100"), RouteSettings(agent="desk")),
    )
    assert [settings.agent_for("vobiz", number) for number in ("15550100", "15550101", "")] == ["sales", "desk", "desk"]


def test_a_route_may_be_for_the_name_of_an_extension() -> None:
    routes = [{"agent": "sales", "to": "sales-7"}, {"agent": "desk"}]
    settings = Settings.model_validate({"agents": {"sales": {}, "desk": {}}, "routes": routes})
    assert [settings.agent_for("asterisk", to) for to in ("sales-7", "", "7", "s")] == ["sales", "desk", "desk", "desk"]


@pytest.mark.parametrize(
    ("agents", "problem"),
    [
        ({"desk": {"busy_agent": "nobody"}}, 'there is no agent "nobody"; there are: desk'),
        ({"desk": {"busy_agent": "desk"}}, "cannot answer for itself"),
        ({"desk": {"silence": {"max_duration_s": 60, "wrap_up_s": 60}}}, "60 is not below max_duration_s"),
    ],
)
def test_limits_that_cannot_be(agents: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Settings.model_validate({"agents": agents})


def test_a_short_call_is_wound_up_half_way() -> None:
    assert SilenceSettings().wrap_up_s == 30
    assert SilenceSettings(max_duration_s=20).wrap_up_s == 10
