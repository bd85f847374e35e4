from typing import Any

import pytest

from offhook.config import Settings
from offhook.config.unspoken import unspoken

CLOUD = {"llm": ["openai"], "tts": ["elevenlabs"]}


def told(languages: dict[str, Any], agent: dict[str, Any] | None = None, **sections: Any) -> list[tuple[str, str]]:
    reception = {"languages": languages, **(agent or {})}
    of = Settings.model_validate({"agents": {"reception": reception}, **sections})
    return [(error.setting.removeprefix("agents.reception.languages."), error.args[0]) for error in unspoken(of)]


def test_local_models_know_english_only() -> None:
    problems = told({"es": {}}, models={"stt": "whisper-tiny.en"})
    assert [setting for setting, _ in problems] == ["es.flow", "es.tts", "es.stt"]


@pytest.mark.parametrize(
    ("languages", "agent", "wrong"),
    [
        ({"es": CLOUD}, {}, []),
        ({"es": {}}, CLOUD, []),
        ({"es": {"llm": ["flow"], "tts": ["elevenlabs"], "flow": "es.toml"}}, {}, []),
        ({"es": {"llm": ["openai", "flow"], "tts": ["elevenlabs"]}}, {}, []),
        ({"es": {"llm": ["openai"], "tts": ["elevenlabs", "hibari"]}}, {}, ["es.tts"]),
        ({"en": {"llm": ["openai"]}}, {"language": "de"}, []),
        ({"es": {}}, {"engine": "realtime", "realtime_fallback": False}, []),
        ({"es": {}}, {"engine": "realtime"}, ["es.flow", "es.tts"]),
    ],
    ids=str,
)
def test_what_talks_a_language_is_left_alone(languages: Any, agent: Any, wrong: list[str]) -> None:
    assert [setting for setting, _ in told(languages, agent)] == wrong
