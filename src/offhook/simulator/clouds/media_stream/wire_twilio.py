"""The socket of Twilio's Media Streams. Source: Twilio "Media Streams - WebSocket messages"."""

import base64
from collections.abc import Mapping, Sequence

from offhook.simulator.clouds.media_stream.dialects import MULAW
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.wire import (
    Clear,
    Command,
    Mark,
    Message,
    RefusedError,
    Sound,
    parsed,
    payload,
    required,
)

__all__ = ["TwilioWire"]


class TwilioWire:
    """One stream. Its numbers are text, and the server must name the stream in all it sends."""

    def __init__(
        self,
        *,
        call_id: str,
        stream_id: str,
        account_id: str,
        tracks: Sequence[str] = ("inbound",),
        bidirectional: bool = True,
        parameters: Mapping[str, str] | None = None,
        variants: Variants | None = None,
    ):
        self.stream_id = stream_id
        self._call_id = call_id
        self._account = account_id
        self._tracks = list(tracks)
        self._bidirectional = bidirectional
        self._parameters = dict(parameters or {})
        self._variants = variants or Variants()
        self._sequence = 0
        self._chunk = 0

    def opening(self) -> list[Message]:
        """`connected`, then the start."""
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        unknown = [{"event": "hello", "version": "2"}] if self._variants.unknown_events else []
        body = {
            "accountSid": self._account,
            "streamSid": self.stream_id,
            "callSid": self._call_id,
            "tracks": self._tracks,
            "mediaFormat": {"encoding": MULAW, "sampleRate": 8_000, "channels": 1},
            "customParameters": self._parameters,
        }
        return [connected, *unknown, self._event("start", body)]

    def media(self, data: bytes, track: str, stream_ms: int, epoch_ms: int) -> Message:
        """20 ms of audio."""
        self._chunk += 1
        encoded = base64.b64encode(data).decode()
        body = {"track": track, "chunk": str(self._chunk), "timestamp": str(stream_ms), "payload": encoded}
        return self._event("media", body)

    def key(self, digit: str, stream_ms: int) -> list[Message]:
        """A key, on two-way streams only."""
        if not self._bidirectional or self._variants.keys == "none":
            return []
        return [self._event("dtmf", {"track": "inbound_track", "digit": digit})]

    def reached(self, names: Sequence[str]) -> list[Message]:
        """One event a mark."""
        return [self._event("mark", {"name": name}) for name in names] if self._variants.plays_back else []

    def cleared(self, names: Sequence[str]) -> list[Message]:
        """The marks that were waiting come back; nothing else tells of the clear."""
        return self.reached(names)

    def closing(self) -> list[Message]:
        """A stop."""
        if self._variants.stops is False:
            return []
        return [self._event("stop", {"accountSid": self._account, "callSid": self._call_id})]

    def read(self, text: str) -> Command:
        """What the server wants. Raises RefusedError."""
        message = parsed(text)
        event = message["event"]
        if event not in ("media", "mark", "clear"):
            raise RefusedError(f"twilio knows no event {event!r}")
        if message.get("streamSid") != self.stream_id:
            raise RefusedError(f"{event} has the streamSid {message.get('streamSid')!r}")
        if not self._bidirectional:
            raise RefusedError(f"{event} on a stream that is not bidirectional")
        if event == "media":
            return Sound(payload(required(message, "media", dict)), MULAW, 8_000)
        return Clear() if event == "clear" else Mark(required(required(message, "mark", dict), "name", str))

    def _event(self, event: str, body: Message) -> Message:
        self._sequence += 1
        return {"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.stream_id, event: body}
