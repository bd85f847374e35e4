"""The caller's telephone: mouth, ear, keypad and hook on one timeline. No socket; its clock is the frames it sends."""

from collections.abc import Callable
from typing import Literal

from offhook.simulator.ear import Ear, Utterance
from offhook.simulator.mouth import Mouth
from offhook.simulator.scenario import Scenario

__all__ = ["Party", "Phone"]

Party = Literal["agent", "caller", ""]


class Phone:
    """Both directions of one call. Positions on the timeline are samples at `rate`.

    `on_utterance` is told of each agent utterance when it is over.
    """

    def __init__(self, scenario: Scenario, on_utterance: Callable[[Utterance], None] = lambda _: None):
        self.rate = scenario.line.rate
        self.mouth = Mouth(scenario.line, scenario.caller)
        self.ear = Ear(self.rate, scenario.agent)
        self.ended_by: Party = ""
        self.ended_at = 0
        self._keys: list[str] = []
        self._on_utterance = on_utterance

    @property
    def now(self) -> int:
        """The end of the last frame sent."""
        return self.mouth.now

    def samples(self, ms: float) -> int:
        """Milliseconds as samples of this line."""
        return int(ms * self.rate / 1000)

    def ms(self, samples: int) -> float:
        """Samples of this line as milliseconds."""
        return samples * 1000 / self.rate

    def press(self, digit: str) -> None:
        """Press a key; it goes out with the next frame."""
        self._keys.append(digit)

    def tick(self) -> tuple[str, bytes | None]:
        """What goes out in this tick: keys, then 20 ms of pcm16, or None for a frame that the line loses.

        Nothing goes out any more once the call is over.
        """
        frame = self.mouth.next_frame()
        if (over := self.ear.pass_time(self.now)) is not None:
            self._on_utterance(over)
        if self.ended_by:
            return "", None
        keys = "".join(self._keys)
        self._keys.clear()
        return keys, frame

    def hear(self, frame: bytes, at: int) -> None:
        """Take agent audio that arrived at sample `at`."""
        if not self.ended_by:
            self.ear.hear(frame, at)

    def cut(self) -> None:
        """Take the agent's current utterance for over."""
        if (over := self.ear.cut()) is not None:
            self._on_utterance(over)

    def end(self, by: Party) -> None:
        """The call is over: one side hung up. Only the first one counts."""
        if not self.ended_by:
            self.ended_by = by
            self.ended_at = self.now
            self.cut()
