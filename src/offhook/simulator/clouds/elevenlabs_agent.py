"""An agent at the double of ElevenLabs as it is configured there, and how a conversation may change that."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from offhook.audio.formats import AudioFormat, Encoding

__all__ = ["Closing", "VendorAgent", "audio_format", "begun"]

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ENCODINGS = {"pcm": Encoding.PCM16, "ulaw": Encoding.MULAW}
_KNOWN = frozenset(
    "type conversation_config_override custom_llm_extra_body dynamic_variables user_id source_info".split()
)
_CODES = {"http_exception": 1002, "llm_error": 1002, "max_duration_exceeded": 1000}


class Closing(Exception):  # noqa: N818 - an end, and not always an error
    """The conversation ends: why, and which kind of error that is at ElevenLabs."""

    def __init__(self, reason: str, kind: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.code = _CODES.get(kind, 1008)


@dataclass(frozen=True, slots=True)
class VendorAgent:
    """What is configured: `allowed` are the overrides that a conversation may have, as paths, and `events` what is told
    to clients. `tools` are the names of its client tools."""

    prompt: str = "You are an agent."
    first_message: str = "Hello from ElevenLabs."
    language: str = "en"
    voice: str = "a-voice"
    tools: Sequence[str] = ()
    hears: str = "pcm_16000"
    speaks: str = "pcm_16000"
    allowed: frozenset[str] = frozenset(
        {"agent.prompt.prompt", "agent.first_message", "agent.language", "tts.voice_id"}
    )
    events: frozenset[str] = frozenset(
        "audio interruption agent_response agent_response_correction user_transcript client_tool_call ping "
        "agent_response_complete".split()
    )
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """Whatever language model the agent has."""
        return "agent"

    @property
    def instructions(self) -> str:
        """The prompt."""
        return self.prompt

    @property
    def declarations(self) -> Mapping[str, Mapping[str, Any]]:
        """The client tools; their parameters are nobody's concern here."""
        return {name: {"name": name, "parameters": {}} for name in self.tools}

    def filled(self, text: str) -> str:
        """`text` with its variables. Raises Closing for one that is not there."""

        def value(found: re.Match[str]) -> str:
            if found[1] not in self.variables:
                raise Closing(f"Missing required dynamic variables: {{'{found[1]}'}}", "missing_dynamic_variable")
            return str(self.variables[found[1]])

        return _VARIABLE.sub(value, text)


def audio_format(name: str) -> AudioFormat:
    """The format that is called "pcm_16000" and the like."""
    kind, _, rate = name.partition("_")
    return AudioFormat(_ENCODINGS[kind], int(rate))


def begun(agent: VendorAgent, message: Mapping[str, Any]) -> VendorAgent:
    """`agent` as the first message of a conversation wants it. Raises Closing."""
    if message.get("type") != "conversation_initiation_client_data" or not _KNOWN.issuperset(message):
        raise Closing("Invalid message received", "invalid_message")
    changes = dict(_leaves(message.get("conversation_config_override") or {}))
    changes.pop("conversation.text_only", None)
    for path in changes:
        if path not in agent.allowed:
            raise Closing(f"Override for field '{path.rsplit('.', 1)[-1]}' is not allowed by config.", "override_error")
    names = {
        "agent.prompt.prompt": "prompt",
        "agent.first_message": "first_message",
        "agent.language": "language",
        "tts.voice_id": "voice",
    }
    wanted = {names[path]: value for path, value in changes.items() if path in names}
    configured = replace(agent, **wanted, variables=message.get("dynamic_variables") or {})
    return replace(
        configured,
        prompt=configured.filled(configured.prompt),
        first_message=configured.filled(configured.first_message),
    )


def _leaves(tree: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in tree.items():
        path = f"{above}{name}"
        found += _leaves(value, f"{path}.") if isinstance(value, Mapping) else [(path, value)]
    return found
