"""ElevenLabs Agents: the client's messages, and how the server's are read.

Source: the AsyncAPI description of the agents' WebSocket in github.com/elevenlabs/packages (packages/types), and the
official Python client 2.78.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from offhook.audio.formats import AudioFormat, Encoding
from offhook.config import RealtimeSettings
from offhook.errors import AudioError, WireError
from offhook.providers.llm.base import CallFacts, Message

__all__ = [
    "audio_chunk",
    "contextual_update",
    "conversation_so_far",
    "event_in",
    "initiation",
    "named_format",
    "pong",
    "read_message",
    "tool_result",
    "user_message",
]

_ENCODINGS = {"pcm": Encoding.PCM16, "ulaw": Encoding.MULAW}
_SLOWEST = 0.7
_EVENTS = {
    "conversation_initiation_metadata": "conversation_initiation_metadata_event",
    "user_transcript": "user_transcription_event",
    "tentative_user_transcript": "tentative_user_transcription_event",
    "client_tool_call": "client_tool_call",
}


def initiation(settings: RealtimeSettings, call: CallFacts, *, instructions: str, first_message: str) -> str:
    """The first message: what is different from the agent as it is configured there, and the call's facts.

    An empty `first_message` has the agent wait for the caller."""
    facts = {
        "call_id": call.call_id,
        "agent": call.agent,
        "caller_number": call.caller_number,
        "called_number": call.called_number,
        "direction": call.direction,
    }
    return _message(
        "conversation_initiation_client_data",
        conversation_config_override=_overrides(settings, instructions, first_message),
        dynamic_variables=facts | dict(call.variables),
    )


def _overrides(settings: RealtimeSettings, instructions: str, first_message: str) -> dict[str, Any]:
    wanted = settings.overrides
    agent: dict[str, Any] = {}
    if "prompt" in wanted and instructions:
        agent["prompt"] = {"prompt": instructions}
    if "first_message" in wanted:
        agent["first_message"] = first_message
    if "language" in wanted and settings.language:
        agent["language"] = settings.language
    tts: dict[str, Any] = {}
    if "voice" in wanted and settings.voice:
        tts["voice_id"] = settings.voice
    if "speed" in wanted and "speed" in settings.model_fields_set:
        tts["speed"] = max(_SLOWEST, settings.speed)
    return {name: section for name, section in (("agent", agent), ("tts", tts)) if section}


def audio_chunk(audio: bytes) -> str:
    """More of the caller's audio."""
    return f'{{"user_audio_chunk":"{b64encode(audio).decode()}"}}'


def pong(event_id: object) -> str:
    """The answer to a ping."""
    return _message("pong", event_id=event_id)


def user_message(text: str) -> str:
    """A text to answer."""
    return _message("user_message", text=text)


def contextual_update(text: str) -> str:
    """What the agent is to know, and not to answer."""
    return _message("contextual_update", text=text)


def tool_result(call_id: str, result: str) -> str:
    """What a tool gave. It is never called an error: texts of errors may be kept from the model there."""
    return _message("client_tool_result", tool_call_id=call_id, result=result, is_error=False)


def conversation_so_far(history: Sequence[Message]) -> str:
    """A conversation that was had before, in words."""
    told = "\n".join(_told(history))
    return f"You have talked with this caller already. Do not greet again, and go on from here:\n{told}"


def _told(history: Sequence[Message]) -> Iterator[str]:
    results = {message.tool_call_id: message.text for message in history if message.role == "tool"}
    for message in history:
        if message.role == "caller":
            keys = f"[keypad] {message.keypad}" if message.keypad else ""
            if text := " ".join(part for part in (message.text, keys) if part):
                yield f"Caller: {text}"
        elif message.role == "note":
            yield f"[{message.text}]"
        elif message.role == "agent":
            if message.text:
                yield f"You: {message.text}"
            for call in message.tool_calls:
                given = orjson.dumps(dict(call.arguments)).decode()
                yield f"[The tool {call.name} was run with {given} and gave {results.get(call.id, 'nothing')}]"


def _message(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()


def read_message(data: str | bytes) -> Mapping[str, Any]:
    """A message of the server. Raises WireError."""
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("a message that is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a message that is not an object")
    return message


def event_in(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a message is about, which is in a field named after its type; empty where there is nothing."""
    kind = str(message.get("type"))
    event = message.get(_EVENTS.get(kind, f"{kind}_event"))
    return event if isinstance(event, dict) else {}


def named_format(name: object) -> AudioFormat | None:
    """The format that is called "pcm_16000" or "ulaw_8000" there; None for one that nobody here speaks."""
    kind, _, rate = str(name).partition("_")
    if kind not in _ENCODINGS or not rate.isdecimal():
        return None
    try:
        return AudioFormat(_ENCODINGS[kind], int(rate))
    except AudioError:
        return None
