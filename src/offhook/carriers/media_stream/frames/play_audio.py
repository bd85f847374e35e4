"""The dialect that Vobiz and Plivo share, but for how a stream ends: playAudio, checkpoint, clearAudio."""

from typing import Any

import orjson

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.carriers.media_stream.frames.common import CarrierFrames
from offhook.carriers.media_stream.frames.reader import (
    Meanings,
    Reader,
    cleared,
    key_pressed,
    played,
    stopped,
)

__all__ = ["PlayAudioFrames"]

_MEANINGS: Meanings = {
    "playedStream": played,
    "clearedAudio": cleared,
    "dtmf": key_pressed,
    "stop": stopped,
}
_SERVED = frozenset({MULAW_8K, PCM_8K, PCM_16K, PCM_24K})
_CONTENT_TYPES = {Encoding.MULAW: "audio/x-mulaw", Encoding.PCM16: "audio/x-l16"}


class PlayAudioFrames(CarrierFrames):
    """Implements what is common of `Frames`. `asked` is the format that the answer asked for; a start may tell another.

    Source: the carriers' pages on audio streaming, and their clients.
    """

    acknowledges_clear = True

    def __init__(self, asked: AudioFormat, max_bytes: int):
        super().__init__(Reader(_MEANINGS, _SERVED, asked, max_bytes))

    def mark(self, name: str) -> str:
        """checkpoint, which comes back as playedStream."""
        return self._message("checkpoint", name=name)

    def clear(self) -> str:
        """clearAudio. Checkpoints that wait are dropped, too."""
        return self._message("clearAudio")

    def _message(self, event: str, **fields: Any) -> str:
        stream_id = self.stream.id
        address = {"streamId": stream_id} if stream_id else {}
        return orjson.dumps({"event": event, **address, **fields}).decode()

    def _silent_audio(self) -> str:
        # playAudio. It names its format each time, as the carrier does not remember one.
        audio_format = self.stream.format
        media = {"contentType": _CONTENT_TYPES[audio_format.encoding], "sampleRate": audio_format.rate, "payload": ""}
        return self._message("playAudio", media=media)
