"""The socket of Vobiz and Plivo, which are alike but for numbering, headers and a few members.

Sources: Vobiz "stream events", "play audio", "clear audio", "checkpoint"; Plivo "audio streaming" and the models of its
stream SDK.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from offhook.simulator.clouds.media_stream.dialects import L16, Dialect
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.wire import (
    Clear,
    Command,
    Mark,
    Message,
    RefusedError,
    Sound,
    Stop,
    Tones,
    parsed,
    payload,
    required,
)

__all__ = ["PlivoWire"]


class PlivoWire:
    """One stream of Vobiz or Plivo."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        call_id: str,
        stream_id: str,
        account_number: str,
        content_type: str,
        tracks: Sequence[str] = ("inbound",),
        bidirectional: bool = True,
        extra_headers: Mapping[str, str] | None = None,
        variants: Variants | None = None,
    ):
        self.stream_id = stream_id
        self._dialect = dialect
        self._call_id = call_id
        self._account = account_number
        self._encoding, _, rate = content_type.partition(";rate=")
        self._rate = int(rate)
        self._tracks = list(tracks)
        self._bidirectional = bidirectional
        self._variants = variants or Variants()
        self._plivo = dialect.carrier == "plivo"
        self._extra = ";".join(f"{key}={value}" for key, value in (extra_headers or {}).items())
        self._sequence = 0 if not self._plivo else 1
        self._chunk = 0

    def opening(self) -> list[Message]:
        """The start, with the ids and the format."""
        unknown = [{"event": "hello", "version": 2}] if self._variants.unknown_events else []
        if self._variants.flat_start:
            start: Message = {"event": "start", "streamId": self.stream_id, "callId": self._call_id}
            return [*unknown, {**start, "mediaServer": "simulated"}]
        encoding = f"{self._encoding};rate={self._rate}" if self._variants.rate_in_encoding else self._encoding
        body = {
            "callId": self._call_id,
            "streamId": self.stream_id,
            "accountId": self._account,
            "tracks": self._tracks,
            "mediaFormat": {"encoding": encoding, "sampleRate": self._number(self._rate)},
        }
        start = {"sequenceNumber": self._next(), "event": "start", "start": body}
        return [*unknown, {**start, "extra_headers": self._headers()}]

    def media(self, data: bytes, track: str, stream_ms: int, epoch_ms: int) -> Message:
        """20 ms of audio; Plivo counts its time from the start of the stream."""
        self._chunk += 1
        encoded = base64.b64encode(data).decode()
        if self._variants.flat_start:
            return {"event": "media", "media": {"payload": encoded, "track": track, "chunkId": str(self._chunk)}}
        body = {
            "track": track,
            "timestamp": str(stream_ms if self._plivo else epoch_ms),
            "chunk": self._number(self._chunk),
            "payload": encoded,
        }
        head = {"sequenceNumber": self._next(), "streamId": self.stream_id, "event": "media"}
        return {**head, "media": body, "extra_headers": self._headers()}

    def key(self, digit: str, stream_ms: int) -> list[Message]:
        """A key. Vobiz documents no body for it; Plivo's is what its readers expect."""
        if self._variants.keys == "none":
            return []
        head = {"event": "dtmf", "sequenceNumber": self._next(), "streamId": self.stream_id}
        if self._variants.keys == "flat":
            return [{**head, "digit": digit}]
        return [{**head, "dtmf": {"track": "inbound", "digit": digit, "timestamp": str(stream_ms)}}]

    def reached(self, names: Sequence[str]) -> list[Message]:
        """One event a mark; Vobiz's has nothing but the name."""
        if not self._variants.plays_back:
            return []
        return [self._reached(name) for name in names]

    def _reached(self, name: str) -> Message:
        if not (self._plivo or self._variants.long_answers):
            return {"event": "playedStream", "name": name}
        return {"event": "playedStream", "sequenceNumber": self._next(), "streamId": self.stream_id, "name": name}

    def cleared(self, names: Sequence[str]) -> list[Message]:
        """One event, which does not tell which clear it answers."""
        if not self._variants.clears_back:
            return []
        return [{"sequenceNumber": self._next(), "event": "clearedAudio", "streamId": self.stream_id}]

    def closing(self) -> list[Message]:
        """Nothing, as documented; or a stop, as older documentation has it."""
        stops = self._dialect.stops if self._variants.stops is None else self._variants.stops
        return [{"event": "stop", "streamId": self.stream_id, "reason": "hangup"}] if stops else []

    def read(self, text: str) -> Command:
        """What the server wants. Raises RefusedError."""
        message = parsed(text)
        event = message["event"]
        if not self._bidirectional:
            raise RefusedError(f"{event} on a stream that is not bidirectional")
        self._check_stream(message, mandatory=event in ("checkpoint", "clearAudio"))
        match event:
            case "playAudio":
                return self._sound(required(message, "media", dict))
            case "checkpoint":
                return Mark(required(message, "name", str))
            case "clearAudio":
                return Clear()
            case "stop":
                return Stop()
            case "sendDTMF" if self._plivo:
                return _tones(required(message, "dtmf", str))
            case _:
                raise RefusedError(f"{self._dialect.carrier} knows no event {event!r}")

    def _check_stream(self, message: Message, *, mandatory: bool) -> None:
        given = message.get("streamId")
        if given is None and not mandatory:
            return
        if given != self.stream_id:
            raise RefusedError(f"{message['event']} has the streamId {given!r}")

    def _sound(self, media: Message) -> Sound:
        encoding, rate = required(media, "contentType", str), required(media, "sampleRate", int)
        if (encoding, rate) not in self._dialect.plays:
            raise RefusedError(f"playAudio of {encoding} at {rate} Hz")
        data = payload(media)
        if encoding == L16 and len(data) % 2:
            raise RefusedError(f"playAudio with {len(data)} bytes of linear audio, half a sample too many")
        return Sound(data, encoding, rate)

    def _next(self) -> int | str:
        number = self._sequence
        self._sequence += 1
        return self._number(number)

    def _number(self, value: int) -> int | str:
        return str(value) if self._variants.text_numbers else value

    def _headers(self) -> str:
        return self._extra or "{}"


def _tones(digits: Any) -> Tones:
    if not re.fullmatch(r"[0-9*#wW]+", digits):
        raise RefusedError(f"sendDTMF of {digits!r}")
    return Tones(digits)
