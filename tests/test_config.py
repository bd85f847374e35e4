import pytest
from pydantic import ValidationError

from offhook.config import AgentSettings, LlmSettings, RouteSettings, ServerSettings, Settings, TurnSettings
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
