"""The media stream as Twilio speaks it. Source: Twilio's page on the WebSocket messages of Media Streams."""

from typing import Any

import orjson

from offhook.audio.formats import MULAW_8K, AudioFormat
from offhook.carriers.media_stream.frames.common import CarrierFrames
from offhook.carriers.media_stream.frames.reader import Meanings, Reader, key_pressed, played, stopped
from offhook.carriers.media_stream.wire import Event, Started
from offhook.config.carriers import CarrierName
from offhook.errors import WireError

__all__ = ["TwilioFrames"]

_MEANINGS: Meanings = {"connected": None, "mark": played, "dtmf": key_pressed, "stop": stopped}


class TwilioFrames(CarrierFrames):
    """Implements `Frames`. Nothing can be sent to a stream whose id is not known, and a clear is not answered."""

    carrier: CarrierName = "twilio"
    acknowledges_clear = False

    def __init__(self, asked: AudioFormat, max_bytes: int):
        super().__init__(Reader(_MEANINGS, frozenset({MULAW_8K}), asked, max_bytes))

    def read(self, text: str | bytes) -> Event | None:
        """One message of the carrier. Raises WireError for what ends the connection."""
        event = super().read(text)
        if isinstance(event, Started) and not event.stream_id:
            raise WireError("a start without a streamSid, to which nothing could be sent")
        return event

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

    def _silent_audio(self) -> str:
        # media, of mu-law at 8 kHz.
        return self._message("media", media={"payload": ""})

    def _message(self, event: str, **fields: Any) -> str:
        return orjson.dumps({"event": event, "streamSid": self.stream.id, **fields}).decode()
