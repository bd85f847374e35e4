"""An engine whose place another one takes in the middle of a call: sessions first, the pipeline when there are none."""

import asyncio
from dataclasses import replace

import structlog

from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.pipeline import Pipeline, PipelineParts
from offhook.calls.engines.realtime import Realtime
from offhook.calls.engines.realtime_parts import RealtimeParts
from offhook.calls.engines.so_far import SoFar
from offhook.calls.track import Track
from offhook.events import EndReason

__all__ = ["RealtimeWithStandIn"]

log = structlog.get_logger(__name__)


class RealtimeWithStandIn:
    """Answers a call with sessions as long as there are any, then with the pipeline of `parts.fallback`; with that from
    the beginning where no session is worth asking for."""

    wants_vad = True

    def __init__(self, call: CallHandle, parts: RealtimeParts, fallback: PipelineParts):
        self._call = call
        self._fallback = fallback
        self._leaving: asyncio.Task[None] | None = None
        self._engine: Engine
        if parts.providers.any_available:
            self._engine = Realtime(call, parts, self._hand_over)
        else:
            log.warning("the pipeline answers a call, for want of sessions", call_id=call.facts.call_id)
            self._engine = Pipeline(call, fallback)

    def start(self) -> None:
        """The call is answered."""
        self._engine.start()

    def hear(self, frame: bytes) -> None:
        """For whoever is at work."""
        self._engine.hear(frame)

    def voice(self, probability: float, end_ms: int) -> None:
        """For whoever is at work."""
        self._engine.voice(probability, end_ms)

    def dtmf(self, digit: str) -> None:
        """For whoever is at work."""
        self._engine.dtmf(digit)

    def track_started(self, track: Track) -> None:
        """For whoever is at work; they share what they know of tracks."""
        self._engine.track_started(track)

    def track_finished(self, track: Track) -> None:
        """For whoever is at work."""
        self._engine.track_finished(track)

    def tick(self, now_ms: int) -> None:
        """For whoever is at work."""
        self._engine.tick(now_ms)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """For whoever is at work."""
        self._engine.wind_up(line, reason)

    def change(self, change: Change) -> None:
        """For whoever is at work; who takes over goes on with it."""
        self._engine.change(change)

    async def close(self) -> None:
        """Stop whoever is at work, and whoever was."""
        if self._leaving is not None:
            await asyncio.gather(self._leaving, return_exceptions=True)
        await self._engine.close()

    def _hand_over(self, so_far: SoFar) -> None:
        log.warning("the pipeline takes over a call", call_id=self._call.facts.call_id)
        # The voices of a session are not those of the pipeline.
        so_far = replace(so_far, change=replace(so_far.change, voice=None))
        before, self._engine = self._engine, Pipeline(self._call, self._fallback, so_far)
        self._leaving = asyncio.get_running_loop().create_task(before.close())
        self._engine.start()
