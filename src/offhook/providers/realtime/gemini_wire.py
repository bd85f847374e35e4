"""Gemini's Live API: the setup, the client's messages, and how the server's are read.

Source: ai.google.dev, the Live API reference (BidiGenerateContent) of 2026, which is v1beta. Models before 3.8 take
`clientContent` only as the history that a session begins with, so that all later texts are `realtimeInput`.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.llm.base import Message, ToolSpec
from offhook.providers.realtime.base import TurnDetection, Usage

__all__ = [
    "activity",
    "audio_input",
    "context_update",
    "history_content",
    "read_message",
    "seconds",
    "setup",
    "text_input",
    "tool_response",
    "usage_of",
]

_MIME_TYPE = "audio/pcm;rate=16000"
_SCHEMA = frozenset(
    "type format title description nullable default example enum items minItems maxItems properties required "
    "propertyOrdering minProperties maxProperties minimum maximum minLength maxLength pattern anyOf".split()
)
"""What a schema of parameters may have; anything else refuses the whole session."""
_LANGUAGES = {
    code[:2]: code
    for code in (
        "bn-IN de-DE en-US es-ES fr-FR gu-IN hi-IN id-ID it-IT ja-JP kn-IN ko-KR ml-IN mr-IN nl-NL pl-PL pt-BR ru-RU "
        "ta-IN te-IN th-TH tr-TR vi-VN".split()
    )
}
_MIDDLE = 0.5


def setup(
    settings: RealtimeSettings,
    *,
    instructions: str,
    tools: Sequence[ToolSpec],
    turns: TurnDetection,
    handle: str = "",
    history: bool = False,
) -> str:
    """The first message: a new session, before which `history` will be told, or the one that `handle` stands for."""
    generation: dict[str, Any] = {
        "responseModalities": ["AUDIO"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": settings.voice}}},
    }
    if settings.max_output_tokens:
        generation["maxOutputTokens"] = settings.max_output_tokens
    begun: dict[str, Any] = {
        "model": f"models/{settings.model.removeprefix('models/')}",
        "generationConfig": generation,
        "realtimeInputConfig": _turns(turns),
        "sessionResumption": {"handle": handle} if handle else {},
        "outputAudioTranscription": {},
    }
    if settings.transcription_model:
        code = _LANGUAGES.get(settings.language)
        begun["inputAudioTranscription"] = {"languageCodes": [code]} if code else {}
    if settings.truncation != "disabled":
        begun["contextWindowCompression"] = {"slidingWindow": {}}
    if history:
        begun["historyConfig"] = {"initialHistoryInClientContent": True}
    return _message("setup", begun | _context(instructions, tools))


def context_update(instructions: str | None, tools: Sequence[ToolSpec] | None) -> str:
    """Other instructions or tools from now on."""
    changed = _context(instructions or "", tools or ())
    if tools is not None:
        changed["tools"] = {"tools": changed.get("tools", [])}
    return _message("contextUpdate", changed)


def _context(instructions: str, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if instructions:
        context["systemInstruction"] = {"parts": [{"text": instructions}]}
    if tools:
        context["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in tools]}]
    return context


def _declaration(tool: ToolSpec) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": tool.name, "description": tool.description}
    # An object without properties is refused, and nothing at all means the same.
    if tool.parameters.get("properties"):
        declared["parameters"] = _schema(tool.parameters)
    return declared


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema without what is unknown here; types by their names here."""
    kept = {name: value for name, value in schema.items() if name in _SCHEMA}
    if isinstance(kind := kept.get("type"), list):
        kept["nullable"] = "null" in kind
        kept["type"] = next((each for each in kind if each != "null"), "string")
    if isinstance(kept.get("type"), str):
        kept["type"] = kept["type"].upper()
    if "properties" in kept:
        kept["properties"] = {name: _schema(each) for name, each in kept["properties"].items()}
    if isinstance(kept.get("items"), Mapping):
        kept["items"] = _schema(kept["items"])
    if "anyOf" in kept:
        kept["anyOf"] = [_schema(each) for each in kept["anyOf"]]
    kept.pop("enum" if kept.get("type") != "STRING" else "format", None)
    return kept


def _turns(turns: TurnDetection) -> dict[str, Any]:
    if turns.kind == "none":
        # Our activity has no beginning of its own: it would interrupt the answer to the turn before.
        return {"automaticActivityDetection": {"disabled": True}, "activityHandling": "NO_INTERRUPTION"}
    detection: dict[str, Any] = {}
    if turns.threshold is not None and turns.threshold != _MIDDLE:
        detection["startOfSpeechSensitivity"] = f"START_SENSITIVITY_{'HIGH' if turns.threshold < _MIDDLE else 'LOW'}"
    if turns.kind == "server_vad" and turns.silence_ms is not None:
        detection["silenceDurationMs"] = turns.silence_ms
    if turns.kind == "semantic_vad" and turns.eagerness in ("low", "high"):
        detection["endOfSpeechSensitivity"] = f"END_SENSITIVITY_{turns.eagerness.upper()}"
    handling = "START_OF_ACTIVITY_INTERRUPTS" if turns.interrupts else "NO_INTERRUPTION"
    return {"automaticActivityDetection": detection, "activityHandling": handling}


def audio_input(audio: bytes) -> str:
    """More of the caller's audio, 16 kHz."""
    data = b64encode(audio).decode()
    return f'{{"realtimeInput":{{"audio":{{"mimeType":"{_MIME_TYPE}","data":"{data}"}}}}}}'


def text_input(text: str) -> str:
    """A text to answer."""
    return _message("realtimeInput", {"text": text})


def activity(*, starts: bool) -> str:
    """The caller's turn begins, or is over."""
    return _message("realtimeInput", {"activityStart" if starts else "activityEnd": {}})


def tool_response(call_id: str, name: str, result: str, *, answer: bool) -> str:
    """What a tool gave, as JSON text."""
    try:
        value: Any = orjson.loads(result)
    except orjson.JSONDecodeError:
        value = result
    response = {"id": call_id, "name": name, "response": value if isinstance(value, dict) else {"output": value}}
    quiet = {} if answer else {"scheduling": "SILENT"}
    return _message("toolResponse", {"functionResponses": [{**response, **quiet}]})


def history_content(history: Sequence[Message]) -> str:
    """A conversation that was had before. Tools are told of in words: calls without a session are refused."""
    turns = [{"role": role, "parts": [{"text": text}]} for role, text in _told(history)]
    return _message("clientContent", {"turns": turns, "turnComplete": True})


def _told(history: Sequence[Message]) -> Iterator[tuple[str, str]]:
    results = {message.tool_call_id: message.text for message in history if message.role == "tool"}
    for message in history:
        if message.role == "caller":
            keys = f"[keypad] {message.keypad}" if message.keypad else ""
            if text := "\n".join(part for part in (message.text, keys) if part):
                yield "user", text
        elif message.role == "agent":
            if message.text:
                yield "model", message.text
            for call in message.tool_calls:
                given = orjson.dumps(dict(call.arguments)).decode()
                result = results.get(call.id, '{"error":"cancelled"}')
                yield "user", f"[The tool {call.name} was run with {given} and gave {result}]"


def _message(kind: str, value: Mapping[str, Any]) -> str:
    return orjson.dumps({kind: value}).decode()


def read_message(data: str | bytes) -> Mapping[str, Any]:
    """A message of the server, which sends its JSON in binary frames. Raises WireError."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("a message that is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message that is not an object")
    return message


def seconds(duration: object) -> float:
    """A duration as JSON writes it, "1.5s"; 0 for anything else."""
    try:
        return float(str(duration).removesuffix("s"))
    except ValueError:
        return 0.0


def usage_of(metadata: Mapping[str, Any]) -> Usage:
    """What an answer used. What is not told by modality counts as text."""
    given = _Counts(metadata, "promptTokensDetails", "promptTokenCount")
    tools = _Counts(metadata, "toolUsePromptTokensDetails", "toolUsePromptTokenCount")
    cached = _Counts(metadata, "cacheTokensDetails", "cachedContentTokenCount")
    made = _Counts(metadata, "responseTokensDetails", "responseTokenCount")
    return Usage(
        text_in=max(0, given.text + tools.text - cached.text),
        text_cached=cached.text,
        text_out=made.text + _count(metadata.get("thoughtsTokenCount")),
        audio_in=max(0, given.audio + tools.audio - cached.audio),
        audio_cached=cached.audio,
        audio_out=made.audio,
    )


class _Counts:
    """The tokens of one kind: those of audio, and all others."""

    def __init__(self, metadata: Mapping[str, Any], details: str, total: str) -> None:
        told = metadata.get(details)
        each = [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []
        self.audio = sum(_count(entry.get("tokenCount")) for entry in each if entry.get("modality") == "AUDIO")
        of_all = sum(_count(entry.get("tokenCount")) for entry in each)
        self.text = max(of_all, _count(metadata.get(total))) - self.audio


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
