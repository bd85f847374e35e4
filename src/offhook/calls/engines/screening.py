"""An engine for outbound calls that holds another one back until it is known who answered: a person or a machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import structlog

from offhook.calls.answering_machine import MachineDetector, MachineTiming, Sign
from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.track import Track
from offhook.events import EndReason

__all__ = ["CarrierVerdict", "Screen", "Screening"]

log = structlog.get_logger(__name__)

CarrierVerdict = Literal["", "human", "machine", "machine_done"]

_BESIDE_THE_CARRIER = MachineTiming(initial_silence_ms=2_000)
_MESSAGE_ONLY = MachineTiming(initial_silence_ms=2_000, greeting_ms=0)
_LONGEST_HOLD_MS = 10_000
_LONGEST_GREETING_MS = 30_000
_AFTER_GREETING_MS = 3_000
_LONGEST_MESSAGE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Screen:
    """How one call finds out who answered, and what it does with a machine.

    `judge` is the carrier, whose `verdict` is asked for at every beat, or "own": the timing of the voice; then `report`
    is told the verdict. `machine_done` is a machine that has said its message. `message` is what a machine is left.
    """

    judge: Literal["carrier", "own"]
    machine: Literal["hang_up", "leave_message", "talk"]
    message: str = ""
    verdict: Callable[[], CarrierVerdict] = lambda: ""
    report: Callable[[Literal["human", "machine"]], None] = lambda verdict: None


class Screening:
    """Greets when a person has answered and fallen silent, or when nobody says a word.

    Where the carrier judges, the agent need not wait for it: a short greeting, or silence, lets it talk, and a verdict
    that comes later stands all the same.
    """

    wants_vad = True

    def __init__(self, call: CallHandle, inner: Engine, screen: Screen):
        self._call = call
        self._inner = inner
        self._screen = screen
        self._detector = MachineDetector(None if screen.judge == "own" else _BESIDE_THE_CARRIER)
        self._listening_since_ms = 0
        self._heard_ms = 0
        self._judged = False
        self._stage: Literal["holding", "talking", "waiting", "leaving", "over"] = "holding"
        self._until_ms = _LONGEST_HOLD_MS

    def start(self) -> None:
        """Say nothing yet."""

    def hear(self, frame: bytes) -> None:
        """The inner engine counts frames, and so hears them all."""
        self._inner.hear(frame)

    def voice(self, probability: float, end_ms: int) -> None:
        """Judge who is there; a person who is talked with belongs to the inner engine."""
        self._heard_ms = end_ms
        if self._stage in ("holding", "waiting"):
            sign = self._detector.feed(probability, end_ms - self._listening_since_ms)
            if sign is not None:
                self._take(sign)
        elif self._stage == "talking" and self._inner.wants_vad:
            self._inner.voice(probability, end_ms)

    def dtmf(self, digit: str) -> None:
        """Keys count from the moment that the agent talks."""
        if self._stage == "talking":
            self._inner.dtmf(digit)

    def track_started(self, track: Track) -> None:
        """For the inner engine."""
        self._inner.track_started(track)

    def track_finished(self, track: Track) -> None:
        """For the inner engine."""
        self._inner.track_finished(track)

    def tick(self, now_ms: int) -> None:
        """Ask for the carrier's verdict, wait no longer than is bearable, and let the inner engine go on."""
        if not self._judged:
            self._hear_carrier(self._screen.verdict())
        if now_ms >= self._until_ms:
            if self._stage == "holding":
                self._talk()
            elif self._stage == "waiting":
                self._leave()
        if self._stage in ("talking", "leaving"):
            self._inner.tick(now_ms)

    def wind_up(self, line: str, reason: EndReason) -> None:
        """Say the last line to whoever is there."""
        self._judged = True
        self._stage = "leaving"
        self._inner.wind_up(line, reason)

    def change(self, change: Change) -> None:
        """For the inner engine."""
        self._inner.change(change)

    async def close(self) -> None:
        """Stop the inner engine."""
        self._stage = "over"
        await self._inner.close()

    def _hear_carrier(self, verdict: CarrierVerdict) -> None:
        if not verdict:
            return
        self._judged = True
        if verdict != "human":
            self._meet_machine(done=verdict == "machine_done")
        elif self._stage == "holding":
            self._talk()

    def _take(self, sign: Sign) -> None:
        if self._stage == "waiting":
            if sign != "machine":
                self._leave()
        elif sign in ("human", "silence"):
            self._report(sign)
            self._talk()
        elif self._screen.judge == "carrier":
            # It sounds like a machine, and a carrier that waits for the end of its message says so only then.
            patience_ms = _LONGEST_GREETING_MS if sign == "machine" else _AFTER_GREETING_MS
            self._until_ms = self._call.now_ms() + patience_ms
        elif sign == "machine":
            self._report(sign)
            self._meet_machine(done=False)

    def _report(self, sign: Sign) -> None:
        if self._screen.judge == "own":
            self._judged = True
            if sign in ("human", "machine"):
                self._screen.report(sign)

    def _talk(self) -> None:
        if self._stage == "holding":
            self._stage = "talking"
            self._inner.start()

    def _meet_machine(self, *, done: bool) -> None:
        action = self._screen.machine
        log.info("an answering machine took the call", call_id=self._call.facts.call_id, action=action)
        if action == "talk":
            self._talk()
        elif action == "hang_up" or not self._screen.message:
            self._stage = "over"
            self._call.end(EndReason.ANSWERING_MACHINE, "")
        elif done:
            self._leave()
        else:
            self._wait()

    def _wait(self) -> None:
        """Fall silent until the machine has said its message."""
        track = self._call.playout.flush()
        if track is not None:
            self._inner.track_finished(track)
        # What the inner engine may still be about to say stays unsaid.
        self._call.playout.pause()
        self._stage = "waiting"
        self._until_ms = self._call.now_ms() + _LONGEST_MESSAGE_MS
        if self._detector.verdict != "machine":
            self._detector = MachineDetector(_MESSAGE_ONLY)
            self._listening_since_ms = self._heard_ms

    def _leave(self) -> None:
        """Say the message, then hang up."""
        self._stage = "leaving"
        self._inner.wind_up(self._screen.message, EndReason.ANSWERING_MACHINE)
