"""The media stream as Plivo speaks it. Source: Plivo's pages on audio streaming, and its stream SDK."""

from offhook.carriers.media_stream.frames.play_audio import PlayAudioFrames
from offhook.carriers.media_stream.wire import KEYS
from offhook.config.carriers import CarrierName
from offhook.errors import CallError

__all__ = ["PlivoFrames"]


class PlivoFrames(PlayAudioFrames):
    """Implements `Frames`. The stream ends with its socket."""

    carrier: CarrierName = "plivo"

    def stop(self) -> None:
        """Closing the socket does."""

    def dtmf(self, digits: str) -> str:
        """sendDTMF."""
        if not digits or not KEYS.issuperset(digits):
            raise CallError(f"{digits!r} are no keys of a telephone")
        return self._message("sendDTMF", dtmf=digits)
