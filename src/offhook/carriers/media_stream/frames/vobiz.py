"""The media stream as Vobiz speaks it. Source: docs.vobiz.ai, xml/stream."""

from offhook.carriers.media_stream.frames.play_audio import PlayAudioFrames
from offhook.config.carriers import CarrierName

__all__ = ["VobizFrames"]


class VobizFrames(PlayAudioFrames):
    """Implements `Frames`. The carrier ends a stream with a bare close, and takes a stop."""

    carrier: CarrierName = "vobiz"

    def stop(self) -> str:
        """End the stream; the call goes on with its next element, or ends."""
        return self._message("stop")

    def dtmf(self, digits: str) -> None:
        """The stream cannot press keys."""
