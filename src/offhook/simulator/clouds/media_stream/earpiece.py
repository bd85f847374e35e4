"""What the person at the phone hears: prompts of the cloud and the server's audio, mixed, 20 ms at a time."""

from collections.abc import Callable

import numpy as np

from offhook.simulator.clouds.media_stream.playback import FRAME_BYTES, RATE, Playback
from offhook.simulator.tracks import Track

__all__ = ["Earpiece", "prompt"]

Listener = Callable[[bytes], None]
SILENCE = bytes(FRAME_BYTES)
PROMPT_HZ = 350.0
PROMPT_AMPLITUDE = 6_000.0


def prompt(seconds: float, hz: float = PROMPT_HZ) -> bytes:
    """A tone that stands for what a cloud would say or play."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (PROMPT_AMPLITUDE * np.sin(2 * np.pi * hz * time)).astype("<i2").tobytes()


class Earpiece:
    """`heard` is all of it on one timeline, sample 0 being the answer; `listeners` get each frame as it comes."""

    def __init__(self) -> None:
        self.heard = Track()
        self.prompts = Playback()
        self.listeners: list[Listener] = []
        self._ticks = 0

    def play(self, frames: list[bytes]) -> bytes:
        """The next 20 ms: prompts, and whatever the streams have."""
        own, _ = self.prompts.tick()
        sound = _mixed([frame for frame in (own, *frames) if frame is not None])
        self.heard.lay(self._ticks * FRAME_BYTES // 2, sound)
        self._ticks += 1
        for listener in self.listeners:
            listener(sound)
        return sound


def _mixed(frames: list[bytes]) -> bytes:
    if len(frames) <= 1:
        return frames[0] if frames else SILENCE
    total = sum(np.frombuffer(frame, "<i2").astype(np.int32) for frame in frames)
    return np.clip(total, -32_768, 32_767).astype("<i2").tobytes()
