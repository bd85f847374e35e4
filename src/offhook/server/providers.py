"""Makes the providers that the agents name: each once, shared by all, and only those."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from offhook.calls.listening import Ears
from offhook.calls.speaker import Phrases
from offhook.config import AgentSettings, LlmSettings, RealtimeSettings, Settings, SttSettings, TtsSettings
from offhook.config.keys import ProviderTable, missing_key, refused_key
from offhook.errors import ConfigError, ProviderError, SettingsError
from offhook.providers.llm.base import ResponderFactory
from offhook.providers.llm.openai import ChatCompletions
from offhook.providers.models import locate
from offhook.providers.realtime.base import RealtimeProvider, TurnDetection, turns_of
from offhook.providers.realtime.key_limits import KeyLimits
from offhook.providers.standby import OnUsed, Standby, Watched, not_billed, nothing
from offhook.providers.stt.base import StreamingRecognizer
from offhook.providers.tts.base import Synthesizer
from offhook.providers.tts.failover import FailoverSynthesizer

__all__ = ["Cloud", "Providers", "cloud_of", "for_agent", "key_refused", "model_of", "named_tables"]

P = TypeVar("P")
_FASTEST = 1.5
_Work = Callable[[], Awaitable[None]]
_Stage = SttSettings | LlmSettings | TtsSettings


class Cloud(Protocol):
    """A client of a vendor's server."""

    name: str

    async def check(self) -> None:
        """Whether the server is there and takes the key. Raises ProviderError."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


def named_tables(settings: Settings) -> dict[tuple[str, str], ProviderTable]:
    """The tables that agents name and use, by stage and name."""
    tables: dict[tuple[str, str], ProviderTable] = {}
    for agent in settings.answering.values():
        if agent.engine == "realtime":
            tables.update({("realtime", name): settings.realtime_settings(name) for name in agent.realtime})
        if agent.uses_pipeline:
            tables.update({("stt", name): settings.stt_settings(name) for name in agent.stt})
            tables.update({("llm", name): settings.llm_settings(name) for name in agent.llm})
        if agent.uses_pipeline or agent.consults:
            tables.update({("tts", name): settings.tts_settings(name) for name in agent.every_voice})
    return tables


def cloud_of(table: ProviderTable) -> Cloud | None:
    """A client for the vendor of `table`; None for what is on this machine."""
    match table:
        case SttSettings(kind="deepgram" | "openai"):
            return _cloud_recognizer(table)
        case LlmSettings(kind="openai"):
            return _chat(table)
        case TtsSettings(kind="elevenlabs" | "openai"):
            return _cloud_voice(table)
        case RealtimeSettings(kind="openai" | "gemini" | "openai-live" | "elevenlabs"):
            return _speech_to_speech(table)
    return None


def model_of(cloud: Cloud, table: ProviderTable) -> str:
    """The model that `cloud`, made of `table`, is billed by: its own default where the table names none."""
    return str(getattr(cloud, "model", table.model))


def key_refused(error: ProviderError) -> bool:
    """Whether a check failed because of the key, which no waiting mends."""
    return error.status in (401, 403) and not error.retryable


class Providers:
    """Every provider once, with its health. `closers`, last one first, give back what was made so far. `on_used` is
    told of work that is done for no call."""

    def __init__(self, settings: Settings, on_used: OnUsed = not_billed):
        self._settings = settings
        self.on_used = on_used
        self._ears: dict[str, Watched[Ears]] = {}
        self._brains: dict[str, Watched[ResponderFactory]] = {}
        self._voices: dict[tuple[str, str, str], Watched[Synthesizer]] = {}
        self._phrases: dict[tuple[tuple[str, ...], str, str], Phrases] = {}
        self._sessions: dict[tuple[str, RealtimeSettings], Watched[RealtimeProvider]] = {}
        self._limits: dict[tuple[str, str], KeyLimits] = {}
        self._clouds: list[tuple[str, ProviderTable, Watched[Any]]] = []
        self._first_works: list[_Work] = []
        self.closers: list[_Work] = []

    def check_keys(self) -> None:
        """See that every named vendor has a key. Raises SettingsError for all that have none."""
        errors = [missing_key(stage, name, table) for (stage, name), table in named_tables(self._settings).items()]
        if missing := [error for error in errors if error is not None]:
            raise SettingsError(missing)

    async def ears(self, agent: AgentSettings) -> Standby[Ears]:
        """The recognisers of an agent. Raises ModelError, ConfigError."""
        for name in agent.stt:
            if name not in self._ears:
                self._ears[name] = await self._recognizer(name, self._settings.stt_settings(name))
        return Standby([self._ears[name] for name in agent.stt])

    def brains(self, agent: AgentSettings, flow: Callable[[], ResponderFactory]) -> Standby[ResponderFactory]:
        """The responders of an agent; `flow` makes the one that follows its script."""
        return Standby([self._brain(name, self._settings.llm_settings(name), flow) for name in agent.llm])

    async def voices(self, agent: AgentSettings) -> Standby[Synthesizer]:
        """The voices of an agent. Raises ModelError, ConfigError."""
        keys = [self._voice_key(name, agent) for name in agent.tts]
        for key in keys:
            if key not in self._voices:
                self._voices[key] = await self._voice(*key, self._settings.tts_settings(key[0]))
        return Standby([self._voices[key] for key in keys])

    def _voice_key(self, name: str, agent: AgentSettings) -> tuple[str, str, str]:
        # Only some want to know the language, and a model on this machine is not loaded twice.
        knows = self._settings.tts_settings(name).kind == "elevenlabs"
        return name, agent.voice, agent.language if knows else ""

    async def phrases(self, agent: AgentSettings) -> Phrases:
        """The lines that are spoken often, for all agents with the same voices. Raises ModelError, ConfigError."""
        key = (agent.tts, agent.voice, agent.language)
        if key not in self._phrases:
            self._phrases[key] = Phrases(FailoverSynthesizer(await self.voices(agent)), self.on_used)
        return self._phrases[key]

    def sessions(self, agent: AgentSettings) -> Standby[RealtimeProvider]:
        """The speech-to-speech models of an agent, which take turns as it does where their tables do not say how."""
        watched = []
        for name in agent.realtime:
            table = for_agent(self._settings.realtime_settings(name), agent)
            if (name, table) not in self._sessions:
                self._sessions[name, table] = self._watched_session(name, table)
            watched.append(self._sessions[name, table])
        return Standby(watched)

    def uninterrupted(self, agent: AgentSettings) -> TurnDetection:
        """How the first model of an agent takes turns, but that callers cannot interrupt it."""
        table = for_agent(self._settings.realtime_settings(agent.realtime[0]), agent)
        return replace(turns_of(table), interrupts=False)

    async def check(self) -> None:
        """Ask every vendor. One that cannot be reached is tried again later; a wrong key raises SettingsError."""
        errors = await asyncio.gather(*(self._refused(*cloud) for cloud in self._clouds))
        if wrong := [error for error in errors if error is not None]:
            raise SettingsError(wrong)

    async def first_work(self) -> None:
        """Let the local models do a little, so that the first caller does not pay for it."""
        await asyncio.gather(*(work() for work in self._first_works))

    async def _refused(self, stage: str, table: ProviderTable, watched: Watched[Any]) -> ConfigError | None:
        try:
            await watched.check()
        except ProviderError as error:
            if key_refused(error):
                return refused_key(stage, watched.name, table, error.status)
            watched.failed(error)
        return None

    async def _recognizer(self, name: str, table: SttSettings) -> Watched[Ears]:
        if table.kind != "whisper":
            cloud = _cloud_recognizer(table)
            return self._watched_cloud("stt", name, table, cloud)
        with _local_extra():
            from offhook.providers.stt.whisper import WhisperRecognizer  # noqa: PLC0415 - only if it is named
        models = self._settings.models

        def load() -> WhisperRecognizer:
            return WhisperRecognizer(models.stt_dir or locate(models.stt, self._settings), name=models.stt)

        whisper = await asyncio.to_thread(load)
        self.closers.append(_in_thread(whisper.close))
        self._first_works.append(whisper.warm_up)
        return self._watched(Watched(whisper, name, stall_ms=table.stall_ms, model=models.stt))

    def _brain(self, name: str, table: LlmSettings, flow: Callable[[], ResponderFactory]) -> Watched[ResponderFactory]:
        if table.kind == "flow":
            return self._watched(Watched(flow(), name, stall_ms=table.stall_ms))
        if name not in self._brains:
            chat = _chat(table)
            self._brains[name] = self._watched_cloud("llm", name, table, chat, chat.warm_up)
        return self._brains[name]

    async def _voice(self, name: str, voice: str, language: str, table: TtsSettings) -> Watched[Synthesizer]:
        if table.kind != "hibari":
            cloud = _cloud_voice(table, language)
            return self._watched_cloud("tts", name, table, cloud, cloud.warm_up)
        with _local_extra():
            from offhook.providers.tts.hibari import HibariSynthesizer  # noqa: PLC0415 - only if it is named
        hibari = await asyncio.to_thread(HibariSynthesizer, voice=table.voice or voice)
        self.closers.append(hibari.close)
        self._first_works.append(hibari.warm_up)
        return self._watched(Watched(hibari, name, stall_ms=table.stall_ms, model=self._settings.models.tts))

    def _watched_cloud(
        self, stage: str, name: str, table: _Stage, cloud: Any, warm_up: _Work = nothing
    ) -> Watched[Any]:
        self.closers.append(cloud.close)
        model = model_of(cloud, table)
        watched = Watched(cloud, name, check=cloud.check, warm_up=warm_up, stall_ms=table.stall_ms, model=model)
        self._clouds.append((stage, table, watched))
        return self._watched(watched)

    def _watched_session(self, name: str, table: RealtimeSettings) -> Watched[RealtimeProvider]:
        cloud = _speech_to_speech(table, self._limits)
        self.closers.append(cloud.close)
        watched = Watched(
            cloud,
            name,
            check=cloud.check,
            warm_up=cloud.warm_up,
            stall_ms=table.stall_limit_ms,
            exhausted=lambda: cloud.exhausted,
            model=model_of(cloud, table),
        )
        self._clouds.append(("realtime", table, watched))
        return self._watched(watched)

    def _watched(self, watched: Watched[P]) -> Watched[P]:
        # Behind what closes the provider itself: the trials end before the connections do.
        self.closers.append(watched.close)
        return watched


def _cloud_recognizer(table: SttSettings) -> StreamingRecognizer:
    if table.kind == "deepgram":
        from offhook.providers.stt.deepgram import DeepgramRecognizer  # noqa: PLC0415 - only if it is named

        return DeepgramRecognizer(table)
    from offhook.providers.stt.openai_realtime import OpenAiRecognizer  # noqa: PLC0415 - only if it is named

    return OpenAiRecognizer(table)


def _chat(table: LlmSettings) -> ChatCompletions:
    return ChatCompletions(table, table.api_key.get_secret_value() if table.api_key else None)


def _cloud_voice(table: TtsSettings, language: str = "") -> Synthesizer:
    if table.kind == "elevenlabs":
        from offhook.providers.tts.elevenlabs import ElevenLabsSynthesizer  # noqa: PLC0415 - only if it is named

        return ElevenLabsSynthesizer(table, language=language)
    from offhook.providers.tts.openai import OpenAiSynthesizer  # noqa: PLC0415 - only if it is named

    return OpenAiSynthesizer(table)


def for_agent(table: RealtimeSettings, agent: AgentSettings) -> RealtimeSettings:
    """`table` with the agent's language, speed and turns where it does not say anything else itself."""
    turns = agent.turns
    # Where the caller's words are to tell the language, it must not be given.
    found_out = agent.detect_language != "off" and bool(agent.languages)
    wanted: dict[str, Any] = {"language": "" if found_out else agent.language}
    if "speed" in agent.model_fields_set:
        wanted["speed"] = min(agent.speed, _FASTEST)
    if "vad_threshold" in turns.model_fields_set:
        wanted["threshold"] = turns.vad_threshold
    for name in ("silence_ms", "prefix_padding_ms"):
        if name in turns.model_fields_set:
            wanted[name] = getattr(turns, name)
    return table.model_copy(
        update={name: value for name, value in wanted.items() if name not in table.model_fields_set}
    )


def _speech_to_speech(
    table: RealtimeSettings, limits: dict[tuple[str, str], KeyLimits] | None = None
) -> RealtimeProvider:
    """A client of sessions. `limits` are those of each key by its server, for the tables that share one."""
    secret = table.api_key.get_secret_value() if table.api_key else ""
    shared = (limits if limits is not None else {}).setdefault((table.base_url, secret), KeyLimits())
    if table.kind == "gemini":
        from offhook.providers.realtime.gemini import GeminiLive  # noqa: PLC0415 - only if it is named

        return GeminiLive(table, limits=shared)
    if table.kind == "openai-live":
        from offhook.providers.realtime.openai_live import OpenAiLive  # noqa: PLC0415 - only if it is named

        return OpenAiLive(table, limits=shared)
    if table.kind == "elevenlabs":
        from offhook.providers.realtime.elevenlabs import ElevenLabsAgent  # noqa: PLC0415 - only if it is named

        return ElevenLabsAgent(table, limits=shared)
    from offhook.providers.realtime.openai import OpenAiRealtime  # noqa: PLC0415 - only if it is named

    return OpenAiRealtime(table, limits=shared)


@contextmanager
def _local_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            f"the local models need the package {error.name}, which is not installed",
            hint="Install them with `pip install 'offhook[local]'`.",
        ) from error


def _in_thread(close: Callable[[], None]) -> _Work:
    async def closed() -> None:
        await asyncio.to_thread(close)

    return closed
