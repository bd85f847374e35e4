"""The media stream as Twilio speaks it. Source: Twilio's page on the WebSocket messages of Media Streams."""

from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any

import orjson

from offhook.audio.formats import MULAW_8K, AudioFormat
from offhook.carriers.media_stream.frames.reader import Meanings, Reader, key_pressed, played, stopped
from offhook.carriers.media_stream.wire import Event, Started, Stream
from offhook.config.carriers import CarrierName
from offhook.errors import WireError

__all__ = ["TwilioFrames"]

_MEANINGS: Meanings = {"connected": None, "mark": played, "dtmf": key_pressed, "stop": stopped}


class TwilioFrames:
    """Implements `Frames`. Nothing can be sent to a stream whose id is not known, and a clear is not answered."""

    carrier: CarrierName = "twilio"
    acknowledges_clear = False

    def __init__(self, asked: AudioFormat, max_bytes: int):
        self._reader = Reader(_MEANINGS, frozenset({MULAW_8K}), asked, max_bytes)
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
        event = self._reader.read(text)
        if isinstance(event, Started) and not event.stream_id:
            raise WireError("a start without a streamSid, to which nothing could be sent")
        return event

    def audio(self, payload: bytes) -> str:
        """media, of mu-law at 8 kHz."""
        if self._addressed is not self._reader.stream:
            self._addressed = self._reader.stream
            self._opening = self._message("media", media={"payload": ""}).removesuffix('"}}')
        return f'{self._opening}{b2a_base64(payload, newline=False).decode()}"}}}}'

    def mark(self, name: str) -> str:
        """mark, which comes back by the same name, also when its audio was cleared."""
        return self._message("mark", mark={"name": name})

    def clear(self) -> str:
        """clear."""
        return self._message("clear")

    def stop(self) -> None:
        """Closing the socket does."""

    def dtmf(self, digits: str) -> None:
        """The stream cannot press keys."""

    def _message(self, event: str, **fields: Any) -> str:
        return orjson.dumps({"event": event, "streamSid": self._reader.stream.id, **fields}).decode()
