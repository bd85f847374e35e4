"""OpenAI's Live API (GPT-Live): the session object, the client's events, and how the server's numbers are read.

Source: the types of the `openai` package 3.52 (openai.types.live). What they do not tell, the limits of the backend's
input, is what clients of 2026 measured.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_16K, PCM_24K, AudioFormat
from offhook.config import RealtimeSettings
from offhook.errors import WireError
from offhook.providers.http import FATAL_CODES
from offhook.providers.llm.base import Message, ToolSpec
from offhook.providers.openai_events import Failure
from offhook.providers.realtime.base import Usage

__all__ = [
    "CLOSE",
    "START",
    "abilities",
    "append",
    "backend",
    "backend_update",
    "commentary",
    "failure_of",
    "instructions_note",
    "live_format",
    "mismatch",
    "pieces",
    "response_create",
    "session_object",
    "session_start",
    "tool_output",
    "usage_of",
    "user_message",
]

START = "offhook_start"
"""Our id of the event that begins the session; an error that quotes it is final."""
CLOSE = '{"type":"session.close"}'

_FORMATS: Mapping[AudioFormat, Mapping[str, Any]] = {
    MULAW_8K: {"type": "audio/pcmu", "rate": 8_000},
    ALAW_8K: {"type": "audio/pcma", "rate": 8_000},
    PCM_16K: {"type": "audio/pcm", "rate": 16_000},
    PCM_24K: {"type": "audio/pcm", "rate": 24_000},
}
_FATAL = FATAL_CODES | {"invalid_api_key", "model_not_found", "session_expired"}
_MOST_MESSAGES = 128
_MOST_HISTORY_BYTES = 20_000
"""Of 8,192 tokens, which are seldom shorter than three bytes."""
_MOST_BYTES = 1_400
"""The same of the 500 tokens that may be added at once."""
_BACKEND = (
    "You do the thinking and the work for a voice agent on the telephone, which speaks what you write. Write what is to"
    " be said, in one or two sentences of plain words. What the voice agent was told, and you have to keep to:"
)
_FRONT = (
    "You cannot do the following yourself. When the caller wants it, or when it is time for it, delegate at once, also"
    " if it seems small; say no more than a word or two before, and never say that it is done before it was."
)


def live_format(leg: AudioFormat) -> AudioFormat:
    """What to send for audio in `leg`: the same, where the API takes it."""
    return leg if leg in _FORMATS else PCM_16K


def session_object(
    settings: RealtimeSettings,
    *,
    instructions: str,
    tools: Sequence[ToolSpec],
    history: Sequence[Message],
    format: AudioFormat,  # noqa: A002
) -> dict[str, Any]:
    """What a session is begun with. The voice model knows what the tools are for, and its backend has them."""
    session: dict[str, Any] = {
        "model": settings.model,
        "audio": {"format": _FORMATS[format], "output": {"voice": settings.voice}},
        "delegation": {"type": "responses", "responses": backend(settings, instructions, tools)},
        "store": False,
    }
    if spoken := "\n\n".join(filter(None, (instructions, abilities(tools)))):
        session["instructions"] = spoken
    if items := _items(history):
        session["input"] = items
    return session


def backend(settings: RealtimeSettings, instructions: str, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    """The model that the voice model asks, its instructions and its tools."""
    made: dict[str, Any] = {
        "model": settings.backend_model,
        "instructions": f"{_BACKEND}\n\n{instructions}".strip(),
        "tools": [_function(tool) for tool in tools],
    }
    if tools:
        made["tool_choice"] = _choice(settings.tool_choice)
    if settings.max_output_tokens:
        made["max_output_tokens"] = settings.max_output_tokens
    if settings.reasoning_effort:
        made["reasoning"] = {"effort": settings.reasoning_effort}
    return made


def abilities(tools: Sequence[ToolSpec]) -> str:
    """What the voice model has to delegate, for its instructions."""
    return "\n".join((_FRONT, *(f"- {tool.description or tool.name}" for tool in tools))) if tools else ""


def session_start(session: Mapping[str, Any]) -> str:
    """The first event."""
    return _event("session.start", event_id=START, session=session)


def backend_update(changes: Mapping[str, Any]) -> str:
    """Change the backend, which is all of a session that can be changed."""
    return _event("session.update", session={"delegation": {"type": "responses", "responses": changes}})


def append(audio: bytes) -> str:
    """More of the caller's audio."""
    return f'{{"type":"session.input_audio.append","audio":"{b64encode(audio).decode()}"}}'


def commentary(text: str, event_id: str) -> str:
    """Something to say."""
    return _event("session.commentary.append", event_id=event_id, content=text, delegation_id=None)


def instructions_note(text: str) -> str:
    """Something to heed from now on."""
    return _event("session.instructions.append", content=text, delegation_id=None)


def user_message(text: str) -> str:
    """A text of the caller, for the backend."""
    content = [{"type": "input_text", "text": text}]
    return _event("response.item.create", item={"type": "message", "role": "user", "content": content})


def tool_output(call_id: str, output: str) -> str:
    """What a tool gave."""
    return _event("response.item.create", item={"type": "function_call_output", "call_id": call_id, "output": output})


def response_create(event_id: str) -> str:
    """Let the backend answer, or go on with the results it has."""
    return _event("response.create", event_id=event_id)


def pieces(text: str) -> Iterator[str]:
    """`text` in pieces that may be added at once, cut between words where there are any."""
    rest = text.encode()
    while len(rest) > _MOST_BYTES:
        cut = rest.rfind(b" ", 1, _MOST_BYTES) + 1 or _MOST_BYTES
        piece = rest[:cut].decode(errors="ignore")
        rest = rest[len(piece.encode()) :]
        yield piece.strip()
    if last := rest.decode().strip():
        yield last


def mismatch(format: AudioFormat, started: object) -> str:  # noqa: A002
    """What of the session that was started makes it useless for audio in `format`; empty if nothing does."""
    audio = started.get("audio") if isinstance(started, dict) else None
    got = audio.get("format") if isinstance(audio, dict) else None
    wanted = _FORMATS[format]
    if isinstance(got, dict) and got.get("type") not in (None, wanted["type"]):
        return f"the session has {got['type']} instead of {wanted['type']}"
    if isinstance(got, dict) and got.get("rate") not in (None, wanted["rate"]):
        return f"the session has {got['rate']} Hz instead of {wanted['rate']}"
    return ""


def failure_of(event: Mapping[str, Any]) -> Failure:
    """What an event of type error tells. Raises WireError."""
    error = event.get("error")
    if not isinstance(error, dict):
        raise WireError("an error that says nothing")
    code = str(error.get("code") or error.get("type") or "")
    quotes = str(error.get("client_event_id") or event.get("client_event_id") or "")
    passes = code == "session_expired" or error.get("type") not in (None, "invalid_request_error")
    retryable = passes and code not in FATAL_CODES
    return Failure(f"{code}: {error.get('message')}", code, quotes == START or code in _FATAL, retryable, quotes)


def usage_of(response: object) -> Usage | None:
    """What an answer of the backend used; None where it is not told."""
    used = response.get("usage") if isinstance(response, dict) else None
    if not isinstance(used, dict):
        return None
    details = used.get("input_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    given = _count(used.get("input_tokens"))
    return Usage(text_in=max(0, given - cached), text_cached=cached, text_out=_count(used.get("output_tokens")))


def _function(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }


def _choice(choice: str) -> str | dict[str, Any]:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "name": choice}


def _items(history: Sequence[Message]) -> list[dict[str, Any]]:
    """The latest of a conversation, as much as a session may be begun with."""
    kept: list[dict[str, Any]] = []
    room = _MOST_HISTORY_BYTES
    for role, text in reversed(list(_told(history))):
        room -= len(text.encode())
        if room < 0 or len(kept) == _MOST_MESSAGES:
            break
        kind = "output_text" if role == "assistant" else "input_text"
        kept.append({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
    return kept[::-1]


def _told(history: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Who said what. Tools are told of in words: there are no items for them."""
    results = {message.tool_call_id: message.text for message in history if message.role == "tool"}
    for message in history:
        if message.role == "caller":
            keys = f"[keypad] {message.keypad}" if message.keypad else ""
            if text := "\n".join(filter(None, (message.text, keys))):
                yield "user", text
        elif message.role == "agent":
            if message.text:
                yield "assistant", message.text
            for call in message.tool_calls:
                given = orjson.dumps(dict(call.arguments)).decode()
                result = results.get(call.id, '{"error":"cancelled"}')
                yield "developer", f"The tool {call.name} was run with {given} and gave {result}"


def _event(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
