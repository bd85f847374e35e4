"""The dialect that Vobiz and Plivo share, but for how a stream ends: playAudio, checkpoint, clearAudio."""

from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any

import orjson

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, PCM_24K, AudioFormat, Encoding
from offhook.carriers.media_stream.frames.reader import (
    Meanings,
    Reader,
    cleared,
    key_pressed,
    played,
    stopped,
)
from offhook.carriers.media_stream.wire import Event, Stream

__all__ = ["PlayAudioFrames"]

_MEANINGS: Meanings = {
    "playedStream": played,
    "clearedAudio": cleared,
    "dtmf": key_pressed,
    "stop": stopped,
}
_SERVED = frozenset({MULAW_8K, PCM_8K, PCM_16K, PCM_24K})
_CONTENT_TYPES = {Encoding.MULAW: "audio/x-mulaw", Encoding.PCM16: "audio/x-l16"}


class PlayAudioFrames:
    """Implements what is common of `Frames`. `asked` is the format that the answer asked for; a start may tell another.

    Source: the carriers' pages on audio streaming, and their clients.
    """

    acknowledges_clear = True

    def __init__(self, asked: AudioFormat, max_bytes: int):
        self._reader = Reader(_MEANINGS, _SERVED, asked, max_bytes)
        self._addressed: Stream | None = None
        self._opening = ""

    @property
    def stream(self) -> Stream:
        """The stream as far as it is known."""
        return self._reader.stream

    @property
    def counters(self) -> Mapping[str, int]:
        """How many messages were ignored, by why."""
        return self._reader.counters

    def read(self, text: str | bytes) -> Event | None:
        """One message of the carrier. Raises WireError for what ends the connection."""
        return self._reader.read(text)

    def audio(self, payload: bytes) -> str:
        """playAudio. It names its format each time, as the carrier does not remember one."""
        if self._addressed is not self._reader.stream:
            self._address()
        return f'{self._opening}{b2a_base64(payload, newline=False).decode()}"}}}}'

    def mark(self, name: str) -> str:
        """checkpoint, which comes back as playedStream."""
        return self._message("checkpoint", name=name)

    def clear(self) -> str:
        """clearAudio. Checkpoints that wait are dropped, too."""
        return self._message("clearAudio")

    def _message(self, event: str, **fields: Any) -> str:
        stream_id = self._reader.stream.id
        address = {"streamId": stream_id} if stream_id else {}
        return orjson.dumps({"event": event, **address, **fields}).decode()

    def _address(self) -> None:
        """Build what precedes every payload, once."""
        self._addressed = self._reader.stream
        audio_format = self._addressed.format
        media = {"contentType": _CONTENT_TYPES[audio_format.encoding], "sampleRate": audio_format.rate, "payload": ""}
        self._opening = self._message("playAudio", media=media).removesuffix('"}}')
