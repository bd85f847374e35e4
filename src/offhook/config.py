"""Every setting of the server, with its default and its limits.

This file says what may be set; `config_files.py` reads `offhook.toml`, `.env` and the environment into it and turns
what is wrong into an error with file, line and remedy.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

__all__ = [
    "AgentSettings",
    "AudioSocketSettings",
    "KeySettings",
    "LimitSettings",
    "LlmSettings",
    "ModelSettings",
    "RecordingSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "SilenceSettings",
    "TurnSettings",
]

Port = Annotated[int, Field(ge=0, le=65535)]
Network = IPv4Network | IPv6Network
AgentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
WebAddress = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s]+)?$")]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _wrong(problem: str, *keys: str | int) -> PydanticCustomError:
    """An error of a whole section that is to be shown at the line of one of its keys."""
    return PydanticCustomError("setting", "{problem}", {"problem": problem, "keys": keys})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ServerSettings(_Section):
    """Where the server listens and writes."""

    http_host: str = Field("127.0.0.1", description="0.0.0.0 to be reached from other machines")
    http_port: Port = Field(8000, description="0 picks a free port")
    health_port: Port | None = Field(None, description="a second port that answers /health alone", examples=[8080])
    public_url: WebAddress = Field("", description="address at which carriers reach this server")
    data_dir: Path = Field(Path("var"), description="call records, recordings, messages and bookings go below it")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field("text", description="json for machines to read")
    log_transcripts: bool = Field(True, description="write what was said to the log")


class AudioSocketSettings(_Section):
    """The port that Asterisk's AudioSocket connects to."""

    enabled: bool = Field(True, description="false if no Asterisk calls in")
    host: str = Field("127.0.0.1", description="0.0.0.0 to be reached from other machines; see also `allow`")
    port: Port = Field(9093, description="0 picks a free port")
    allow: tuple[Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), description="networks that may connect"
    )


class LimitSettings(_Section):
    """How much this machine takes on."""

    max_calls: int = Field(12, ge=1, le=10_000, description="beyond it a caller hears the busy line")
    busy_line: str = Field(
        "All of our lines are busy. Please call again in a few minutes.", description="what such a caller hears"
    )
    drain_s: float = Field(30.0, ge=0, description="how long a stopping server waits for calls in progress")


class ModelSettings(_Section):
    """Which local models, and where they are kept."""

    dir: Path | None = Field(
        None, description="folder of the models; the user's cache folder if not set", examples=["models"]
    )
    stt: Literal["whisper-base", "whisper-tiny.en"] = Field(
        "whisper-base", description="what hears: whisper-base, or whisper-tiny.en for English and twice as many calls"
    )
    stt_dir: Path | None = Field(
        None, description="a CTranslate2 Whisper model of your own, in place of `stt`", examples=["my-whisper"]
    )
    vad: Literal["silero"] = Field("silero", description="what tells speech from noise")
    tts: Literal["hibari"] = Field("hibari", description="what speaks")


class RecordingSettings(_Section):
    """Stereo recordings: the caller left, the agent right."""

    enabled: bool = Field(True, description="false to keep no recordings")


class TurnSettings(_Section):
    """When the caller's turn begins and ends."""

    vad_threshold: float = Field(0.5, gt=0, lt=1, description="speech begins at this probability")
    vad_stay: float = Field(
        default_factory=lambda known: min(0.35, known["vad_threshold"]),
        gt=0,
        lt=1,
        description="and goes on down to this one; follows a lower vad_threshold if not set",
    )
    silence_ms: int = Field(500, ge=100, le=5_000, description="silence that ends the caller's turn")
    speculate_ms: int = Field(
        default_factory=lambda known: min(200, known["silence_ms"]),
        ge=60,
        le=2_000,
        description="silence after which transcription starts; follows a shorter silence_ms if not set",
    )
    unfinished_ms: int = Field(
        default_factory=lambda known: max(1_200, known["silence_ms"]),
        ge=100,
        le=10_000,
        description="the same as silence_ms, after words that expect more; follows a longer one if not set",
    )
    prefix_padding_ms: int = Field(300, ge=0, le=2_000, description="audio kept from before speech was detected")
    barge_in: bool = Field(True, description="whether callers can interrupt the agent")
    barge_in_ms: int = Field(700, ge=100, le=5_000, description="speech this long interrupts, whatever its words")
    backchannels: tuple[str, ...] = Field(
        (
            "mm-hm",
            "mhm",
            "mm",
            "uh-huh",
            "uh huh",
            "right",
            "okay",
            "ok",
            "yeah",
            "yep",
            "yes",
            "sure",
            "i see",
            "got it",
        ),
        description="words that do not interrupt the agent",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "TurnSettings":
        if self.vad_stay > self.vad_threshold:
            raise _wrong(f"{self.vad_stay} is above vad_threshold, which is {self.vad_threshold}", "vad_stay")
        if self.speculate_ms > self.silence_ms:
            raise _wrong(f"{self.speculate_ms} is above silence_ms, which is {self.silence_ms}", "speculate_ms")
        if self.unfinished_ms < self.silence_ms:
            raise _wrong(f"{self.unfinished_ms} is below silence_ms, which is {self.silence_ms}", "unfinished_ms")
        return self


class SilenceSettings(_Section):
    """What happens when the caller says nothing, or will not stop."""

    ask_after_s: float = Field(8.0, gt=0, description="silence after which the agent asks")
    ask_line: str = Field("Are you still there?", description="what it asks")
    hang_up_after_s: float = Field(8.0, gt=0, description="further silence after which it hangs up")
    goodbye_line: str = Field(
        "I can't hear you, so I will hang up now. Please call again. Goodbye.", description="what it says before that"
    )
    max_duration_s: float = Field(900.0, gt=0, description="the longest a call may last")
    max_duration_line: str = Field(
        "I am sorry, we have reached the time limit of this call. Thank you for calling. Goodbye.",
        description="what the caller hears then",
    )


class LlmSettings(_Section):
    """An OpenAI-compatible chat completions server."""

    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")] = Field(
        ..., description="address of its API, up to and with /v1", examples=["http://127.0.0.1:11434/v1"]
    )
    model: str = Field(..., description="the server's name of the model", examples=["llama3.2"])
    api_key_env: str = Field(
        "OPENAI_API_KEY", description="environment name of the key; may be unset for local servers"
    )
    api_key: SecretStr | None = Field(None, description="what that name holds in the environment or in .env")
    temperature: float = Field(0.4, ge=0, le=2, description="0 for always the same answers")
    max_tokens: int = Field(200, ge=1, description="longest reply, in tokens")
    timeout_s: float = Field(10.0, gt=0, description="longest wait for the first token, and between tokens")


class AgentSettings(_Section):
    """Who answers."""

    greeting: str = Field(
        "Hello, thanks for calling {business}. How can I help you?",
        description="the agent's first words; {business} is its name in the facts",
    )
    instructions: str = Field("", description="for a language model: who the agent is and what it must do")
    engine: Literal["pipeline", "loopback"] = Field(
        "pipeline", description="pipeline, or loopback to hear yourself when testing a line"
    )
    responder: Literal["flow", "llm"] = Field(
        "flow", description="flow follows a script of states, llm talks freely and needs the llm table"
    )
    flow: Path | None = Field(
        None, description="a flow file; the built-in receptionist if not set", examples=["flow.toml"]
    )
    facts: Path | None = Field(
        None, description="a facts file; the built-in example if not set", examples=["facts.toml"]
    )
    llm: LlmSettings | None = None
    trouble_line: str = Field(
        "I am sorry, something went wrong here. Could you say that again?", description="said when a model fails"
    )
    measure_vad: bool = Field(False, description="let the loopback engine run the voice detector too")
    language: str = Field("en", pattern=r"^[a-z]{2}$", description="what callers speak")
    voice: str = Field("heart", description="name of the voice that speaks")
    speed: float = Field(1.0, ge=0.5, le=2.0, description="how fast it speaks; 1.0 is natural")
    timezone: str = Field("", description="IANA name; the machine's own if not set")
    turns: TurnSettings = TurnSettings()
    silence: SilenceSettings = SilenceSettings()

    @model_validator(mode="after")
    def _llm_named(self) -> "AgentSettings":
        if self.responder == "llm" and self.llm is None:
            raise _wrong('"llm" needs a table [agents.<name>.llm] with base_url and model', "responder")
        return self


class RouteSettings(_Section):
    """Which agent answers which calls; the first route that fits wins."""

    agent: str = Field(..., description="name of the agent", examples=["reception"])
    carrier: str = Field("*", description="name of a carrier, or * for all")


class KeySettings(_Section):
    """Keys and accounts of vendors. The secret ones are only ever read from the environment or `.env`."""

    openai_api_key: SecretStr | None = None
    deepgram_api_key: SecretStr | None = None
    elevenlabs_api_key: SecretStr | None = None
    vobiz_auth_id: SecretStr | None = None
    vobiz_auth_token: SecretStr | None = None
    ngrok_auth_token: SecretStr | None = None
    openai_model: str = Field("", description="model of OpenAI's own API")
    openai_voice: str = Field("", description="voice of that model")
    ami_host: str = Field("127.0.0.1", description="where Asterisk's manager interface listens")
    ami_port: Port = Field(5038, description="its port")
    ami_user: str = Field("", description="its user")
    ami_pass: SecretStr | None = None
    backend_api_url: str = Field("", description="your own backend")
    backend_api_key: SecretStr | None = None
    from_number: str = Field("", description="number that outbound calls show, as in +15550100")
    to_number: str = Field("", description="number that a test call goes to")


class Settings(_Section):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    audiosocket: AudioSocketSettings = AudioSocketSettings()
    limits: LimitSettings = LimitSettings()
    models: ModelSettings = ModelSettings()
    recording: RecordingSettings = RecordingSettings()
    agents: dict[AgentName, AgentSettings] = Field(default_factory=lambda: {"reception": AgentSettings()})
    routes: tuple[RouteSettings, ...] = ()
    keys: KeySettings = KeySettings()

    @model_validator(mode="after")
    def _agents_exist(self) -> "Settings":
        if not self.agents:
            raise _wrong("at least one [agents.<name>] is needed", "agents")
        for index, route in enumerate(self.routes):
            if route.agent not in self.agents:
                known = ", ".join(self.agents)
                raise _wrong(f'there is no agent "{route.agent}"; there are: {known}', "routes", index, "agent")
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        audiosocket = self.audiosocket.port if self.audiosocket.enabled else 0
        http, health = self.server.http_port, self.server.health_port
        if audiosocket and audiosocket == http:
            here = ("audiosocket", "port") if "port" in self.audiosocket.model_fields_set else ("server", "http_port")
            raise _wrong("server.http_port and audiosocket.port are the same", *here)
        if health and health in (http, audiosocket):
            taken = "server.http_port" if health == http else "audiosocket.port"
            raise _wrong(f"{health} is also {taken}", "server", "health_port")
        return self

    def agent_for(self, carrier: str) -> str:
        """Name of the agent that answers calls of `carrier`."""
        for route in self.routes:
            if route.carrier in ("*", carrier):
                return route.agent
        return next(iter(self.agents))
