"""An engine that plays the caller's speech back, so that everything around an engine can be measured.

A frame that begins with `MAGIC` gets the time at which it was heard written into it, so that a measuring caller on
the same machine can tell the way in from the way out: 4 bytes magic, 4 bytes sequence number, 8 bytes time of
sending, 8 bytes time of hearing; integers little-endian, times in nanoseconds of CLOCK_MONOTONIC.
"""

import struct
import time

from offhook.calls.change import Change
from offhook.calls.engines.base import CallHandle
from offhook.calls.track import Track
from offhook.events import EndReason

__all__ = ["MAGIC", "STAMP", "Loopback"]

MAGIC = b"OFHK"
STAMP = struct.Struct("<4sIQQ")
_HEARD = struct.Struct("<Q")
_HEARD_AT = STAMP.size - _HEARD.size


class Loopback:
    """Returns each frame at the next beat."""

    def __init__(self, call: CallHandle, *, wants_vad: bool = False):
        self.wants_vad = wants_vad
        self._call = call
        self._track = Track(call.playout.format)

    def start(self) -> None:
        """Open the one utterance that lasts as long as the call."""
        self._track = self._call.playout.begin()

    def hear(self, frame: bytes) -> None:
        """Queue the frame, stamped if it asks for it."""
        track = self._track
        if frame.startswith(MAGIC):
            frame = frame[:_HEARD_AT] + _HEARD.pack(time.monotonic_ns()) + frame[STAMP.size :]
        if len(track.audio) > 50 * len(frame):
            track.forget()
        track.append(frame)

    def voice(self, probability: float, end_ms: int) -> None:
        """Measured, not used."""

    def dtmf(self, digit: str) -> None:
        """Not used."""

    def track_started(self, track: Track) -> None:
        """Not used."""

    def track_finished(self, track: Track) -> None:
        """Not used."""

    def tick(self, now_ms: int) -> None:
        """Not used."""

    def wind_up(self, line: str, reason: EndReason) -> None:
        """End at once: there is nobody to say the line."""
        self._call.end(reason, "")

    def change(self, change: Change) -> None:
        """There is no agent."""

    async def close(self) -> None:
        """Nothing to stop."""
