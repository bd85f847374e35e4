"""Caller audio in any pieces, cut into frames of 20 ms."""

from collections.abc import Sequence

from offhook.audio.formats import AudioFormat

__all__ = ["Cutter"]


class Cutter:
    """Cuts audio of one format."""

    def __init__(self, audio_format: AudioFormat):
        self._format = audio_format
        self._held = b""

    def cut(self, payload: bytes) -> Sequence[bytes]:
        """The frames that `payload` completes. Half a sample at its end is dropped: all that follow would be noise."""
        size = self._format.frame_bytes
        if len(payload) == size and not self._held:
            return (payload,)
        held = self._held + payload[: len(payload) - len(payload) % self._format.sample_bytes]
        whole = len(held) - len(held) % size
        self._held = held[whole:]
        return [held[at : at + size] for at in range(0, whole, size)]
