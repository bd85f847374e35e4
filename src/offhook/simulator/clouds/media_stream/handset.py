"""The telephone of the person in a call: a mouth, an earpiece, a keypad, and the streams they are connected to."""

import asyncio
from collections.abc import Callable

from offhook.simulator.clouds.media_stream.clock import Clock
from offhook.simulator.clouds.media_stream.earpiece import Earpiece
from offhook.simulator.clouds.media_stream.playback import FRAME_BYTES
from offhook.simulator.clouds.media_stream.stream import MediaStream
from offhook.simulator.tracks import Track

__all__ = ["Handset"]

FRAME_S = 0.02
Listener = Callable[[bytes], None]


class Handset:
    """Speaks with `say`, which is queued and goes out at real-time pace; or, without a mouth of its own, with `speak`,
    a frame at a time. Sound is pcm16 at 8 kHz. `said` is told what is said, while the person is in a conference."""

    def __init__(self, clock: Clock, *, own_mouth: bool = True):
        self.ear = Earpiece()
        self.pressed = ""
        self.streams: list[MediaStream] = []
        self.said: Listener | None = None
        self._clock = clock
        self._mouth: bytearray | None = bytearray() if own_mouth else None
        self._streamed = asyncio.Event()

    @property
    def heard(self) -> Track:
        """All that the person heard; sample 0 is the answer."""
        return self.ear.heard

    @property
    def live_streams(self) -> list[MediaStream]:
        """The streams that are going on."""
        return [stream for stream in self.streams if stream.end is None]

    def say(self, pcm: bytes) -> None:
        """Say something, after what is still to be said."""
        if self._mouth is None:
            raise ValueError("this person speaks frame by frame")
        self._mouth += pcm

    def speak(self, frame: bytes) -> None:
        """Say 20 ms, right now."""
        for stream in self.live_streams:
            stream.speak(frame)
        if self.said is not None:
            self.said(frame)

    def press(self, digit: str) -> None:
        """Press a key."""
        self.pressed += digit
        for stream in self.live_streams:
            stream.press(digit)

    def connect(self, stream: MediaStream) -> None:
        """A stream has begun."""
        self.streams.append(stream)
        self._streamed.set()

    async def streaming(self) -> MediaStream:
        """Wait for the first stream; returns it."""
        await self._streamed.wait()
        return self.streams[0]

    async def beat(self) -> None:
        """The heart of the line: every 20 ms the person hears and, with a mouth of their own, speaks. Never ends."""
        start, beats = self._clock.now_s(), 0
        while True:
            frames = [frame for stream in self.live_streams if (frame := stream.tick()) is not None]
            self._relay(self.ear.play(frames))
            beats += 1
            await self._clock.sleep(start + beats * FRAME_S - self._clock.now_s())

    def _relay(self, heard: bytes) -> None:
        for stream in self.live_streams:
            if stream.verb.track != "inbound":
                stream.speak(heard, "outbound")
        if self._mouth is not None:
            frame = bytes(self._mouth[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
            del self._mouth[:FRAME_BYTES]
            self.speak(frame)
