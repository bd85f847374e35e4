"""What the frames of all carriers share: a reader, and audio whose message is built but once."""

from abc import ABC, abstractmethod
from binascii import b2a_base64
from collections.abc import Mapping

from offhook.carriers.media_stream.frames.reader import Reader
from offhook.carriers.media_stream.wire import Event, Stream

__all__ = ["CarrierFrames"]


class CarrierFrames(ABC):
    """Reads by `reader`, and writes audio as the carrier's own message around it."""

    def __init__(self, reader: Reader):
        self._reader = reader
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
        """The message that plays `payload`. What precedes it is built once for each stream."""
        if self._addressed is not self._reader.stream:
            self._addressed = self._reader.stream
            self._opening = self._silent_audio().removesuffix('"}}')
        return f'{self._opening}{b2a_base64(payload, newline=False).decode()}"}}}}'

    @abstractmethod
    def _silent_audio(self) -> str:
        """The message that plays nothing: its payload is empty, and the last of it."""
