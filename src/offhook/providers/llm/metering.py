"""What an answer of a chat-completions server used: by its own count, or by ours where it was cut short."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from offhook.errors import ProviderError
from offhook.providers.openai_usage import chat_usage
from offhook.providers.usage import Usage, may_have_worked, tokens_of

__all__ = ["AnswerMeter"]

_TEXTS = ("content", "refusal", "reasoning", "reasoning_content")


class AnswerMeter:
    """Counts one answer to `messages`, asked for with `tools`, both as the wire has them."""

    def __init__(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]):
        self._asked = (messages, tools)
        self._written = 0
        self._answered = False
        self._refused = False
        self._told: Usage | None = None

    def came(self, chunk: Mapping[str, Any]) -> None:
        """A chunk came. Some servers tell in each what was used so far, most in the last one."""
        self._answered = True
        self._told = chat_usage(chunk) or self._told
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(choice, dict):
            self._written += _length(choice.get("delta") or choice.get("message"))

    def failed(self, error: ProviderError) -> None:
        """No more will come."""
        self._refused = not may_have_worked(error)

    @property
    def usage(self) -> Usage | None:
        """What it used; None for a server that did nothing."""
        if self._told is not None:
            return self._told
        if self._refused and not self._answered:
            return None
        asked = sum(len(orjson.dumps(part).decode()) for part in self._asked if part)
        return Usage(text_in=tokens_of(asked), text_out=tokens_of(self._written), estimated=True)


def _length(delta: object) -> int:
    if not isinstance(delta, dict):
        return 0
    texts = sum(len(text) for name in _TEXTS if isinstance(text := delta.get(name), str))
    calls = delta.get("tool_calls")
    return texts + sum(_arguments(call) for call in calls) if isinstance(calls, list) else texts


def _arguments(call: object) -> int:
    function = call.get("function") if isinstance(call, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return len(arguments) if isinstance(arguments, str) else 0
