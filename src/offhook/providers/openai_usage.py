"""What OpenAI's APIs, and servers that speak them, tell of what was used."""

from collections.abc import Mapping
from typing import Any

from offhook.providers.usage import Usage

__all__ = ["chat_usage", "count", "transcription_usage"]


def count(details: object, name: str) -> int:
    """A number of tokens; 0 where none is told."""
    number = details.get(name) if isinstance(details, dict) else None
    return number if isinstance(number, int) and number > 0 else 0


def chat_usage(chunk: Mapping[str, Any]) -> Usage | None:
    """What a chat completion used so far, if a chunk of it tells. Thoughts are billed as text."""
    usage = chunk.get("usage")
    if not isinstance(usage, dict):
        return None
    asked = count(usage, "prompt_tokens")
    cached = min(asked, count(usage.get("prompt_tokens_details"), "cached_tokens"))
    return Usage(text_in=asked - cached, text_cached=cached, text_out=count(usage, "completion_tokens"))


def transcription_usage(event: Mapping[str, Any], model: str = "") -> Usage | None:
    """What a transcription by `model` used, if the event of its end tells: seconds or tokens, as it is billed."""
    usage = event.get("usage")
    if not isinstance(usage, dict):
        return None
    if usage.get("type") == "duration":
        seconds = usage.get("seconds")
        told = isinstance(seconds, int | float) and seconds > 0
        return Usage(seconds=round(float(seconds or 0), 3), transcribed_by=model) if told else None
    details = usage.get("input_token_details")
    audio, text = count(details, "audio_tokens"), count(details, "text_tokens")
    if not audio and not text:
        audio = count(usage, "input_tokens")
    found = Usage(audio_in=audio, text_in=text, text_out=count(usage, "output_tokens"), transcribed_by=model)
    return found if found.counts else None
