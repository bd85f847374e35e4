"""One phone call: joins a leg, an engine, the playout, the recorder and the clock, and ends them together."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import structlog

from offhook.audio.formats import FRAME_MS
from offhook.audio.melody import Melody, own_tune
from offhook.calls.change import Change
from offhook.calls.clock import MediaClock
from offhook.calls.consultation import Wish
from offhook.calls.engines.base import CallHandle, Engine, EngineFactory
from offhook.calls.hand import Hand
from offhook.calls.leg import Leg
from offhook.calls.line_meter import LineMeter
from offhook.calls.playout import Playout
from offhook.calls.recorder import Recorder
from offhook.calls.tools.base import ToolContext
from offhook.calls.track import Track
from offhook.calls.voice_detection import VoiceDetection, VoiceStream
from offhook.events import (
    CallEnded,
    CallerSpeechStarted,
    CallEvent,
    CallStarted,
    DtmfReceived,
    EndReason,
    EventSink,
)
from offhook.providers.llm.base import CallFacts

__all__ = ["Call"]

log = structlog.get_logger(__name__)

_QUIET_LINE_FRAMES = 5
_HANDOVER_MS = 15_000


class Call:
    """A call from answer to end. Implements `LegEvents` towards its leg and `Ticking` towards the clock.

    `melody` is for a caller on hold; `consult` asks somebody to take a call over. `hand` is for whoever does something
    to the call.
    """

    def __init__(
        self,
        leg: Leg,
        facts: CallFacts,
        *,
        clock: MediaClock,
        sink: EventSink,
        tool_context: ToolContext,
        voice_detection: VoiceDetection | None = None,
        recorder: Recorder | None = None,
        longest_s: float = 0,
        longest_line: str = "",
        melody: Melody | None = None,
        consult: Callable[["Call", Wish], Awaitable[None]] | None = None,
        on_ended: Callable[["Call"], None] = lambda call: None,
    ):
        self.leg = leg
        self.facts = facts
        self._clock = clock
        self._sink = sink
        self._tool_context = tool_context
        self._detection = voice_detection
        self._recorder = recorder
        self._longest_ms = int(longest_s * 1000)
        self._longest_line = longest_line
        self._last_words: tuple[str, EndReason] | None = None
        self._winding_up = False
        self._line_meter = LineMeter(facts.call_id, leg, sink)
        self._on_ended = on_ended
        self._beats = 0
        self._heard = 0
        self._voice: VoiceStream | None = None
        self._closing: asyncio.Task[None] | None = None
        self._engine: Engine | None = None
        self._playout = Playout(
            leg.format,
            send=leg.send,
            clear=leg.clear,
            mark=leg.mark,
            ready=lambda: leg.ready,
            lead_frames=leg.lead_ms // FRAME_MS,
            on_started=self._track_started,
            on_finished=self._track_finished,
        )
        self.hand = Hand(
            leg,
            self._playout,
            call_id=facts.call_id,
            melody=melody or own_tune(),
            now_ms=lambda: self.now_ms,
            sink=sink,
            on_closed=self.on_closed,
            consult=None if consult is None else partial(consult, self),
        )
        self.end_reason: EndReason | None = None
        self.ended = asyncio.Event()

    @property
    def now_ms(self) -> int:
        """Milliseconds since the call was answered, by the media clock."""
        return self._beats * FRAME_MS

    def answer(self, make_engine: EngineFactory) -> None:
        """Start the engine and the flow of audio. Raises what the engine's making raises; the leg is then untouched."""
        transfer = self.hand.transfer if self.leg.control is not None else None
        context = replace(self._tool_context, transfer=transfer, hand=self.hand, change=self.change)
        handle = CallHandle(self.facts, self._playout, lambda: self.now_ms, self._emit, self.end, context)
        engine = make_engine(handle)
        self._engine = engine
        if engine.wants_vad and self._detection is not None:
            self._voice = self._detection.open(self.leg.format, self._on_voice)
        self._sink(
            CallStarted(
                self.facts.call_id,
                0,
                self.leg.carrier,
                self.leg.carrier_call_id,
                self.facts.agent,
                self.leg.peer,
                str(self.leg.format),
                datetime.now(UTC).isoformat(timespec="milliseconds"),
                self.leg.origin.direction,
                self.leg.origin.from_number,
                self.leg.origin.to_number,
                self.facts.experiment,
                self.facts.variant,
                self.leg.origin.consults_for,
            )
        )
        self._clock.add(self)
        engine.start()
        self.leg.attach(self)

    def change(self, change: Change) -> None:
        """Change the agent in the middle of the call. Raises ToolError where the agent has nothing of such a name."""
        if self._engine is not None and self._talking:
            self._engine.change(change)

    # What the leg tells

    def on_audio(self, frame: bytes) -> None:
        """A frame of the caller: to the recorder, the voice detector and the engine."""
        if self._engine is None or not self._talking:
            return
        self._heard += 1
        try:
            if self._recorder is not None:
                self._recorder.hear(frame)
            self._give(self.leg.format.silence if self.hand.held else frame)
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call
            self._broke(error)

    def on_dtmf(self, digit: str) -> None:
        """A key of the caller."""
        if self._engine is None or not self._talking:
            return
        try:
            self._sink(DtmfReceived(self.facts.call_id, self.now_ms, digit))
            held = self.hand.held
            self.hand.note("key")
            if not held:
                self._engine.dtmf(digit)
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call
            self._broke(error)

    def on_played(self, name: str) -> None:
        """The caller has heard everything up to a mark."""
        if self._closing is not None:
            return
        try:
            self._playout.played(name)
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call
            self._broke(error)

    def on_closed(self, reason: EndReason, detail: str) -> None:
        """The carrier's side is gone; after a transfer that is how it ends."""
        if self.hand.keeps_end(reason, detail):
            return
        self.end(reason if self.hand.handed_over_ms is None else EndReason.TRANSFERRED, self.hand.taken_by or detail)

    @property
    def _talking(self) -> bool:
        return self._closing is None and self.hand.handed_over_ms is None

    def _on_voice(self, probability: float, end_ms: int) -> None:
        if self._engine is None or not self._talking:
            return
        try:
            self._engine.voice(probability, end_ms)
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call, and the batch goes on
            self._broke(error)

    def _broke(self, error: Exception) -> None:
        log.error("a fault in a call", call_id=self.facts.call_id, exc_info=error)
        self.end(EndReason.ERROR, str(error))

    # What the clock tells

    def tick(self, live: bool) -> None:
        """One beat: send what is due, record it, and let time pass for the engine."""
        engine = self._engine
        if engine is None or self._closing is not None:
            return
        try:
            self._beat(engine, live)
        except Exception as error:  # noqa: BLE001 - a fault in one call ends that call, and the clock goes on
            self._broke(error)

    def _beat(self, engine: Engine, live: bool) -> None:
        self._beats += 1
        self._line_meter.tick(self.now_ms)
        if self.hand.handed_over_ms is not None:
            # The carrier ends the leg when it has connected the caller; to close it before would end the call.
            if self.now_ms - self.hand.handed_over_ms >= _HANDOVER_MS:
                self.end(EndReason.TRANSFERRED, self.hand.taken_by)
            return
        self.hand.tick()
        agent = self._playout.tick(live)
        if self._recorder is not None:
            self._recorder.tick(agent)
        if self._heard < self._beats - _QUIET_LINE_FRAMES:
            self._fill()
        engine.tick(self.now_ms)
        if self._longest_ms and self.now_ms >= self._longest_ms:
            self.wind_up(self._longest_line, EndReason.MAX_DURATION)
        if self._last_words is not None and not (self._winding_up or self.hand.held):
            self._winding_up = True
            engine.wind_up(*self._last_words)

    def _fill(self) -> None:
        # A muted line sends nothing; turns must still come to their end.
        self._heard += 1
        self._give(self.leg.format.silence)

    def _give(self, frame: bytes) -> None:
        if self._voice is not None:
            self._voice.feed(frame)
        if self._engine is not None:
            self._engine.hear(frame)

    def _emit(self, event: CallEvent) -> None:
        if isinstance(event, CallerSpeechStarted):
            self.hand.note("voice")
        self._sink(event)

    def _track_started(self, track: Track) -> None:
        if self._engine is not None and not self.hand.is_music(track):
            self._engine.track_started(track)

    def _track_finished(self, track: Track) -> None:
        if self.hand.is_music(track):
            self.hand.music_finished(track)
        elif self._engine is not None:
            self._engine.track_finished(track)

    # The end

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say `line` from the next beat on, then end the call for `reason`. The first reason stands."""
        self._last_words = self._last_words or (line, reason)

    def end(self, reason: EndReason, detail: str = "") -> None:
        """End the call. The first reason stands; later ones are ignored."""
        if self._closing is None:
            self.end_reason = reason
            self.hand.close()
            self._closing = asyncio.get_running_loop().create_task(self._close(reason, detail))

    async def _close(self, reason: EndReason, detail: str) -> None:
        self._clock.remove(self)
        if self._voice is not None and self._detection is not None:
            self._detection.close(self._voice)
        # Whatever one of them does, the other must come to its end.
        for fault in await asyncio.gather(self._stop(), self.leg.close(reason), return_exceptions=True):
            if isinstance(fault, BaseException):
                log.error("a call could not be closed cleanly", call_id=self.facts.call_id, exc_info=fault)
        counters = {
            "underruns": self._playout.underruns,
            "marks_given_up": self._playout.marks_given_up,
            "frames_heard": self._heard,
        }
        self._line_meter.close(self.now_ms)
        said = (self.hand.disposition, self.hand.summary)
        self._sink(CallEnded(self.facts.call_id, self.now_ms, reason, detail, counters, *said))
        self.ended.set()
        self._on_ended(self)

    async def _stop(self) -> None:
        try:
            track = self._playout.flush()
            if track is not None:
                self._track_finished(track)
            if self._engine is not None:
                await self._engine.close()
        finally:
            if self._recorder is not None:
                self._recorder.close()
