"""An engine that asks a person whether they take a call over: tells what it is about, and waits for a key."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.last_silence import LastSilence
from offhook.calls.engines.trouble import report_trouble
from offhook.calls.engines.usage import reporter
from offhook.calls.engines.utterances import Utterances
from offhook.calls.speaker import Phrases, Speaker
from offhook.calls.track import Track
from offhook.errors import ProviderError
from offhook.events import EndReason

__all__ = ["Brief", "Briefing", "Decision"]

Decision = Literal["accepted", "declined", "undecided", "hung_up"]

_ACCEPT, _DECLINE = "1", "2"
_TIMES = 2
_LONGEST_MS = 90_000


@dataclass(frozen=True, slots=True)
class Brief:
    """What is said: `line`, then `ask_line`, both twice at most, each time with `wait_ms` for an answer. `goodbye` is
    for who declines or presses nothing."""

    line: str
    ask_line: str
    goodbye: str
    wait_ms: int = 6_000
    speed: float = 1.0


class Briefing:
    """Tells `decide` once: accepted or declined by key, undecided when no key comes, hung up.

    Only a key accepts: a machine that answers presses none, whatever it says. Who has accepted hears nothing more and
    waits to be connected; anybody else hears a goodbye and is hung up.
    """

    wants_vad = False

    def __init__(self, call: CallHandle, phrases: Phrases, brief: Brief, decide: Callable[[Decision], None]):
        self._call = call
        self._brief = brief
        self._decide = decide
        self._speaker = Speaker(phrases, call.playout, speed=brief.speed, on_used=reporter(call, "tts"))
        self._utterances = Utterances(call)
        self._last_silence = LastSilence()
        self._speaking: asyncio.Task[None] | None = None
        self._told = 0
        self._silent_since_ms: int | None = None
        self._decision: Decision | None = None
        self._ending: EndReason | None = None

    def start(self) -> None:
        """Begin to speak."""
        self._tell()

    def dtmf(self, digit: str) -> None:
        """The answer."""
        if self._decision is not None:
            return
        if digit == _ACCEPT:
            self._fall_silent()
            self._take("accepted")
        elif digit == _DECLINE:
            self._take("declined")
            self.wind_up(self._brief.goodbye, EndReason.AGENT_HUNG_UP)

    def tick(self, now_ms: int) -> None:
        """Say it once more where no answer comes, then give up; and hang up when all is said."""
        quiet = not (self._call.playout.active or self._busy)
        if self._ending is not None:
            if self._last_silence.over(now_ms, quiet=quiet):
                self._call.end(self._ending, "")
            return
        if self._decision is not None:
            return
        if now_ms >= _LONGEST_MS:
            self._give_up()
        elif not quiet:
            self._silent_since_ms = None
        elif self._silent_since_ms is None:
            self._silent_since_ms = now_ms
        elif now_ms - self._silent_since_ms >= self._brief.wait_ms:
            self._ask_again()

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line`, then end the call. The first reason stands."""
        if self._ending is not None:
            return
        self._ending = reason
        self._take("hung_up")
        self._fall_silent()
        self._say(line)

    def hear(self, frame: bytes) -> None:
        """Nobody listens."""

    def voice(self, probability: float, end_ms: int) -> None:
        """Nobody listens."""

    def track_started(self, track: Track) -> None:
        """Note when an utterance began."""
        self._utterances.started(track)

    def track_finished(self, track: Track) -> None:
        """Note that an utterance is over."""
        self._utterances.finished(track)

    def change(self, change: Change) -> None:
        """What is being asked does not change."""

    async def close(self) -> None:
        """Stop speaking. Who has not decided by now has hung up."""
        self._take("hung_up")
        # Whoever asked may say a last word now, which nobody would hear.
        self._ending = self._ending or EndReason.CALLER_HUNG_UP
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)

    @property
    def _busy(self) -> bool:
        return self._speaking is not None and not self._speaking.done()

    def _take(self, decision: Decision) -> None:
        if self._decision is None:
            self._decision = decision
            self._decide(decision)

    def _tell(self) -> None:
        self._told += 1
        self._silent_since_ms = None
        self._say(self._brief.line, self._brief.ask_line)

    def _ask_again(self) -> None:
        if self._told < _TIMES:
            self._tell()
        else:
            self._give_up()

    def _give_up(self) -> None:
        self._take("undecided")
        self.wind_up(self._brief.goodbye, EndReason.AGENT_HUNG_UP)

    def _fall_silent(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
        track = self._call.playout.flush()
        if track is not None:
            self._utterances.finished(track)

    def _say(self, *lines: str) -> None:
        self._speaking = asyncio.get_running_loop().create_task(self._speak([line for line in lines if line]))

    async def _speak(self, lines: list[str]) -> None:
        for line in lines:
            try:
                await self._speaker.say(line, self._call.playout.begin())
            except ProviderError as error:
                report_trouble(self._call, "speech", error)
