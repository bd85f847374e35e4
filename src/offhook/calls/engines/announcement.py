"""An engine that says one line and hangs up: for callers that cannot be served now."""

import asyncio

import structlog

from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle
from offhook.calls.engines.usage import reporter
from offhook.calls.speaker import Phrases, Speaker
from offhook.calls.track import Track
from offhook.errors import ProviderError
from offhook.events import EndReason

__all__ = ["Announcement"]

log = structlog.get_logger(__name__)


class Announcement:
    """Says `line` and ends the call for `reason`."""

    wants_vad = False

    def __init__(self, call: CallHandle, phrases: Phrases, line: str, reason: EndReason):
        self._call = call
        self._speaker = Speaker(phrases, call.playout, speed=1.0, on_used=reporter(call, "tts"))
        self._line = line
        self._reason = reason
        self._speaking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to speak."""
        self._speaking = asyncio.get_running_loop().create_task(self._speak())

    async def _speak(self) -> None:
        try:
            await self._speaker.say(self._line, self._call.playout.begin())
        except ProviderError as error:
            log.warning("an announcement could not be spoken", error=str(error))

    def tick(self, now_ms: int) -> None:
        """End when all is said."""
        if self._speaking is not None and self._speaking.done() and not self._call.playout.active:
            self._call.end(self._reason, "")

    def wind_up(self, line: str, reason: EndReason) -> None:
        """The line that is being said is the last one anyway."""

    def hear(self, frame: bytes) -> None:
        """Nobody listens."""

    def voice(self, probability: float, end_ms: int) -> None:
        """Nobody listens."""

    def dtmf(self, digit: str) -> None:
        """Nobody listens."""

    def track_started(self, track: Track) -> None:
        """Nothing to note."""

    def track_finished(self, track: Track) -> None:
        """Nothing to note."""

    def change(self, change: Change) -> None:
        """What is being said is said to its end."""

    async def close(self) -> None:
        """Stop speaking."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
