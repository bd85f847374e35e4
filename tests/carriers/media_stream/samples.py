"""Messages as the carriers' pages, their examples and their customers show them. Ids are their own samples."""

import base64
from typing import Any

import orjson

STREAM = "227d997a-0af4-447c-a3f3-b243e902e527"
CALL = "9a0e0208-d01a-4572-9a04-fe583a05ac53"
ULAW = bytes(range(160))
PAYLOAD = base64.b64encode(ULAW).decode()

VOBIZ_START: dict[str, Any] = {
    "sequenceNumber": 0,
    "event": "start",
    "start": {
        "callId": CALL,
        "streamId": STREAM,
        "accountId": "500025",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
    },
    "extra_headers": "{}",
}
VOBIZ_FLAT_START: dict[str, Any] = {
    "event": "start",
    "streamId": "s-123",
    "callId": "c-456",
    "mediaServer": "vobiz-cloud-01",
}
VOBIZ_MEDIA: dict[str, Any] = {
    "sequenceNumber": 7,
    "streamId": STREAM,
    "event": "media",
    "media": {"track": "inbound", "timestamp": "1720166400000", "chunk": 6, "payload": PAYLOAD},
    "extra_headers": "{}",
}
VOBIZ_MEDIA_WITH_CHUNK_ID: dict[str, Any] = {
    "event": "media",
    "media": {"payload": PAYLOAD, "track": "inbound", "chunkId": "42"},
}
VOBIZ_MEDIA_WITH_FORMAT: dict[str, Any] = {
    "event": "media",
    "streamId": STREAM,
    "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "timestamp": 20, "payload": PAYLOAD},
}
VOBIZ_PLAYED: dict[str, Any] = {"event": "playedStream", "name": "greeting_checkpoint"}
VOBIZ_OLD_PLAYED: dict[str, Any] = {"event": "playedStream", "streamId": "s-123", "name": "greeting_checkpoint"}
VOBIZ_CLEARED: dict[str, Any] = {"sequenceNumber": 0, "event": "clearedAudio", "streamId": STREAM}
VOBIZ_OLD_CLEARED: dict[str, Any] = {"event": "clearedAudio", "streamId": "s-123"}
VOBIZ_STOP: dict[str, Any] = {"event": "stop", "streamId": STREAM}

PLIVO_START: dict[str, Any] = {
    "sequenceNumber": 1,
    "event": "start",
    "start": {
        "callId": CALL,
        "streamId": STREAM,
        "accountId": "MAXXXXXXXXXXXXXXXXXX",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
    },
    "extra_headers": "userId=12345;sessionId=abc",
}
PLIVO_MEDIA: dict[str, Any] = VOBIZ_MEDIA
PLIVO_DTMF: dict[str, Any] = {
    "event": "dtmf",
    "sequenceNumber": 9,
    "streamId": STREAM,
    "dtmf": {"track": "inbound", "digit": "5", "timestamp": "1720166403000"},
    "extra_headers": "{}",
}
PLIVO_PLAYED: dict[str, Any] = {
    "sequenceNumber": 10,
    "streamId": STREAM,
    "event": "playedStream",
    "name": "greeting_checkpoint",
}
PLIVO_CLEARED: dict[str, Any] = {"sequenceNumber": 11, "streamId": STREAM, "event": "clearedAudio"}

STREAM_SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL_SID = "CAc58b6b8ad4e9a6b5ba2f5b1d0d8e7f10"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"

TWILIO_CONNECTED: dict[str, Any] = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
TWILIO_START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM_SID,
    "start": {
        "accountSid": ACCOUNT_SID,
        "streamSid": STREAM_SID,
        "callSid": CALL_SID,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "RemoteParty": "Bob"},
    },
}
TWILIO_MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "4",
    "streamSid": STREAM_SID,
    "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": PAYLOAD},
}
TWILIO_DTMF: dict[str, Any] = {
    "event": "dtmf",
    "streamSid": STREAM_SID,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
TWILIO_MARK: dict[str, Any] = {
    "event": "mark",
    "sequenceNumber": "4",
    "streamSid": STREAM_SID,
    "mark": {"name": "my label"},
}
TWILIO_STOP: dict[str, Any] = {
    "event": "stop",
    "sequenceNumber": "5",
    "streamSid": STREAM_SID,
    "stop": {"accountSid": ACCOUNT_SID, "callSid": CALL_SID},
}


def text(message: object) -> str:
    return orjson.dumps(message).decode()


def media(payload: bytes) -> str:
    """A media message of any carrier."""
    return text({"event": "media", "media": {"payload": base64.b64encode(payload).decode()}})


def start_with(**media_format: object) -> str:
    """A start of Vobiz or Plivo that tells its format otherwise."""
    return text({**VOBIZ_START, "start": {**VOBIZ_START["start"], "mediaFormat": media_format}})
