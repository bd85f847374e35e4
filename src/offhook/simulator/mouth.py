"""The caller's mouth: clips cut into frames, on a line with noise and losses."""

from dataclasses import dataclass

import numpy as np

from offhook.simulator.clips import Clip
from offhook.simulator.scenario import CallerVoice, Line
from offhook.simulator.sound import Pcm
from offhook.simulator.tracks import Track

__all__ = ["Mouth", "Speech"]


@dataclass(frozen=True, slots=True)
class Speech:
    """A sound of the caller on the timeline: first audible sample, and the one after the last."""

    text: str
    begin: int
    end: int


class Mouth:
    """Gives the frame to send at each tick. `track` keeps what was sent; a lost frame leaves silence there."""

    def __init__(self, line: Line, voice: CallerVoice):
        self.track = Track()
        self.now = 0
        self.lost = 0
        self._frame = line.rate // 50
        self._rest: Pcm = np.zeros(0, np.int16)
        self._noise = _noise_amplitude(line, voice)
        self._random = np.random.default_rng(voice.seed)
        self._losses = Losses(line, self._random)

    def say(self, clip: Clip) -> Speech:
        """Begin `clip` with the next frame, after whatever is still to be said."""
        begin = self.now + len(self._rest)
        self._rest = np.concatenate([self._rest, clip.pcm])
        return Speech(clip.text, begin + clip.onset, begin + clip.end)

    def next_frame(self) -> bytes | None:
        """The next 20 ms of pcm16, or None for a frame that the line loses."""
        sound, self._rest = self._rest[: self._frame], self._rest[self._frame :]
        sound = np.pad(sound, (0, self._frame - len(sound)))
        start = self.now
        self.now += self._frame
        if self._losses.lose():
            self.lost += 1
            return None
        frame = self._noisy(sound).tobytes()
        self.track.lay(start, frame)
        return frame

    def _noisy(self, sound: Pcm) -> Pcm:
        if not self._noise:
            return sound.astype("<i2")
        noise = self._random.standard_normal(len(sound)) * self._noise
        return np.clip(np.rint(sound + noise), -32768, 32767).astype("<i2")


def _noise_amplitude(line: Line, voice: CallerVoice) -> float:
    level = line.noise_db if line.snr_db is None else voice.level_db - line.snr_db
    return 0.0 if level is None else float(32768 * 10 ** (level / 20))


class Losses:
    """Which frames a line loses: two states, good and bad, with the mean stay in the bad one given (Gilbert)."""

    def __init__(self, line: Line, random: np.random.Generator):
        share = line.loss_percent / 100
        self._leave = 1 / line.loss_burst
        self._enter = min(1.0, self._leave * share / (1 - share))
        self._random = random
        self._bad = False

    def lose(self) -> bool:
        """Whether the next frame is lost."""
        if not self._enter:
            return False
        self._bad = self._random.random() < (1 - self._leave if self._bad else self._enter)
        return self._bad
