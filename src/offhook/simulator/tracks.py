"""One direction of a call as sound on the call's timeline: sample 0 is the moment the line opened."""

import numpy as np

from offhook.simulator.sound import Pcm

__all__ = ["Track", "stereo"]


class Track:
    """Sound laid down piece after piece, silence in between. Positions are in samples."""

    def __init__(self) -> None:
        self._sound = bytearray()

    @property
    def length(self) -> int:
        """Samples so far."""
        return len(self._sound) // 2

    def lay(self, at: int, sound: bytes) -> int:
        """Put `sound` at position `at`, or right after what is there already; returns where it begins."""
        start = max(at, self.length)
        self._sound.extend(bytes(2 * (start - self.length)))
        self._sound += sound
        return start

    def between(self, start: int, end: int) -> Pcm:
        """The samples of `[start, end)`, as far as there are any."""
        return np.frombuffer(bytes(self._sound[2 * max(0, start) : 2 * end]), "<i2")


def stereo(left: Track, right: Track) -> Pcm:
    """Both tracks side by side, shape (n, 2), the shorter one made up with silence."""
    length = max(left.length, right.length)
    both = np.zeros((length, 2), np.int16)
    for side, track in enumerate((left, right)):
        both[: track.length, side] = track.between(0, track.length)
    return both
