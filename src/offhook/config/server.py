"""Settings of the server itself: where it listens and writes, how much it takes on, its models, routes and keys."""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from offhook.config.base import Network, Port, Section, WebAddress, lower
from offhook.config.languages import LanguageCode

__all__ = [
    "AudioSocketSettings",
    "KeySettings",
    "LimitSettings",
    "ModelSettings",
    "RecordingSettings",
    "RouteSettings",
    "ServerSettings",
]


class ServerSettings(Section):
    """Where the server listens and writes."""

    http_host: str = Field("127.0.0.1", description="0.0.0.0 to be reached from other machines")
    http_port: Port = Field(8000, description="0 picks a free port")
    health_port: Port | None = Field(None, description="a second port that answers /health alone", examples=[8080])
    public_url: WebAddress = Field("", description="address at which carriers reach this server")
    data_dir: Path = Field(Path("var"), description="call records, recordings, messages and bookings go below it")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field("text", description="json for machines to read")
    log_transcripts: bool = Field(True, description="write what was said to the log")


class AudioSocketSettings(Section):
    """The port that Asterisk's AudioSocket connects to."""

    enabled: bool = Field(True, description="false if no Asterisk calls in")
    host: str = Field("127.0.0.1", description="0.0.0.0 to be reached from other machines; see also `allow`")
    port: Port = Field(9093, description="0 picks a free port")
    allow: tuple[Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), description="networks that may connect"
    )


class LimitSettings(Section):
    """How much this machine takes on."""

    max_calls: int = Field(12, ge=1, le=10_000, description="beyond it a caller hears the busy line")
    busy_line: str = Field(
        "All of our lines are busy. Please call again in a few minutes.", description="what such a caller hears"
    )
    drain_s: float = Field(30.0, ge=0, description="how long a stopping server waits for calls in progress")
    calls_per_caller: int = Field(
        0, ge=0, le=1_000, description="calls that one number may make within caller_window_s; 0 for any number"
    )
    caller_window_s: float = Field(3_600.0, gt=0, le=86_400, description="the time in which these are counted")
    caller_allow: tuple[str, ...] = Field((), description="numbers that may call as often as they like")
    caller_line: str = Field(
        "You have called us very often. Please try again later.",
        description="what a caller hears who calls too often; if empty, such a call is rejected before it is answered",
    )


class ModelSettings(Section):
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


class RecordingSettings(Section):
    """Stereo recordings: the caller left, the agent right."""

    enabled: bool = Field(True, description="false to keep no recordings")


class RouteSettings(Section):
    """Which agent answers which calls; the first route that fits wins."""

    agent: str = Field(..., description="name of the agent", examples=["reception"])
    carrier: str = Field("*", description="name of a carrier, or * for all")
    to: str = Field("*", description="number that was called, or * for all")
    language: LanguageCode | None = Field(
        None, description="in which of its languages the agent answers; the agent's own if not set", examples=["es"]
    )


class KeySettings(Section):
    """Keys and accounts of vendors. The secret ones are only ever read from the environment or `.env`."""

    openai_api_key: SecretStr | None = None
    deepgram_api_key: SecretStr | None = None
    elevenlabs_api_key: SecretStr | None = None
    gemini_api_key: SecretStr | None = None
    vobiz_auth_id: SecretStr | None = None
    vobiz_auth_token: SecretStr | None = None
    plivo_auth_id: SecretStr | None = None
    plivo_auth_token: SecretStr | None = None
    twilio_account_sid: SecretStr | None = None
    twilio_auth_token: SecretStr | None = None
    webhook_secret: SecretStr | None = Field(None, description="carriers' webhooks must have it in their path, if set")
    api_key: SecretStr | None = Field(None, description="key of our own API; made at the start if not set")
    ngrok_auth_token: SecretStr | None = None
    openai_model: str = Field("", description="speech-to-speech model of OpenAI's tables that name none")
    openai_voice: str = Field("", description="voice of those that name none")
    ami_host: str = Field("127.0.0.1", description="where Asterisk's manager interface listens")
    ami_port: Port = Field(5038, description="its port")
    ami_user: str = Field("", description="its user")
    ami_pass: SecretStr | None = None
    ari_user: str = Field("", description="user of Asterisk's REST interface")
    ari_pass: SecretStr | None = None
    asterisk_media_secret: SecretStr | None = Field(
        None, description="password of Asterisk's WebSocket channels, if set"
    )
    backend_api_url: str = Field("", description="your own backend")
    backend_api_key: SecretStr | None = None
    from_number: str = Field("", description="number that outbound calls show, as in +15550100")
    to_number: str = Field("", description="number that a test call goes to")
