"""The audio of one item of the agent on its way from a provider's wire to the leg of the call."""

import binascii
from base64 import b64decode

from offhook.audio.convert import converter
from offhook.audio.formats import AudioFormat
from offhook.errors import WireError

__all__ = ["ItemAudio", "decoded"]


class ItemAudio:
    """Takes audio in `wire`, cut anyhow, and gives it in `leg`."""

    def __init__(self, wire: AudioFormat, leg: AudioFormat) -> None:
        self._wire = wire
        # A resampler wants whole frames; audio that stays as it is only whole samples.
        self._unit = wire.sample_bytes if wire == leg else wire.frame_bytes
        self._convert = converter(wire, leg)
        self._rest = bytearray()
        self._received = 0

    @property
    def received_ms(self) -> int:
        """How much came, cut to whole milliseconds."""
        return int(self._wire.ms_in(self._received))

    def take(self, audio: bytes) -> bytes:
        """More audio; gives what can be played now."""
        self._received += len(audio)
        self._rest += audio
        whole = len(self._rest) // self._unit * self._unit
        ready = bytes(self._rest[:whole])
        del self._rest[:whole]
        return self._convert(ready) if ready else b""

    def finish(self) -> bytes:
        """There is no more; gives the rest, filled up with silence."""
        rest = bytes(self._rest)
        self._rest.clear()
        if not rest or self._unit == self._wire.sample_bytes:
            return b""
        return self._convert(rest + self._wire.silence[len(rest) :])


def decoded(audio: object) -> bytes:
    """Audio as JSON carries it. Raises WireError."""
    try:
        return b64decode(str(audio or ""), validate=True)
    except binascii.Error as error:
        raise WireError("audio that is not base64") from error
