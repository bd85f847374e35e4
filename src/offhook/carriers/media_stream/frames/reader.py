"""Reading a carrier's messages, tolerantly: the part that is the same in every dialect."""

from binascii import a2b_base64
from collections import Counter
from collections.abc import Callable, Mapping

import orjson
import structlog

from offhook.audio.formats import AudioFormat
from offhook.carriers.media_stream.frames.fields import Message, field, identifier, media_format, parameters
from offhook.carriers.media_stream.wire import (
    KEYS,
    Cleared,
    Event,
    KeyPressed,
    Media,
    Played,
    Started,
    Stopped,
    Stream,
)
from offhook.errors import WireError

__all__ = ["Meanings", "Reader", "cleared", "key_pressed", "played", "stopped"]

Meanings = Mapping[str, Callable[[Message], Event | None] | None]
"""What the events of a dialect mean, besides `start` and `media`. None for one that means nothing to us."""

MAX_UNKNOWN_KINDS = 20

_STREAM_ID = frozenset({"streamid", "streamsid"})
_CALL_ID = frozenset({"callid", "callsid", "calluuid"})
_MEDIA_FORMAT = frozenset({"mediaformat"})
_ENCODING = frozenset({"encoding", "contenttype"})
_RATE = frozenset({"samplerate"})
_PARAMETERS = frozenset({"extraheaders", "customparameters"})
_NAME = frozenset({"name"})
_DIGIT = frozenset({"digit", "digits"})
_REASON = frozenset({"reason"})

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def played(message: Message) -> Played | None:
    """A mark that came back, by its name beside the event or within."""
    name = field(_NAME, message, message.get(message["event"]))
    return Played(str(name)) if isinstance(name, str | int) else None


def cleared(_message: Message) -> Cleared:
    """An empty buffer: nothing but the event itself is said everywhere."""
    return Cleared()


def key_pressed(message: Message) -> KeyPressed | None:
    """A key, in an object, beside the event or in its place."""
    within = message.get("dtmf")
    digit = identifier(field(_DIGIT, within, message)) or identifier(within)
    return KeyPressed(digit.upper()) if digit.upper() in KEYS else None


def stopped(message: Message) -> Stopped:
    """The end."""
    return Stopped(identifier(field(_REASON, message.get("stop"), message)))


class Reader:
    """Reads one connection and remembers its stream.

    Order numbers are not looked at: carriers begin them differently, leave them out or write them as text.
    """

    def __init__(self, meanings: Meanings, served: frozenset[AudioFormat], asked: AudioFormat, max_bytes: int):
        self.stream = Stream("", asked)
        self.counters: Counter[str] = Counter()
        self._meanings = meanings
        self._served = served
        self._max_bytes = max_bytes
        self._started = False
        self._unknown: set[str] = set()

    def read(self, text: str | bytes) -> Event | None:
        """One message. Raises WireError for one that is too long, audio that is no base64, or a format not served."""
        try:
            return self._understand(text)
        except _UselessMessageError as useless:
            self.counters[useless.why] += 1
            return None

    def _understand(self, text: str | bytes) -> Event | None:
        if len(text) > self._max_bytes:
            raise WireError(f"a message of {len(text)} bytes, above the limit of {self._max_bytes}")
        message = _decoded(text)
        name = message.get("event")
        if name == "media":
            return self._media(message)
        if name == "start":
            return self._start(message)
        if not isinstance(name, str):
            raise _UselessMessageError("undecodable")
        return self._other(name, message)

    def _media(self, message: Message) -> Media:
        media = message.get("media")
        if not isinstance(media, dict):
            raise _UselessMessageError("unusable")
        payload = media.get("payload")
        if not isinstance(payload, str) or not payload:
            raise _UselessMessageError("unusable")
        if not str(media.get("track") or "inbound").startswith("inbound"):
            raise _UselessMessageError("other_track")
        if not self.stream.id and (stream_id := identifier(field(_STREAM_ID, message, media))):
            self.stream = Stream(stream_id, self.stream.format)
        try:
            return Media(a2b_base64(payload, strict_mode=True))
        except ValueError:
            raise WireError("a media payload that is not base64") from None

    def _start(self, message: Message) -> Started:
        if self._started:
            raise _UselessMessageError("second_start")
        self._started = True
        within = message.get("start")
        told = self._told_format(field(_MEDIA_FORMAT, within, message))
        stream_id = identifier(field(_STREAM_ID, within, message)) or self.stream.id
        self.stream = Stream(stream_id, told or self.stream.format)
        call_id = identifier(field(_CALL_ID, within, message))
        return Started(stream_id, call_id, told, parameters(field(_PARAMETERS, within, message)))

    def _told_format(self, told: object) -> AudioFormat | None:
        audio_format = media_format(field(_ENCODING, told), field(_RATE, told), self.stream.format)
        if audio_format is not None and audio_format not in self._served:
            raise WireError(f"the stream is in {audio_format}, which is not served")
        return audio_format

    def _other(self, name: str, message: Message) -> Event | None:
        if name not in self._meanings:
            self._note_unknown(name)
            raise _UselessMessageError("unknown")
        meaning = self._meanings[name]
        if meaning is None:
            return None
        event = meaning(message)
        if event is None:
            raise _UselessMessageError("unusable")
        return event

    def _note_unknown(self, name: str) -> None:
        if name not in self._unknown and len(self._unknown) < MAX_UNKNOWN_KINDS:
            self._unknown.add(name)
            log.debug("media stream event ignored: it is not known", name=name[:40])


class _UselessMessageError(Exception):
    """A message that tells us nothing, and why."""

    def __init__(self, why: str):
        self.why = why
        super().__init__(why)


def _decoded(text: str | bytes) -> Message:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _UselessMessageError("undecodable") from None
    if not isinstance(message, dict):
        raise _UselessMessageError("undecodable")
    return message
