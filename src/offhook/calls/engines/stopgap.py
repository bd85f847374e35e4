"""Short lines for silences that the caller would wonder about: while a tool works, or a session is replaced."""

import asyncio
from collections.abc import Callable, Sequence

from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.usage import reporter
from offhook.calls.speaker import Phrases, Speaker
from offhook.config import AgentSettings
from offhook.errors import ProviderError

__all__ = ["Fillers", "Stopgap"]

_FIRST_MS = 700
_FURTHER_MS = 6_000


class Fillers:
    """Which line a silence wants, and when. Every wait begins with the first of `lines`, and goes round them."""

    def __init__(self, lines: Sequence[str]):
        self._lines = lines
        self._silent_since_ms: int | None = None
        self._said = 0

    def change(self, lines: Sequence[str]) -> None:
        """Find others due from now on."""
        self._lines = lines

    def tick(self, now_ms: int, *, waiting: bool, silent: bool, first: str | None = None) -> str:
        """The line that is due, or none: whether something is waited for, and whether nobody speaks.

        `first` stands in place of the first line; an empty one wants the wait to be silent."""
        self._said = self._said if waiting else 0
        if not (waiting and silent):
            self._silent_since_ms = None
            return ""
        if self._silent_since_ms is None:
            self._silent_since_ms = now_ms
        if now_ms - self._silent_since_ms < (_FURTHER_MS if self._said else _FIRST_MS):
            return ""
        self._silent_since_ms = now_ms
        self._said += 1
        return self._line(self._said - 1, first)

    def _line(self, place: int, first: str | None) -> str:
        if first is not None and (place == 0 or not first):
            return first
        return self._lines[place % len(self._lines)] if self._lines else ""


class Stopgap:
    """Says what `Fillers` find due, with the voice of `phrases`. Where there is none, `ask` is to have it said."""

    def __init__(
        self,
        call: CallHandle,
        agent: AgentSettings,
        phrases: Phrases | None,
        *,
        ask: Callable[[str], None] = lambda line: None,
    ):
        self._call = call
        self._fillers = Fillers(agent.filler_lines)
        self._speaker = self._speaker_of(agent, phrases)
        self._ask = ask
        self._speaking: set[asyncio.Task[None]] = set()

    def change(self, agent: AgentSettings, phrases: Phrases | None) -> None:
        """Say the lines of another agent, or with another voice, from now on."""
        self._fillers.change(agent.filler_lines)
        self._speaker = self._speaker_of(agent, phrases)

    def _speaker_of(self, agent: AgentSettings, phrases: Phrases | None) -> Speaker | None:
        if phrases is None:
            return None
        return Speaker(phrases, self._call.playout, speed=agent.speed, on_used=reporter(self._call, "tts"))

    @property
    def busy(self) -> bool:
        """Whether a line is being made."""
        return bool(self._speaking)

    def tick(self, now_ms: int, *, waiting: bool, silent: bool, first: str | None = None) -> None:
        """Take one beat, as `Fillers.tick` does, and say what is due."""
        line = self._fillers.tick(now_ms, waiting=waiting, silent=silent and not self.busy, first=first)
        if line:
            self.say(line)

    def say(self, line: str) -> None:
        """Say `line`, if there is a voice."""
        if self._speaker is None:
            self._ask(line)
            return
        task = asyncio.get_running_loop().create_task(self._speak(self._speaker, line))
        self._speaking.add(task)
        task.add_done_callback(self._speaking.discard)

    def stop(self) -> None:
        """Make no more of what is being made."""
        for task in self._speaking:
            task.cancel()

    async def close(self) -> None:
        """Stop speaking."""
        self.stop()
        await asyncio.gather(*self._speaking, return_exceptions=True)

    async def _speak(self, speaker: Speaker, line: str) -> None:
        track = self._call.playout.begin()
        try:
            await speaker.say(line, track)
        except ProviderError as error:
            report_trouble(self._call, "speech", error)
