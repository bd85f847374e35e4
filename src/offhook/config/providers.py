"""Settings of what hears, answers and speaks: one table a provider, named as one likes."""

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from offhook.config.base import Section, WebAddress, wrong

__all__ = [
    "LLM_KINDS",
    "REALTIME_KINDS",
    "STT_KINDS",
    "TTS_KINDS",
    "VENDOR_KEYS",
    "LlmSettings",
    "RealtimeSettings",
    "SttSettings",
    "TtsSettings",
    "switched_off",
]

STT_KINDS = ("whisper", "deepgram", "openai")
LLM_KINDS = ("flow", "openai")
TTS_KINDS = ("hibari", "elevenlabs", "openai")
REALTIME_KINDS = ("openai", "gemini", "openai-live", "elevenlabs")
VENDOR_KEYS = {
    "deepgram": "deepgram_api_key",
    "openai": "openai_api_key",
    "elevenlabs": "elevenlabs_api_key",
    "gemini": "gemini_api_key",
    "openai-live": "openai_api_key",
}
"""Which of the keys is a vendor's, where a table names none of its own."""

_SWITCHED_OFF = ("gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview")
_EAGER = "eager_eot_threshold"
_KEY_NAME = "environment name of its key; the vendor's usual one if not set"
_THINKING_MS = 10_000
_STALL_MS = 1_500
_STALLS_MS = {"gemini": 5_000, "openai-live": 5_000, "elevenlabs": 5_000}
_KEY = "what that name holds in the environment or in .env"


def switched_off(model: str) -> bool:
    """Whether OpenAI has had no model of that name since May 2026."""
    return model.startswith(_SWITCHED_OFF)


class SttSettings(Section):
    """A speech recogniser."""

    kind: Literal["whisper", "deepgram", "openai"] | None = Field(
        None, description="whisper, deepgram or openai; the table's name if not set", examples=["deepgram"]
    )
    base_url: WebAddress = Field("", description="address of its API; the vendor's own if not set")
    model: str = Field("", description="deepgram: nova-3 if not set; flux models take turns themselves")
    api_key_env: str = Field("", description=_KEY_NAME)
    api_key: SecretStr | None = Field(None, description=_KEY)
    endpointing_ms: int = Field(300, ge=10, le=5_000, description="deepgram: silence that ends an utterance")
    utterance_end_ms: int = Field(1_000, ge=1_000, le=5_000, description="deepgram: gap between words that ends it too")
    keyterms: tuple[str, ...] = Field((), description="deepgram: names and words to expect")
    eot_threshold: float = Field(0.7, ge=0.5, le=1.0, description="deepgram flux: confidence that ends a turn")
    eager_eot_threshold: float = Field(0.4, ge=0.3, le=0.9, description="deepgram flux: and that may end it early")
    eot_timeout_ms: int = Field(5_000, ge=500, le=60_000, description="deepgram flux: silence that ends a turn anyway")
    stall_ms: int = Field(
        1_200,
        ge=200,
        le=10_000,
        description="longest wait for the last words, and for words that are late",
    )

    @model_validator(mode="after")
    def _early_is_before_over(self) -> "SttSettings":
        if self.eager_eot_threshold > self.eot_threshold:
            raise wrong(f"{self.eager_eot_threshold} is above eot_threshold, which is {self.eot_threshold}", _EAGER)
        return self


class LlmSettings(Section):
    """A language model behind an OpenAI-compatible chat completions server."""

    kind: Literal["flow", "openai"] | None = Field(
        None, description="openai, or flow for the script of states; the table's name if not set", examples=["openai"]
    )
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")] = Field(
        "https://api.openai.com/v1", description="address of its API, up to and with /v1"
    )
    model: str = Field("gpt-6-luna", min_length=1, description="the server's name of the model")
    api_key_env: str = Field("", description=_KEY_NAME)
    api_key: SecretStr | None = Field(None, description=_KEY)
    temperature: float = Field(0.4, ge=0, le=2, description="0 for always the same answers")
    max_tokens: int = Field(200, ge=1, description="longest reply, in tokens")
    timeout_s: float = Field(10.0, gt=0, description="longest wait for a token where nobody else can answer")
    stall_ms: int = Field(
        1_200, ge=200, le=10_000, description="longest wait for a token before the next one in the list is asked"
    )
    extra: dict[str, Any] = Field({}, description="further fields of the request, as the server documents them")


class TtsSettings(Section):
    """A voice."""

    kind: Literal["hibari", "elevenlabs", "openai"] | None = Field(
        None, description="hibari, elevenlabs or openai; the table's name if not set", examples=["elevenlabs"]
    )
    base_url: WebAddress = Field("", description="address of its API; the vendor's own if not set")
    model: str = Field("", description="elevenlabs: eleven_flash_v2_5, openai: gpt-4o-mini-tts if not set")
    voice: str = Field("", description="elevenlabs: id of the voice, openai: its name")
    api_key_env: str = Field("", description=_KEY_NAME)
    api_key: SecretStr | None = Field(None, description=_KEY)
    transport: Literal["websocket", "http"] = Field("websocket", description="elevenlabs: websocket, or http")
    instructions: str = Field("", description="openai: how to speak")
    sample_rate: int = Field(
        24_000, ge=8_000, le=48_000, multiple_of=50, description="openai: Hz of the server's raw audio"
    )
    stability: float | None = Field(
        None, ge=0, le=1, description="elevenlabs: its own default if not set", examples=[0.5]
    )
    similarity_boost: float | None = Field(
        None, ge=0, le=1, description="elevenlabs: its own default if not set", examples=[0.75]
    )
    stall_ms: int = Field(
        1_200, ge=200, le=10_000, description="longest wait for sound before the next one in the list is asked"
    )


class RealtimeSettings(Section):
    """A speech-to-speech model, which hears, answers and speaks by itself."""

    kind: Literal["openai", "gemini", "openai-live", "elevenlabs"] | None = Field(
        None, description="openai, gemini, openai-live or elevenlabs; the table's name if not set", examples=["openai"]
    )
    base_url: Annotated[str, StringConstraints(pattern=r"^((https?|wss?)://[^\s?#]+)?$")] = Field(
        "", description="address of its API; the vendor's own if not set"
    )
    model: str = Field(
        "",
        description="openai: gpt-realtime-2.1-mini, gemini: gemini-3.8-live, openai-live: gpt-live-1.1 if not set",
    )
    backend_model: str = Field(
        "", description="openai-live: the model that thinks and calls tools for the voice; gpt-5.6-luna if not set"
    )
    agent_id: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]*$", description="elevenlabs: id of the agent there that talks; must be set"
    )
    overrides: tuple[Literal["prompt", "first_message", "language", "voice", "speed"], ...] = Field(
        ("prompt", "first_message", "language", "voice", "speed"),
        description="elevenlabs: what of the agent there is replaced by ours, as far as it is set; it must allow that",
    )
    voice: str = Field(
        "",
        description="name of the voice for a whole call; openai, openai-live: marin, gemini: Kore if not set; "
        "elevenlabs: its id",
    )
    speed: float = Field(
        1.0, ge=0.25, le=1.5, description="openai, elevenlabs: how fast it speaks; the agent's speed if not set"
    )
    api_key_env: str = Field("", description=_KEY_NAME)
    api_key: SecretStr | None = Field(None, description=_KEY)
    turn_detection: Literal["server_vad", "semantic_vad", "none"] = Field(
        "server_vad", description="what ends the caller's turn: server_vad (silence), semantic_vad (words) or none"
    )
    threshold: float = Field(0.5, ge=0, le=1, description="server_vad: speech begins at this probability")
    prefix_padding_ms: int = Field(300, ge=0, le=2_000, description="openai, server_vad: audio kept from before that")
    silence_ms: int = Field(500, ge=100, le=5_000, description="server_vad: silence that ends the caller's turn")
    idle_timeout_ms: int | None = Field(
        None, ge=5_000, le=30_000, description="openai, server_vad: silence after which it speaks up", examples=[8_000]
    )
    eagerness: Literal["low", "medium", "high", "auto"] = Field(
        "auto", description="semantic_vad: how soon it answers: low, medium, high or auto"
    )
    noise_reduction: Literal["near_field", "far_field", "none"] = Field(
        "none", description="openai: near_field, far_field or none"
    )
    transcription_model: str = Field(
        "gpt-transcribe",
        description="openai: what writes down the caller's words; with any vendor nothing does if empty",
    )
    language: str = Field("", pattern=r"^([a-z]{2})?$", description="language of these words; found out if not set")
    tool_choice: str = Field(
        "auto",
        min_length=1,
        description="openai: auto, none, required (every answer calls a tool), or the name of a tool",
    )
    max_output_tokens: int | None = Field(
        None, ge=1, le=4_096, description="longest answer, in tokens; no limit if not set", examples=[1_024]
    )
    truncation: Literal["auto", "disabled"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto",
        description="when a conversation grows too long: auto, disabled, or (openai) the share of it that is kept",
    )
    reasoning_effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = Field(
        None, description="openai, models that think: minimal to xhigh; their own default if not set", examples=["low"]
    )
    stall_ms: int | None = Field(
        None,
        ge=500,
        le=60_000,
        description="longest wait for a sign of the model where one is due; openai: 1,500, others: 5,000 if not set",
        examples=[2_000],
    )
    think_ms: int | None = Field(
        None,
        ge=500,
        le=120_000,
        description="openai: the same between the beginning of an answer and its first piece; stall_ms if not set, or "
        "10,000 for a reasoning_effort of low or more; openai-live: the same of the backend at work; 10,000 if not set",
        examples=[4_000],
    )
    renew_after_s: float = Field(
        3_000.0,
        gt=0,
        le=3_500,
        description="openai: age of a session at which another one takes its place, at the next quiet moment; the "
        "vendor ends it after an hour; openai-live: the same; shortly before it expires if not set",
    )

    @property
    def patience_ms(self) -> int:
        """Longest wait for the first piece of an answer that has begun."""
        if self.think_ms is not None:
            return self.think_ms
        return max(self.stall_limit_ms, _THINKING_MS if self.reasoning_effort not in (None, "minimal") else 0)

    @property
    def stall_limit_ms(self) -> int:
        """`stall_ms`, or what is usual for the vendor."""
        return self.stall_ms or _STALLS_MS.get(self.kind or "", _STALL_MS)

    def whole(self, *, base_url: str, model: str, voice: str) -> "RealtimeSettings":
        """The same, with what a vendor takes where nothing is set."""
        usual = {"base_url": base_url, "model": model, "voice": voice}
        return self.model_copy(update={name: getattr(self, name) or value for name, value in usual.items()})
