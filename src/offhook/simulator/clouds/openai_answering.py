"""The answers of a spoken session of the double of OpenAI's Realtime API: one at a time, thought out by a brain."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

from offhook.simulator.clouds.minds import Mind, quoted_line
from offhook.simulator.clouds.openai_chat import ChatReply, ChatRequest
from offhook.simulator.clouds.openai_entries import Entries
from offhook.simulator.clouds.openai_responding import Emit, Responding, Speaker
from offhook.simulator.clouds.openai_session import Wrong
from offhook.simulator.clouds.openai_speaking_settings import SpeakingSettings
from offhook.simulator.clouds.serving import Refuse

__all__ = ["Answering"]

_KNOWN = frozenset({"instructions", "metadata", "tools", "tool_choice", "max_output_tokens"})


class Answering:
    """Answers `entries` by `emit`. `written` waits for the words of what was heard; `on_said` is told how long an
    answer plays."""

    def __init__(
        self,
        mind: Mind,
        entries: Entries,
        settings: SpeakingSettings,
        emit: Emit,
        *,
        number: int,
        written: Callable[[], Awaitable[None]],
        on_said: Callable[[float], None],
    ) -> None:
        self.spoken = False
        self._mind = mind
        self._entries = entries
        self._settings = settings
        self._emit = emit
        self._number = number
        self._written = written
        self._on_said = on_said
        self._count = 0
        self._context = (0, 0)
        self._active: Responding | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def create(self, event: Mapping[str, Any]) -> None:
        """Begin what the client asks for. Raises Wrong."""
        wanted = event.get("response") or {}
        if unknown := next((name for name in wanted if name not in _KNOWN), None):
            raise Wrong(f"Unknown parameter: 'response.{unknown}'.", "unknown_parameter", f"response.{unknown}")
        if self._active:
            text = f"Conversation already has an active response in progress: {self._active.id}."
            raise Wrong(text, "conversation_already_has_active_response")
        self._begin(wanted)

    def answer(self) -> None:
        """Begin an answer to the caller's turn, unless one goes on that nobody stopped."""
        if self._active is None or self._active.stopped:
            self._begin({})

    def interrupt(self) -> None:
        """The caller speaks."""
        self._stop("turn_detected")

    def cancel(self, event: Mapping[str, Any]) -> None:
        """Stop what the client wants stopped. Raises Wrong."""
        wanted = event.get("response_id")
        if self._active is None or self._active.stopped or wanted not in (None, self._active.id):
            raise Wrong("Cancellation failed: no active response found", "response_cancel_not_active")
        self._stop("client_cancelled")

    async def close(self) -> None:
        """Stop at once."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _stop(self, reason: Literal["turn_detected", "client_cancelled"]) -> None:
        if self._active and not self._active.stopped:
            self._active.stopped = reason

    def _begin(self, wanted: Mapping[str, Any]) -> None:
        self._count += 1
        responding = Responding(
            f"resp_{self._number}_{self._count}",
            self._emit,
            self._entries,
            Speaker(self._mind.voice, self._mind.haste),
            self._settings.output_format,
            self._settings.output["voice"],
            wanted.get("metadata"),
        )
        self._active = responding
        task = asyncio.create_task(self._run(responding, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, responding: Responding, wanted: Mapping[str, Any]) -> None:
        async with self._turn:
            await responding.begin()
            await self._emit({"type": "rate_limits.updated", "rate_limits": self._limits()})
            await self._written()
            given = self._used()
            reply = self._refusal() or self._think(str(wanted.get("instructions") or ""))
            self.spoken = True
            await responding.give(reply)
            if self._active is responding:
                self._active = None
            self._on_said(responding.audio_ms)
            await responding.end(self._usage(given, responding))

    def _think(self, own: str) -> ChatReply:
        """What to say. Instructions for one answer are taken by the letter where they quote a line."""
        messages = self._entries.messages()
        if line := quoted_line(own):
            return ChatReply(line)
        if not messages:
            return ChatReply(own.rsplit("\n\n", 1)[-1] or "Hello.")
        instructions = own or self._settings["instructions"]
        system = [{"role": "system", "content": instructions}] if instructions else []
        tools = [{"type": "function", "function": tool} for tool in self._settings["tools"]]
        body = {"model": self._settings.model, "messages": [*system, *messages], "tools": tools}
        return self._mind.brain(ChatRequest(body, {}))

    def _refusal(self) -> ChatReply | None:
        if self._mind.answers_left > 0:
            self._mind.answers_left -= 1
            return None
        text = f"Rate limit reached. Please try again in {self._mind.reset_s:g}s."
        return ChatReply(fault=Refuse(429, text, "rate_limit_error", "rate_limit_exceeded"))

    def _limits(self) -> list[dict[str, Any]]:
        left = {"requests": self._mind.answers_left, "tokens": 40_000}
        limits = {"requests": self._mind.answers, "tokens": 40_000}
        return [
            {"name": name, "limit": limits[name], "remaining": left[name], "reset_seconds": self._mind.reset_s}
            for name in limits
        ]

    def _used(self) -> tuple[int, int]:
        """Text and audio of what the model reads."""
        text = len(str(self._settings["instructions"]).split())
        tokens = [entry.tokens for entry in self._entries]
        return text + sum(each[0] for each in tokens), sum(each[1] for each in tokens)

    def _usage(self, given: tuple[int, int], responding: Responding) -> dict[str, Any]:
        cached = min(given[0], self._context[0]), min(given[1], self._context[1])
        self._context = given
        text = sum(len(entry.text.split()) for entry in responding.output)
        audio = sum(entry.tokens[1] for entry in responding.output)
        return {
            "total_tokens": sum(given) + text + audio,
            "input_tokens": sum(given),
            "output_tokens": text + audio,
            "input_token_details": {
                "text_tokens": given[0],
                "audio_tokens": given[1],
                "image_tokens": 0,
                "cached_tokens": sum(cached),
                "cached_tokens_details": {"text_tokens": cached[0], "audio_tokens": cached[1], "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": text, "audio_tokens": audio},
        }
