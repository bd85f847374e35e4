"""Languages in which an agent is to talk, and of which its providers know nothing."""

from collections.abc import Iterator

from offhook.config.agents import AgentSettings
from offhook.config.settings import Settings
from offhook.errors import ConfigError

__all__ = ["unspoken"]

_ENGLISH = "en"


def unspoken(settings: Settings) -> list[ConfigError]:
    """What keeps agents from talking the languages that their tables `languages` name."""
    return [
        error
        for name, agent in settings.agents.items()
        for code in agent.languages
        for error in _problems(settings, agent, code, f"agents.{name}.languages.{code}")
    ]


def _problems(settings: Settings, agent: AgentSettings, code: str, where: str) -> Iterator[ConfigError]:
    way = agent.speaking(code)
    if not way.uses_pipeline:
        return
    if settings.llm_settings(way.llm[0]).kind == "flow" and "flow" not in agent.languages[code].changes:
        hint = "Name a flow file in that language, or a language model in llm."
        yield ConfigError("it answers from the same script as the agent", setting=f"{where}.flow", hint=hint)
    if code == _ENGLISH:
        return
    if any(settings.tts_settings(name).kind == "hibari" for name in way.tts):
        hint = "Name another voice, such as elevenlabs."
        yield ConfigError("the voice hibari speaks English only", setting=f"{where}.tts", hint=hint)
    english = settings.models.stt == "whisper-tiny.en" and settings.models.stt_dir is None
    if english and any(settings.stt_settings(name).kind == "whisper" for name in way.stt):
        hint = "Set models.stt to whisper-base, which knows a hundred languages."
        yield ConfigError("whisper-tiny.en hears English only", setting=f"{where}.stt", hint=hint)
