"""OpenAI's Realtime API in sessions that speak: the session object, the client's events, and how the server's are read.

Source: developers.openai.com, the reference of Realtime events, in the shapes of 2026. The names that events had in the
beta are understood too, since servers that copied them live on.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from offhook.audio.formats import AudioFormat
from offhook.config import RealtimeSettings
from offhook.providers.llm.base import Message, ToolCall, ToolSpec
from offhook.providers.openai_events import media_type
from offhook.providers.realtime.base import TurnDetection, Usage, turns_of

__all__ = [
    "cancel",
    "create_response",
    "delete",
    "differences",
    "event_kind",
    "history_events",
    "merged",
    "mismatch",
    "session_object",
    "session_update",
    "tool_list",
    "tool_output",
    "transcribing",
    "truncate",
    "turn_detection",
    "usage_of",
    "user_message",
    "writer_of",
]

_CALL_ID_CHARS = 32
_RENAMED = {
    f"response.{old}.{end}": f"response.output_{old}.{end}"
    for old in ("audio", "audio_transcript", "text")
    for end in ("delta", "done")
}


def event_kind(event: Mapping[str, Any]) -> str:
    """The type of an event, by the name it has today."""
    kind: str = event["type"]
    return _RENAMED.get(kind, kind)


def session_object(
    settings: RealtimeSettings,
    *,
    instructions: str,
    tools: Sequence[ToolSpec],
    format: AudioFormat,  # noqa: A002
) -> dict[str, Any]:
    """The session as it should be: `format` both ways."""
    reasoning = {"reasoning": {"effort": settings.reasoning_effort}} if settings.reasoning_effort else {}
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": instructions,
        "audio": {
            "input": _input(settings, format),
            "output": {"format": media_type(format), "voice": settings.voice, "speed": settings.speed},
        },
        "tools": tool_list(tools),
        "tool_choice": _tool_choice(settings.tool_choice),
        "max_output_tokens": settings.max_output_tokens or "inf",
        "truncation": _truncation(settings.truncation),
        **reasoning,
    }


def _tool_choice(choice: str) -> Any:
    return choice if choice in ("auto", "none", "required") else {"type": "function", "name": choice}


def transcribing(settings: RealtimeSettings) -> dict[str, Any] | None:
    """How the caller's words are to be written down; None if they are not."""
    language = {"language": settings.language} if settings.language else {}
    return {"model": settings.transcription_model, **language} if settings.transcription_model else None


def _input(settings: RealtimeSettings, format: AudioFormat) -> dict[str, Any]:  # noqa: A002
    reduction = settings.noise_reduction
    return {
        "format": media_type(format),
        "transcription": transcribing(settings),
        "noise_reduction": None if reduction == "none" else {"type": reduction},
        "turn_detection": turn_detection(turns_of(settings)),
    }


def _truncation(kept: float | str) -> Any:
    return kept if isinstance(kept, str) else {"type": "retention_ratio", "retention_ratio": kept}


def turn_detection(turns: TurnDetection) -> dict[str, Any] | None:
    """`turns` as the session object has it; None where we tell them ourselves."""
    if turns.kind == "none":
        return None
    chosen = {"type": turns.kind, "create_response": turns.answers, "interrupt_response": turns.interrupts}
    own: dict[str, dict[str, Any]] = {
        "server_vad": {
            "threshold": turns.threshold,
            "prefix_padding_ms": turns.prefix_padding_ms,
            "silence_duration_ms": turns.silence_ms,
            "idle_timeout_ms": turns.idle_timeout_ms,
        },
        "semantic_vad": {"eagerness": turns.eagerness},
    }
    return chosen | {name: value for name, value in own[turns.kind].items() if value is not None}


def tool_list(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """Tools as the session object has them."""
    return [
        {"type": "function", "name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
        for tool in tools
    ]


def session_update(session: Mapping[str, Any], event_id: str) -> str:
    """Make the session so."""
    return _event("session.update", event_id=event_id, session={"type": "realtime", **session})


def create_response(event_id: str, instructions: str) -> str:
    """Answer; as `instructions` tell, where there are any. The response will quote `event_id` in its metadata."""
    response: dict[str, Any] = {"metadata": {"request": event_id}}
    if instructions:
        response["instructions"] = instructions
    return _event("response.create", event_id=event_id, response=response)


def cancel(response_id: str) -> str:
    """Stop a response."""
    return _event("response.cancel", response_id=response_id)


def truncate(item_id: str, ms: int) -> str:
    """The caller heard `ms` of an item."""
    return _event("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)


def delete(item_id: str) -> str:
    """The caller heard nothing of an item."""
    return _event("conversation.item.delete", item_id=item_id)


def user_message(text: str) -> str:
    """The caller wrote `text`."""
    return _item({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})


def tool_output(call_id: str, output: str) -> str:
    """What a tool gave."""
    return _item({"type": "function_call_output", "call_id": call_id, "output": output})


def history_events(history: Sequence[Message]) -> Iterator[str]:
    """A conversation that was had before: every tool call is followed by its result, whatever became of it."""
    results = {message.tool_call_id: message.text for message in history if message.role == "tool"}
    for message in history:
        if message.role == "caller":
            yield user_message(_caller_text(message))
        elif message.role == "agent":
            if message.text:
                content = [{"type": "output_text", "text": message.text}]
                yield _item({"type": "message", "role": "assistant", "content": content})
            for call in message.tool_calls:
                yield from _call(call, results.get(call.id, '{"error":"cancelled"}'))


def _caller_text(message: Message) -> str:
    keys = f"[keypad] {message.keypad}" if message.keypad else ""
    return "\n".join(part for part in (message.text, keys) if part)


def _call(call: ToolCall, result: str) -> Iterator[str]:
    call_id = call.id
    if len(call_id) > _CALL_ID_CHARS:
        call_id = hashlib.blake2s(call_id.encode(), digest_size=_CALL_ID_CHARS // 2).hexdigest()
    arguments = orjson.dumps(dict(call.arguments)).decode()
    yield _item({"type": "function_call", "call_id": call_id, "name": call.name, "arguments": arguments})
    yield tool_output(call_id, result)


def _item(item: Mapping[str, Any]) -> str:
    return _event("conversation.item.create", item=item)


def _event(kind: str, **fields: Any) -> str:
    return orjson.dumps({"type": kind, **fields}).decode()


def mismatch(wanted: Mapping[str, Any], model: str, session: object) -> str:
    """What of the session that a server tells is not as it was asked for; empty if all is. It need not tell all."""
    if not isinstance(session, dict):
        return "a session without a session"
    if not str(session.get("model") or model).startswith(model):
        return f"the model is {session['model']} and not {model}"
    for way in ("input", "output"):
        asked, told = wanted["audio"][way]["format"], _format(session, way)
        if told is not None and (told.get("type"), told.get("rate", asked.get("rate"))) != (
            asked["type"],
            asked.get("rate"),
        ):
            return f"the {way} is {told} and not {dict(asked)}"
    return ""


def differences(wanted: Mapping[str, Any], session: object) -> list[str]:
    """The settings, by their path, that a server tells otherwise than they are `wanted`. It need not tell all."""
    told = session if isinstance(session, dict) else {}
    return [path for name, value in wanted.items() if name in told for path in _unlike(value, told[name], name)]


def _unlike(wanted: Any, told: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(told, dict):
        for name, value in wanted.items():
            if name in told:
                yield from _unlike(value, told[name], f"{path}.{name}")
    elif path == "tools" and isinstance(told, list):
        # Servers add to schemas what was left out of them.
        if [tool["name"] for tool in wanted] != [tool.get("name") for tool in told if isinstance(tool, dict)]:
            yield path
    elif wanted != told:
        yield path


def merged(session: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`session` after an update with `changes`: objects below `audio` keep what is not named."""
    whole = {**session, **changes}
    if "audio" in changes:
        before = session.get("audio", {})
        whole["audio"] = {
            way: {**before.get(way, {}), **changes["audio"].get(way, {})} for way in (*before, *changes["audio"])
        }
    return whole


def _format(session: Mapping[str, Any], way: str) -> dict[str, Any] | None:
    found: Any = session
    for name in ("audio", way, "format"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def writer_of(session: Mapping[str, Any]) -> str:
    """The model that writes down the caller's words, as the `session` object asks for; empty if nothing does."""
    found: Any = session
    for name in ("audio", "input", "transcription", "model"):
        found = found.get(name) if isinstance(found, dict) else None
    return str(found or "")


def usage_of(response: Mapping[str, Any]) -> Usage | None:
    """What a response used, if it tells."""
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    given, cached, got = _details(usage, "input"), {}, _details(usage, "output")
    if isinstance(given.get("cached_tokens_details"), dict):
        cached = given["cached_tokens_details"]
    text_cached, audio_cached = _count(cached, "text_tokens"), _count(cached, "audio_tokens")
    if not cached:
        # Told as one number: instructions and tools, which are text, come first in every prompt.
        text_cached = min(_count(given, "cached_tokens"), _count(given, "text_tokens"))
        audio_cached = _count(given, "cached_tokens") - text_cached
    return Usage(
        text_in=_count(given, "text_tokens") - text_cached,
        text_cached=text_cached,
        text_out=_count(got, "text_tokens"),
        audio_in=_count(given, "audio_tokens") - audio_cached,
        audio_cached=audio_cached,
        audio_out=_count(got, "audio_tokens"),
    )


def _details(usage: Mapping[str, Any], way: str) -> dict[str, Any]:
    details = usage.get(f"{way}_token_details")
    return details if isinstance(details, dict) else {}


def _count(details: Mapping[str, Any], name: str) -> int:
    count = details.get(name)
    return count if isinstance(count, int) else 0
