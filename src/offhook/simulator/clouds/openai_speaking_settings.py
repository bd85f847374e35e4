"""The session object of the double's spoken sessions, and how strictly it is changed."""

import copy
from collections.abc import Mapping
from typing import Any

from offhook.audio.formats import AudioFormat
from offhook.simulator.clouds.openai_session import FORMATS, Wrong, check_format, check_known

__all__ = ["SpeakingSettings"]

_AUDIO = "session.audio"
_KNOWN: Mapping[str, frozenset[str]] = {
    "session": frozenset(
        "type model output_modalities instructions audio tools tool_choice max_output_tokens truncation reasoning "
        "parallel_tool_calls tracing include prompt".split()
    ),
    _AUDIO: frozenset({"input", "output"}),
    f"{_AUDIO}.input": frozenset({"format", "noise_reduction", "transcription", "turn_detection"}),
    f"{_AUDIO}.input.transcription": frozenset({"model", "language", "languages", "keywords", "prompt", "delay"}),
    f"{_AUDIO}.input.noise_reduction": frozenset({"type", "strength"}),
    f"{_AUDIO}.output": frozenset({"format", "voice", "speed"}),
}
_TURNS: Mapping[str, frozenset[str]] = {
    "server_vad": frozenset(
        "type threshold prefix_padding_ms silence_duration_ms create_response interrupt_response "
        "idle_timeout_ms".split()
    ),
    "semantic_vad": frozenset({"type", "eagerness", "create_response", "interrupt_response"}),
}
_TOOL = frozenset({"type", "name", "description", "parameters"})
_MOST_TOKENS = 4_096
_PCM = {"type": "audio/pcm", "rate": 24_000}


class SpeakingSettings:
    """What a client may set of a session."""

    def __init__(self, session_id: str, model: str) -> None:
        self._id = session_id
        self.model = model
        self._set: dict[str, Any] = {
            "output_modalities": ["audio"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            "audio": {
                "input": {
                    "format": _PCM,
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "idle_timeout_ms": None,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                },
                "output": {"format": _PCM, "voice": "marin", "speed": 1.0},
            },
        }

    def __getitem__(self, name: str) -> Any:
        return self._set[name]

    @property
    def input(self) -> dict[str, Any]:
        """What is set of the caller's audio."""
        found: dict[str, Any] = self._set["audio"]["input"]
        return found

    @property
    def output(self) -> dict[str, Any]:
        """What is set of the agent's audio."""
        found: dict[str, Any] = self._set["audio"]["output"]
        return found

    @property
    def input_format(self) -> AudioFormat:
        """What the caller's audio is."""
        return FORMATS[self.input["format"]["type"]]

    @property
    def output_format(self) -> AudioFormat:
        """What the agent's audio is."""
        return FORMATS[self.output["format"]["type"]]

    def told(self) -> dict[str, Any]:
        """The session as its events tell it."""
        fixed = {"object": "realtime.session", "type": "realtime", "id": self._id, "model": self.model}
        return {**fixed, "expires_at": 0, "tracing": None, "prompt": None, "include": None, **copy.deepcopy(self._set)}

    def update(self, session: object, *, heard: bool, spoken: bool) -> None:
        """Change what is given. Formats stay once something was `heard` or `spoken`, and so does the voice.

        Raises Wrong, with nothing changed."""
        if not isinstance(session, dict) or "type" not in session:
            raise Wrong("Missing required parameter: 'session.type'.", "missing_required_parameter", "session.type")
        if session["type"] != "realtime":
            raise Wrong("The type of a session cannot be changed.", "invalid_value", "session.type")
        check_known(session, _KNOWN)
        self._check(session)
        audio = session.get("audio") or {}
        given, made = audio.get("input") or {}, audio.get("output") or {}
        if "format" in given:
            check_format(given["format"], f"{_AUDIO}.input.format", self.input_format if heard else None)
        if "format" in made:
            check_format(made["format"], f"{_AUDIO}.output.format", self.output_format if spoken else None)
        if spoken and made.get("voice", self.output["voice"]) != self.output["voice"]:
            text = "Cannot update a conversation's voice if assistant audio is present."
            raise Wrong(text, "cannot_update_voice", f"{_AUDIO}.output.voice")
        _check_turns(given.get("turn_detection"))
        self._set |= {name: value for name, value in session.items() if name not in ("type", "audio", "model")}
        self._set["audio"] = {"input": self.input | given, "output": self.output | made}

    def _check(self, session: Mapping[str, Any]) -> None:
        if session.get("model", self.model) != self.model:
            raise Wrong("The model of a session cannot be changed.", "invalid_value", "session.model")
        if session.get("output_modalities", ["audio"]) not in (["audio"], ["text"]):
            raise Wrong("Supported are ['text'] and ['audio'].", "invalid_value", "session.output_modalities")
        tokens = session.get("max_output_tokens", "inf")
        if tokens != "inf" and not (isinstance(tokens, int) and 1 <= tokens <= _MOST_TOKENS):
            raise Wrong("Expected 1 to 4096, or 'inf'.", "invalid_value", "session.max_output_tokens")
        for index, tool in enumerate(session.get("tools") or ()):
            if unknown := next((name for name in tool if name not in _TOOL), None):
                path = f"session.tools[{index}].{unknown}"
                raise Wrong(f"Unknown parameter: '{path}'.", "unknown_parameter", path)
            if tool.get("type") != "function" or not tool.get("name"):
                raise Wrong("Expected a function with a name.", "invalid_value", f"session.tools[{index}]")


def _check_turns(turns: Any) -> None:
    path = f"{_AUDIO}.input.turn_detection"
    if turns is None:
        return
    if not isinstance(turns, dict) or turns.get("type") not in _TURNS:
        raise Wrong("Expected server_vad or semantic_vad.", "invalid_value", f"{path}.type")
    if unknown := next((name for name in turns if name not in _TURNS[turns["type"]]), None):
        raise Wrong(f"Unknown parameter: '{path}.{unknown}'.", "unknown_parameter", f"{path}.{unknown}")
    if not 0 <= turns.get("threshold", 0.5) <= 1:
        raise Wrong("Expected 0 to 1.", "invalid_value", f"{path}.threshold")
