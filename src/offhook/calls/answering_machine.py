"""Whether a person or an answering machine took an outbound call, by the timing of speech and silence alone.

People answer briefly and wait; machines speak on. The measures are those of the field: an initial silence, the
length of a greeting, the silence after it, and a limit to it all.
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["MachineDetector", "MachineTiming", "Sign"]

Sign = Literal["human", "machine", "silence", "end_of_message"]


@dataclass(frozen=True, slots=True)
class MachineTiming:
    """Limits in ms. Defaults are those of Vobiz and Plivo where they have the setting.

    Nothing but silence for `initial_silence_ms` is "silence". A greeting whose voice lasts longer than `greeting_ms`,
    or that goes on for `maximum_speech_ms` with pauses shorter than `pause_ms`, is a machine; a shorter one with such
    a pause behind it a person. After `total_ms` whoever has spoken so briefly or so late counts as a person. A
    message is over after `message_end_ms` of silence. Sounds of less than `word_ms` are no words.
    """

    initial_silence_ms: int = 4_500
    greeting_ms: int = 1_500
    maximum_speech_ms: int = 5_000
    total_ms: int = 5_000
    pause_ms: int = 800
    message_end_ms: int = 2_000
    word_ms: int = 100
    voice: float = 0.5


class MachineDetector:
    """Listens to one outbound call from its answer on. Time is the position in the audio of who was called, in ms."""

    def __init__(self, timing: MachineTiming | None = None):
        self._timing = timing or MachineTiming()
        self._now_ms = 0
        self._onset_ms: int | None = None
        self._last_voice_ms = 0
        self._voiced_ms = 0
        self._done = False
        self.verdict: Sign | None = None

    def feed(self, probability: float, end_ms: int) -> Sign | None:
        """Take the voice detector's verdict on the audio up to `end_ms`, which follows what was taken before.

        Returns the verdict once, when it is clear, and after "machine" once "end_of_message"."""
        chunk_ms = end_ms - self._now_ms
        if chunk_ms <= 0 or self._done:
            return None
        self._now_ms = end_ms
        if probability >= self._timing.voice:
            self._hear(chunk_ms)
        if self.verdict is None:
            return self._judged()
        return self._ended()

    def _hear(self, chunk_ms: int) -> None:
        if self._onset_ms is None:
            self._onset_ms = self._now_ms - chunk_ms
        self._last_voice_ms = self._now_ms
        self._voiced_ms += chunk_ms

    def _judged(self) -> Sign | None:
        self.verdict = self._of_speech() if self._onset_ms is not None else None
        if self.verdict is None:
            self.verdict = self._of_time()
        self._done = self.verdict in ("human", "silence")
        return self.verdict

    def _of_speech(self) -> Sign | None:
        timing = self._timing
        if self._voiced_ms > timing.greeting_ms or self._spoken_ms > timing.maximum_speech_ms:
            return "machine"
        if self._silence_ms < timing.pause_ms:
            return None
        if self._voiced_ms >= timing.word_ms:
            return "human"
        self._onset_ms, self._voiced_ms = None, 0
        return None

    def _of_time(self) -> Sign | None:
        timing = self._timing
        if self._onset_ms is None and self._now_ms >= timing.initial_silence_ms:
            return "silence"
        if self._now_ms >= timing.total_ms:
            return "human" if self._voiced_ms >= timing.word_ms else "silence"
        return None

    def _ended(self) -> Sign | None:
        if self._silence_ms < self._timing.message_end_ms:
            return None
        self._done = True
        return "end_of_message"

    @property
    def _spoken_ms(self) -> int:
        return self._last_voice_ms - (self._onset_ms or 0)

    @property
    def _silence_ms(self) -> int:
        return self._now_ms - self._last_voice_ms
