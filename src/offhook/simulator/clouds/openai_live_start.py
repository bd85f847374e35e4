"""The session object of the double of OpenAI's Live API, and how strictly it is taken."""

from collections.abc import Mapping
from typing import Any

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_16K, PCM_24K, AudioFormat

__all__ = ["LiveStart", "Refused", "error_event", "quoted"]

_FORMATS: Mapping[tuple[object, object], AudioFormat] = {
    ("audio/pcm", 16_000): PCM_16K,
    ("audio/pcm", 24_000): PCM_24K,
    ("audio/pcmu", 8_000): MULAW_8K,
    ("audio/pcma", 8_000): ALAW_8K,
}
_USUAL = {"type": "audio/pcm", "rate": 24_000}
_KNOWN: Mapping[str, frozenset[str]] = {
    "session": frozenset("model audio client delegation input instructions safety_identifier store triggers".split()),
    "session.audio": frozenset({"format", "output"}),
    "session.audio.format": frozenset({"type", "rate"}),
    "session.audio.output": frozenset({"voice"}),
    "session.delegation": frozenset({"type", "responses", "decisions", "acknowledgement_delay_ms"}),
    "session.delegation.responses": frozenset(
        "model instructions max_output_tokens parallel_tool_calls reasoning service_tier text tool_choice tools".split()
    ),
}
_VOICES = frozenset(
    "alloy ash ballad beacon bossa cedar cinder coral delta echo gleam marin meridian quartz ripple sage shida shimmer "
    "stone tempo verse vesper willow".split()
)
_MOST_MESSAGES = 128
_TOOL = frozenset({"type", "name", "description", "parameters", "strict"})


class Refused(Exception):  # noqa: N818 - a refusal is no failure of the double
    """An event that is not done; what begins the session ends it by that."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        self.code = code
        self.message = message
        self.param = param
        super().__init__(message)


class LiveStart:
    """What a client asked for. Raises Refused."""

    def __init__(self, session: object) -> None:
        if not isinstance(session, dict):
            raise Refused("missing_required_parameter", "Missing required parameter: 'session'.", "session")
        _check_keys(session, "session", _KNOWN)
        self.session: dict[str, Any] = session
        self.model = str(session.get("model") or "")
        if not self.model.startswith("gpt-live"):
            raise Refused("model_not_found", f"The model '{self.model}' does not exist.", "session.model")
        self.format = _format(session)
        self.instructions = str(session.get("instructions") or "")
        self.history = [_message(item) for item in session.get("input") or ()]
        if len(self.history) > _MOST_MESSAGES:
            raise Refused("invalid_value", "Initial input must not exceed 128 messages.", "session.input")
        delegation = session.get("delegation") or {"type": "client"}
        self.delegates = str(delegation.get("type"))
        self.backend: dict[str, Any] = {}
        self.update_backend(delegation.get("responses") or {})
        if self.delegates == "responses" and not self.backend.get("model"):
            raise Refused("missing_required_parameter", "Missing required parameter: 'model'.", "session.delegation")

    @property
    def declarations(self) -> Mapping[str, Mapping[str, Any]]:
        """The backend's functions by their names."""
        tools = self.backend.get("tools") or ()
        kept = ("name", "description", "parameters")
        return {tool["name"]: {name: tool[name] for name in kept if name in tool} for tool in tools}

    def update(self, changes: object) -> None:
        """What `session.update` asks for. Raises Refused."""
        delegation = changes.get("delegation") if isinstance(changes, dict) else None
        if not isinstance(changes, dict) or set(changes) - {"delegation", "triggers"}:
            raise Refused("immutable_parameter", "Only delegation and triggers can be updated.", "session")
        if isinstance(delegation, dict):
            if delegation.get("type") != self.delegates:
                raise Refused("invalid_value", "The delegation type cannot change.", "session.delegation.type")
            self.update_backend(delegation.get("responses") or {})

    def update_backend(self, changes: Mapping[str, Any]) -> None:
        """Another backend model, or other instructions or tools for it. Raises Refused."""
        for tool in changes.get("tools") or ():
            if tool.get("type") != "function" or not tool.get("name") or set(tool) - _TOOL:
                raise Refused("invalid_value", "Invalid tool.", "session.delegation.responses.tools")
        self.backend |= changes


def _check_keys(value: Mapping[str, Any], path: str, known: Mapping[str, frozenset[str]]) -> None:
    """Raises Refused for the first field that is unknown."""
    for name, inner in value.items():
        if name not in known[path]:
            raise Refused("unknown_parameter", f"Unknown parameter: '{path}.{name}'.", f"{path}.{name}")
        if isinstance(inner, dict) and f"{path}.{name}" in known:
            _check_keys(inner, f"{path}.{name}", known)


def _format(session: Mapping[str, Any]) -> AudioFormat:
    audio = session.get("audio") or {}
    asked = audio.get("format") or _USUAL
    found = _FORMATS.get((asked.get("type"), asked.get("rate")))
    if found is None:
        raise Refused("invalid_value", f"Invalid value: {asked}.", "session.audio.format")
    voice = (audio.get("output") or {}).get("voice", "marin")
    if isinstance(voice, str) and voice not in _VOICES:
        raise Refused("forbidden", f"The voice '{voice}' is not available.", "session.audio.output.voice")
    return found


def _message(item: Mapping[str, Any]) -> tuple[str, str]:
    role, content = item.get("role"), item.get("content") or []
    kinds = {"assistant": ("text", "output_text"), "user": ("input_text",), "developer": ("input_text",)}
    if role not in kinds or len(content) != 1 or content[0].get("type", "input_text") not in kinds[role]:
        raise Refused("invalid_value", "Invalid initial message.", "session.input")
    return ("system" if role == "developer" else str(role)), str(content[0]["text"])


def error_event(refused: Refused, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event that tells why `event` was not done."""
    error = {"type": "invalid_request_error", "code": refused.code, "message": refused.message, "param": refused.param}
    return {"type": "error", "error": error | quoted(event)}


def quoted(event: Mapping[str, Any]) -> dict[str, Any]:
    """Which event of the client an event of the server is about, where that has an id."""
    return {"client_event_id": event["event_id"]} if event.get("event_id") else {}
