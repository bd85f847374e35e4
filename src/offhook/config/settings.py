"""All settings of the server, with their defaults and their limits.

These files say what may be set; `config_files.py` reads `offhook.toml`, `.env` and the environment into them and turns
what is wrong into an error with file, line and remedy.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import Field, model_validator

from offhook.config.agents import AgentSettings
from offhook.config.base import Section, TableName, ToolName, wrong
from offhook.config.carriers import (
    AsteriskSettings,
    CarrierName,
    CarrierSettings,
    DialCarrier,
    MediaStreamSettings,
    TwilioSettings,
)
from offhook.config.costs import CostSettings, PriceSettings
from offhook.config.experiments import ExperimentSettings
from offhook.config.languages import language_code
from offhook.config.overlays import overlaid
from offhook.config.providers import (
    LLM_KINDS,
    REALTIME_KINDS,
    STT_KINDS,
    TTS_KINDS,
    VENDOR_KEYS,
    LlmSettings,
    RealtimeSettings,
    SttSettings,
    TtsSettings,
)
from offhook.config.server import (
    AudioSocketSettings,
    KeySettings,
    LimitSettings,
    ModelSettings,
    RecordingSettings,
    RouteSettings,
    ServerSettings,
)
from offhook.config.tools import BUILTIN_TOOLS, REPLACEABLE_TOOLS, HttpToolSettings, McpSettings

__all__ = ["Settings"]

_Provider = TypeVar("_Provider", SttSettings, LlmSettings, TtsSettings, RealtimeSettings)
_FIXED = frozenset(("language", "engine", "detect_language", "code"))
_LANGUAGE_VARIABLES = ("language", "channel(language)")
_STAGES = {"stt": STT_KINDS, "llm": LLM_KINDS, "tts": TTS_KINDS, "realtime": REALTIME_KINDS}


class Settings(Section):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    audiosocket: AudioSocketSettings = AudioSocketSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    limits: LimitSettings = LimitSettings()
    models: ModelSettings = ModelSettings()
    recording: RecordingSettings = RecordingSettings()
    media_streams: MediaStreamSettings = MediaStreamSettings()
    vobiz: CarrierSettings = CarrierSettings()
    plivo: CarrierSettings = CarrierSettings()
    twilio: TwilioSettings = TwilioSettings()
    agents: dict[TableName, AgentSettings] = Field(default_factory=lambda: {"reception": AgentSettings()})
    experiments: dict[TableName, ExperimentSettings] = Field(default_factory=dict, examples=["tone"])
    stt: dict[TableName, SttSettings] = Field(default_factory=dict)
    llm: dict[TableName, LlmSettings] = Field(default_factory=dict)
    tts: dict[TableName, TtsSettings] = Field(default_factory=dict)
    realtime: dict[TableName, RealtimeSettings] = Field(default_factory=dict)
    tools: dict[ToolName, HttpToolSettings] = Field(default_factory=dict, examples=["opening_hours"])
    mcp: dict[TableName, McpSettings] = Field(default_factory=dict, examples=["time"])
    routes: tuple[RouteSettings, ...] = ()
    costs: CostSettings = CostSettings()
    prices: tuple[PriceSettings, ...] = ()
    keys: KeySettings = KeySettings()

    @model_validator(mode="after")
    def _agents_exist(self) -> "Settings":
        if not self.agents:
            raise wrong("at least one [agents.<name>] is needed", "agents")
        for index, route in enumerate(self.routes):
            if route.agent not in self.agents:
                known = ", ".join(self.agents)
                raise wrong(f'there is no agent "{route.agent}"; there are: {known}', "routes", index, "agent")
            spoken = self.agents[route.agent].spoken
            if route.language and route.language not in spoken:
                problem = f'{route.agent} does not speak "{route.language}"; it speaks: {", ".join(spoken)}'
                raise wrong(problem, "routes", index, "language")
        return self

    @model_validator(mode="after")
    def _languages_fit(self) -> "Settings":
        for name, agent in self.agents.items():
            for code, overlay in agent.languages.items():
                path = ("agents", name, "languages", code)
                if code == agent.language:
                    raise wrong("that is the agent's own language, whose settings are the agent's", *path)
                for fixed in _FIXED.intersection(overlay.changes):
                    raise wrong("it is the same in all languages of an agent", *path, fixed)
        return self

    @model_validator(mode="after")
    def _busy_agents_exist(self) -> "Settings":
        for name, agent in self.agents.items():
            if agent.busy_agent and agent.busy_agent not in self.agents:
                known = ", ".join(self.agents)
                problem = f'there is no agent "{agent.busy_agent}"; there are: {known}'
                raise wrong(problem, "agents", name, "busy_agent")
            if agent.busy_agent == name:
                raise wrong("an agent that is busy cannot answer for itself", "agents", name, "busy_agent")
        return self

    @model_validator(mode="after")
    def _experiments_fit(self) -> "Settings":
        divided: dict[str, str] = {}
        for name, experiment in self.experiments.items():
            if experiment.agent not in self.agents:
                known = ", ".join(self.agents)
                problem = f'there is no agent "{experiment.agent}"; there are: {known}'
                raise wrong(problem, "experiments", name, "agent")
            if experiment.agent in divided:
                problem = (
                    f'the experiment "{divided[experiment.agent]}" divides the callers of {experiment.agent} already'
                )
                raise wrong(problem, "experiments", name, "agent")
            divided[experiment.agent] = name
            _check_variants(name, experiment)
        # What does not fit together in a variant is found here.
        for _ in self._ways():
            pass
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        audiosocket = self.audiosocket.port if self.audiosocket.enabled else 0
        http, health = self.server.http_port, self.server.health_port
        if audiosocket and audiosocket == http:
            here = ("audiosocket", "port") if "port" in self.audiosocket.model_fields_set else ("server", "http_port")
            raise wrong("server.http_port and audiosocket.port are the same", *here)
        if health and health in (http, audiosocket):
            taken = "server.http_port" if health == http else "audiosocket.port"
            raise wrong(f"{health} is also {taken}", "server", "health_port")
        return self

    @model_validator(mode="after")
    def _providers_exist(self) -> "Settings":
        for stage, kinds in _STAGES.items():
            for name, table in getattr(self, stage).items():
                if table.kind is None and name not in kinds:
                    raise wrong(f'"{name}" is none of {", ".join(kinds)}, so its kind is needed', stage, name, "kind")
            tables = getattr(self, stage)
            for path, settings in self._ways():
                for name in settings.every_voice if stage == "tts" else getattr(settings, stage):
                    if name not in tables and name not in kinds:
                        known = ", ".join(dict.fromkeys((*kinds, *tables)))
                        key = stage if name in getattr(settings, stage) else "voices"
                        raise wrong(f'there is no {stage} "{name}"; there are: {known}', *path, key)
        return self

    @model_validator(mode="after")
    def _vendors_agents_are_named(self) -> "Settings":
        named = {name for _, agent in self._ways() for name in agent.realtime}
        for name in (*self.realtime, *(named - self.realtime.keys())):
            table = self.realtime.get(name, RealtimeSettings())
            if (table.kind or name) == "elevenlabs" and not table.agent_id:
                raise wrong("the id of the agent at ElevenLabs is needed", "realtime", name, "agent_id")
        return self

    @model_validator(mode="after")
    def _tools_exist(self) -> "Settings":
        for kind, names, taken in (
            ("tools", self.tools, (*self.mcp, *(name for name in BUILTIN_TOOLS if name not in REPLACEABLE_TOOLS))),
            ("mcp", self.mcp, BUILTIN_TOOLS),
        ):
            if name := next((each for each in names if each in taken), ""):
                raise wrong(f'there is another tool "{name}"', kind, name)
        every = dict.fromkeys((*BUILTIN_TOOLS, *self.tools, *self.mcp))
        for path, settings in self._ways():
            for name in settings.tools:
                if name not in every:
                    known = ", ".join(every)
                    raise wrong(f'there is no tool "{name}"; there are: {known}', *path, "tools")
        return self

    @model_validator(mode="after")
    def _prices_differ(self) -> "Settings":
        seen = set()
        for index, price in enumerate(self.prices):
            if price.key in seen:
                raise wrong(f"there is another price of {' '.join(price.key)}", "prices", index, "provider")
            seen.add(price.key)
        return self

    @property
    def answering(self) -> dict[str, AgentSettings]:
        """Whoever may answer a call: the agents by name, those with an experiment as its variants, each by a name
        such as `reception/calm`. Variants that get nobody are not among them. Further languages come behind, as
        `reception@es` or `reception/calm@es`."""
        divided = {experiment.agent: name for name, experiment in self.experiments.items()}
        whole = {name: agent for name, agent in self.agents.items() if name not in divided}
        ways = whole | {
            f"{agent}/{variant}": self.agents[agent].under(overlay)
            for agent, name in divided.items()
            for variant, overlay in self.experiments[name].variants.items()
            if overlay.weight
        }
        further = ((name, agent, code) for name, agent in ways.items() for code in agent.languages)
        return ways | {f"{name}@{code}": agent.speaking(code) for name, agent, code in further}

    def ways_of(self, agent: str) -> list[AgentSettings]:
        """All the ways in which an agent answers: one, or the variants of its experiment."""
        return [each for name, each in self.answering.items() if name.partition("@")[0].partition("/")[0] == agent]

    def _ways(self) -> Iterator[tuple[tuple[str, ...], AgentSettings]]:
        """Each agent in each language and each variant of an experiment, with its place in the settings."""
        for name, agent in self.agents.items():
            yield ("agents", name), agent
            for code, overlay in agent.languages.items():
                path = ("agents", name, "languages", code)
                yield path, overlaid(agent, overlay, *path)
        for name, experiment in self.experiments.items():
            for variant, overlay in experiment.variants.items():
                path = ("experiments", name, "variants", variant)
                yield path, overlaid(self.agents[experiment.agent], overlay, *path)

    def stt_settings(self, name: str) -> SttSettings:
        """The recogniser called `name`, with its kind and its key."""
        return self._whole(self.stt.get(name, SttSettings()), name)

    def llm_settings(self, name: str) -> LlmSettings:
        """The responder called `name`, with its kind and its key."""
        return self._whole(self.llm.get(name, LlmSettings()), name)

    def tts_settings(self, name: str) -> TtsSettings:
        """The voice called `name`, with its kind and its key."""
        return self._whole(self.tts.get(name, TtsSettings()), name)

    def realtime_settings(self, name: str) -> RealtimeSettings:
        """The speech-to-speech model called `name`, with its kind and its key."""
        table = self._whole(self.realtime.get(name, RealtimeSettings()), name)
        usual = {"model": self.keys.openai_model, "voice": self.keys.openai_voice} if table.kind == "openai" else {}
        unset = {key: value for key, value in usual.items() if value and key not in table.model_fields_set}
        return table.model_copy(update=unset)

    def _whole(self, table: _Provider, name: str) -> _Provider:
        kind = table.kind or name
        usual = getattr(self.keys, VENDOR_KEYS[kind]) if kind in VENDOR_KEYS and not table.api_key_env else None
        return table.model_copy(update={"kind": kind, "api_key": table.api_key or usual})

    def carrier(self, name: CarrierName) -> TwilioSettings:
        """The settings of a carrier by its name."""
        return {"vobiz": self.vobiz, "plivo": self.plivo, "twilio": self.twilio}[name]

    def outbound(self, name: DialCarrier) -> TwilioSettings | AsteriskSettings:
        """The settings of whoever places calls, by name."""
        return self.asterisk if name == "asterisk" else self.carrier(name)

    def agent_for(self, carrier: str, to: str = "") -> str:
        """Name of the agent that answers calls of `carrier` to the number `to`."""
        route = self._route_for(carrier, to)
        return next(iter(self.agents)) if route is None else route.agent

    def language_for(self, agent: str, carrier: str, to: str = "", variables: Mapping[str, str] | None = None) -> str:
        """The language in which `agent` answers such a call: the route's, then what the carrier tells of the caller,
        where the agent speaks it; else its own, which is told as an empty one."""
        route = self._route_for(carrier, to)
        wanted = [(route.language or "") if route is not None else "", _told_language(variables or {})]
        spoken = self.agents[agent].spoken
        chosen = next((code for code in wanted if code in spoken), "")
        return "" if chosen == self.agents[agent].language else chosen

    def _route_for(self, carrier: str, to: str) -> RouteSettings | None:
        fitting = (
            route
            for route in self.routes
            if route.carrier in ("*", carrier) and (route.to == "*" or _plain(route.to) == _plain(to))
        )
        return next(fitting, None)


def _check_variants(name: str, experiment: ExperimentSettings) -> None:
    if not any(variant.weight for variant in experiment.variants.values()):
        raise wrong("a variant with a weight above 0 is needed", "experiments", name, "variants")
    unchanged = [each for each, variant in experiment.variants.items() if not variant.changes]
    for second in unchanged[1:]:
        problem = f'it changes nothing, as "{unchanged[0]}" does'
        raise wrong(problem, "experiments", name, "variants", second)


def _told_language(variables: Mapping[str, str]) -> str:
    """The language that a carrier's variables tell, such as Asterisk's CHANNEL(language)."""
    told = (value for name, value in variables.items() if name.lower() in _LANGUAGE_VARIABLES)
    return next((code for code in map(language_code, told) if code), "")


def _plain(number: str) -> str:
    """A number as digits alone, however it was written; a name, such as that of an extension, as it is."""
    return number if any(map(str.isalpha, number)) else "".join(filter(str.isdigit, number))
