"""A short line for a silence that the caller would wonder about: while a tool works, or a session is replaced."""

import asyncio

from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.replies import report_trouble
from offhook.calls.speaker import Phrases, Speaker
from offhook.config import AgentSettings
from offhook.errors import ProviderError

__all__ = ["Stopgap"]

_BEARABLE_MS = 1_000


class Stopgap:
    """A voice besides the session's, if there is one. It says `moment_line` once in every wait."""

    def __init__(self, call: CallHandle, agent: AgentSettings, phrases: Phrases | None):
        self._call = call
        self._line = agent.moment_line
        self._speaker = Speaker(phrases, call.playout, speed=agent.speed) if phrases is not None else None
        self._speaking: set[asyncio.Task[None]] = set()
        self._silent_since_ms: int | None = None
        self._said = False

    @property
    def busy(self) -> bool:
        """Whether a line is being made."""
        return bool(self._speaking)

    def tick(self, now_ms: int, *, waiting: bool, silent: bool) -> None:
        """Take one beat: whether something is waited for, and whether nobody speaks."""
        if not (waiting and silent):
            self._silent_since_ms = None
            self._said = self._said and waiting
            return
        if self._silent_since_ms is None:
            self._silent_since_ms = now_ms
        if not self._said and now_ms - self._silent_since_ms >= _BEARABLE_MS and self._line:
            self._said = True
            self.say(self._line)

    def say(self, line: str) -> None:
        """Say `line`, if there is a voice."""
        if self._speaker is not None:
            task = asyncio.get_running_loop().create_task(self._speak(self._speaker, line))
            self._speaking.add(task)
            task.add_done_callback(self._speaking.discard)

    async def close(self) -> None:
        """Stop speaking."""
        for task in self._speaking:
            task.cancel()
        await asyncio.gather(*self._speaking, return_exceptions=True)

    async def _speak(self, speaker: Speaker, line: str) -> None:
        track = self._call.playout.begin()
        try:
            await speaker.say(line, track)
        except ProviderError as error:
            report_trouble(self._call, "speech", error)
