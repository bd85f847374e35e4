"""Names that settings have in the environment and in `.env`.

Every setting may be named `OFFHOOK_<SECTION>__<KEY>`. Beside that, the flat names that vendors' own documents use
are understood.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["FLAT_NAMES", "PREFIX", "FlatName", "is_placeholder", "prefixed_path", "targets"]

PREFIX = "OFFHOOK_"

_EVERY = "*"
_PLACEHOLDER = re.compile(
    r"(?:sk-)?your[-_][^\s]*|https?://your-[^\s]*|sk-(?:\.\.\.|x+)|<[^<>]*>|change[-_]?me|x{3,}|\.\.\.", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FlatName:
    """A flat name and the settings it stands for; `*` in a path means every table there is.

    `mild` names set only what nothing else has set. Of two names for one setting the later in the list wins.
    """

    name: str
    paths: tuple[tuple[str, ...], ...]
    mild: bool = False


def _keys(*names: str) -> list[FlatName]:
    return [FlatName(name.upper(), (("keys", name),)) for name in names]


def _agents(name: str, *path: str, mild: bool = False) -> FlatName:
    return FlatName(name, (("agents", _EVERY, *path),), mild)


FLAT_NAMES: tuple[FlatName, ...] = (
    *_keys("openai_api_key", "deepgram_api_key", "elevenlabs_api_key", "gemini_api_key"),
    FlatName("GOOGLE_API_KEY", (("keys", "gemini_api_key"),), mild=True),
    *_keys("vobiz_auth_id", "vobiz_auth_token"),
    *_keys("plivo_auth_id", "plivo_auth_token", "twilio_account_sid", "twilio_auth_token", "webhook_secret"),
    FlatName("OFFHOOK_API_KEY", (("keys", "api_key"),)),
    *_keys("ngrok_auth_token", "openai_model", "openai_voice", "ami_host", "ami_port", "ami_user", "ami_pass"),
    *_keys("ari_user", "ari_pass"),
    *_keys("asterisk_media_secret"),
    *_keys("backend_api_url", "backend_api_key", "from_number", "to_number"),
    FlatName("PUBLIC_URL", (("server", "public_url"),)),
    FlatName("LISTEN_HOST", (("server", "http_host"), ("audiosocket", "host"))),
    FlatName("HTTP_PORT", (("server", "http_port"),)),
    FlatName("HEALTH_PORT", (("server", "health_port"),)),
    FlatName("LISTEN_PORT", (("audiosocket", "port"),)),
    FlatName("AUDIOSOCKET_PORT", (("audiosocket", "port"),)),
    FlatName("MAX_CONCURRENT_CALLS", (("limits", "max_calls"),)),
    FlatName("LOG_LEVEL", (("server", "log_level"),)),
    FlatName("LOG_TRANSCRIPTS", (("server", "log_transcripts"),)),
    _agents("VAD_THRESHOLD", "turns", "vad_threshold"),
    _agents("VAD_SILENCE_MS", "turns", "silence_ms"),
    _agents("VAD_PREFIX_PADDING_MS", "turns", "prefix_padding_ms"),
    FlatName("TEMPERATURE", (("llm", _EVERY, "temperature"),)),
    FlatName("OPENAI_TTS_VOICE", (("tts", "openai", "voice"),)),
    FlatName("OPENAI_REALTIME_URL", (("realtime", "openai", "base_url"),)),
    _agents("SYSTEM_PROMPT", "instructions", mild=True),
    _agents("AGENT_SYSTEM_PROMPT", "instructions", mild=True),
)


def is_placeholder(value: str) -> bool:
    """Whether `value` is an example that was never filled in, such as `your-api-key-here`."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None


def targets(flat: FlatName, values: Mapping[str, object]) -> Iterator[tuple[str, ...]]:
    """The paths that a flat name sets, with the names of the tables that `values` has filled in."""
    for path in flat.paths:
        if _EVERY not in path:
            yield path
            continue
        tables = values.get(path[0], {"reception": {}} if path[0] == "agents" else {})
        for name in tables if isinstance(tables, Mapping) else ():
            yield (path[0], name, *path[2:])


def prefixed_path(name: str, agents: Iterable[str]) -> tuple[str, ...] | None:
    """The path that `OFFHOOK_<SECTION>__<KEY>` names; None for any other name.

    Agents are matched without regard to case, and `_` matches `-`, since shells allow no more."""
    if not name.upper().startswith(PREFIX) or "__" not in name:
        return None
    path = name[len(PREFIX) :].lower().split("__")
    if path[0] == "agents" and len(path) > 1:
        path[1] = next((agent for agent in agents if agent.lower().replace("-", "_") == path[1]), path[1])
    return tuple(path)
