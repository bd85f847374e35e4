"""The setup of a session of the double of Gemini's Live API, and how strictly messages are taken."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Closing", "Setup", "camel", "check_known"]

_AS_THEY_ARE = frozenset({"args", "response", "properties"})
_KNOWN: Mapping[str, frozenset[str]] = {
    "setup": frozenset(
        "model generationConfig systemInstruction tools realtimeInputConfig sessionResumption inputAudioTranscription "
        "outputAudioTranscription contextWindowCompression proactivity historyConfig safetySettings labels".split()
    ),
    "setup.generationConfig": frozenset(
        "candidateCount maxOutputTokens temperature topP topK presencePenalty frequencyPenalty responseModalities "
        "speechConfig mediaResolution seed thinkingConfig translationConfig".split()
    ),
    "setup.generationConfig.speechConfig": frozenset({"voiceConfig", "languageCode"}),
    "setup.realtimeInputConfig": frozenset({"automaticActivityDetection", "activityHandling", "turnCoverage"}),
    "setup.realtimeInputConfig.automaticActivityDetection": frozenset(
        "disabled startOfSpeechSensitivity endOfSpeechSensitivity prefixPaddingMs silenceDurationMs".split()
    ),
    "setup.sessionResumption": frozenset({"handle"}),
    "setup.inputAudioTranscription": frozenset({"languageCodes", "customVocabulary"}),
    "setup.outputAudioTranscription": frozenset({"languageCodes"}),
    "setup.contextWindowCompression": frozenset({"triggerTokens", "slidingWindow"}),
    "setup.historyConfig": frozenset({"initialHistoryInClientContent"}),
}
_DECLARATION = frozenset({"name", "description", "parameters", "response", "behavior"})
_SCHEMA = frozenset(
    "type format title description nullable default items minItems maxItems enum properties propertyOrdering required "
    "minProperties maxProperties minimum maximum minLength maxLength pattern example anyOf".split()
)
_TYPES = frozenset({"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"})
_ASYNC_SINCE = (3, 8)


class Closing(Exception):  # noqa: N818 - a refusal is no failure of the double
    """The server closes the connection with a code and a reason, which is its only way to tell an error."""

    def __init__(self, reason: str, code: int = 1007) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a client asked for. `declarations` are its functions by their names."""

    model: str
    instructions: str = ""
    declarations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    detection: Mapping[str, Any] = field(default_factory=dict)
    interrupts: bool = True
    resumes: bool = False
    handle: str = ""
    history_first: bool = False
    writes: bool = False
    language: str = "en"

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Setup":
        """The setup in the client's first message. Raises Closing."""
        setup = message.get("setup")
        if not isinstance(setup, dict):
            raise Closing("setup must be the first message and only the first")
        check_known(setup, _KNOWN, "setup")
        generation, realtime = setup.get("generationConfig") or {}, setup.get("realtimeInputConfig") or {}
        if generation.get("responseModalities", ["AUDIO"]) != ["AUDIO"]:
            raise Closing("The requested combination of response modalities is not supported by the model.")
        resumption = setup.get("sessionResumption")
        if resumption is not None and resumption.get("handle", "") is None:
            raise Closing("Request contains an invalid argument.")
        codes = (setup.get("inputAudioTranscription") or {}).get("languageCodes") or ["en"]
        return cls(
            str(setup.get("model") or ""),
            "\n\n".join(str(part.get("text")) for part in (setup.get("systemInstruction") or {}).get("parts") or ()),
            _declarations(setup.get("tools") or []),
            realtime.get("automaticActivityDetection") or {},
            realtime.get("activityHandling") != "NO_INTERRUPTION",
            resumption is not None,
            str((resumption or {}).get("handle") or ""),
            bool((setup.get("historyConfig") or {}).get("initialHistoryInClientContent")),
            "inputAudioTranscription" in setup,
            str(codes[0])[:2],
        )

    @property
    def modern(self) -> bool:
        """Whether the model takes content at any time, and goes on while functions run."""
        version = re.search(r"gemini-(\d+)\.(\d+)", self.model)
        return version is not None and (int(version[1]), int(version[2])) >= _ASYNC_SINCE

    def waits_for(self, name: str) -> bool:
        """Whether the model says nothing until the function `name` has its result."""
        return not self.modern or self.declarations[name].get("behavior") == "BLOCKING"

    @property
    def turns(self) -> dict[str, Any] | None:
        """How turns are detected, as `TurnDetector` has it; None where the client tells them."""
        if self.detection.get("disabled"):
            return None
        silence_ms = self.detection.get("silenceDurationMs", 500)
        return {"type": "server_vad", "silence_duration_ms": silence_ms, "prefix_padding_ms": 0}


def camel(value: Any) -> Any:
    """A message whose names may have been written with underscores."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): each for name, each in value.items()}
    return {name: each if name in _AS_THEY_ARE else camel(each) for name, each in named.items()}


def check_known(value: object, known: Mapping[str, frozenset[str]], path: str) -> None:
    """See that the objects at and below `path` have no names but those that are `known`. Raises Closing."""
    if path not in known or value is None:
        return
    if not isinstance(value, dict):
        raise Closing(f"Invalid value at '{path}'.")
    for name, inner in value.items():
        if name not in known[path]:
            raise Closing(f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field.")
        check_known(inner, known, f"{path}.{name}")


def _declarations(tools: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    declared = {}
    for tool in tools:
        for function in tool.get("functionDeclarations") or ():
            check_known(function, {"function": _DECLARATION}, "function")
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", str(function.get("name") or "")):
                raise Closing("Invalid function name.")
            if "parameters" in function:
                _check_schema(function["parameters"])
                if not function["parameters"].get("properties"):
                    raise Closing("should be non-empty for OBJECT type")
            declared[function["name"]] = function
    return declared


def _check_schema(schema: Any) -> None:
    check_known(schema, {"schema": _SCHEMA}, "schema")
    if schema.get("type") not in _TYPES and "anyOf" not in schema:
        raise Closing(f"Invalid value at 'schema.type': {schema.get('type')}")
    if "enum" in schema and schema["type"] != "STRING":
        raise Closing("enum: only allowed for STRING type")
    for inner in [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]:
        _check_schema(inner)
    if "items" in schema:
        _check_schema(schema["items"])
