"""Vobiz and Plivo on the socket: the documented shapes, their variants, and each way to be refused. Plivo's own stream
SDK reads what the double sends in its name."""

import base64
from typing import Any

import orjson
import pytest
from plivo_stream.base import BaseStreamingHandler

from offhook.simulator.clouds.media_stream.dialects import DIALECTS, Carrier
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.wire import Clear, Mark, RefusedError, Sound, Stop, Tones
from offhook.simulator.clouds.media_stream.wire_plivo import PlivoWire

FRAME = bytes([0xFF] * 160)
PAYLOAD = base64.b64encode(FRAME).decode()
MULAW = {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": PAYLOAD}


def wire(carrier: Carrier = "vobiz", *, bidirectional: bool = True, **variants: Any) -> PlivoWire:
    return PlivoWire(
        DIALECTS[carrier],
        call_id="call",
        stream_id="stream",
        account_number="500025",
        content_type="audio/x-mulaw;rate=8000",
        bidirectional=bidirectional,
        extra_headers={"user": "7", "room": "b"} if carrier == "plivo" else {},
        variants=Variants(**variants),
    )


def test_the_documented_start_and_media_of_vobiz() -> None:
    vobiz = wire()
    assert vobiz.opening() == [
        {
            "sequenceNumber": 0,
            "event": "start",
            "start": {
                "callId": "call",
                "streamId": "stream",
                "accountId": "500025",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
            },
            "extra_headers": "{}",
        }
    ]
    assert vobiz.media(FRAME, "inbound", 20, 1_700_000_000_020) == {
        "sequenceNumber": 1,
        "streamId": "stream",
        "event": "media",
        "media": {"track": "inbound", "timestamp": "1700000000020", "chunk": 1, "payload": PAYLOAD},
        "extra_headers": "{}",
    }
    assert vobiz.reached(["one"]) == [{"event": "playedStream", "name": "one"}]
    assert vobiz.cleared(["two"]) == [{"sequenceNumber": 2, "event": "clearedAudio", "streamId": "stream"}]
    assert vobiz.closing() == []


class Handler(BaseStreamingHandler):  # type: ignore[misc]
    """Plivo's reader, and what it made of each message."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[Any] = []
        self.wrong: list[Exception] = []
        for register in (self.on_start, self.on_media, self.on_dtmf, self.on_played_stream, self.on_cleared_audio):
            register(self._take)
        self.on_error(self._fail)

    async def _take(self, event: Any) -> None:
        self.read.append(event)

    async def _fail(self, error: Exception) -> None:
        self.wrong.append(error)

    async def _send_raw(self, data: str) -> None:
        self.sent = data


async def test_plivos_own_sdk_reads_it_all() -> None:
    plivo, handler = wire("plivo"), Handler()
    messages = [*plivo.opening(), plivo.media(FRAME, "inbound", 20, 0), *plivo.key("5", 40)]
    messages += [*plivo.reached(["one"]), *plivo.cleared([])]
    for message in messages:
        await handler._process_message(orjson.dumps(message).decode())
    assert handler.wrong == []
    start, media, key, played, cleared = handler.read
    assert (start.sequence_number, start.start.call_id, start.extra_headers) == (1, "call", "user=7;room=b")
    assert (media.sequence_number, media.media.timestamp, media.get_raw_media()) == (2, "20", FRAME)
    assert (key.dtmf.digit, played.name, cleared.stream_id) == ("5", "one", "stream")


async def test_what_plivos_own_sdk_sends_is_understood() -> None:
    plivo, handler = wire("plivo"), Handler()
    await handler._process_message(orjson.dumps(plivo.opening()[0]).decode())
    await handler.send_media(FRAME)
    assert plivo.read(handler.sent) == Sound(FRAME, "audio/x-mulaw", 8_000)
    await handler.send_checkpoint("one")
    assert plivo.read(handler.sent) == Mark("one")
    await handler.send_clear_audio()
    assert plivo.read(handler.sent) == Clear()


def test_variants() -> None:
    flat = wire(flat_start=True, unknown_events=True)
    assert flat.opening() == [
        {"event": "hello", "version": 2},
        {"event": "start", "streamId": "stream", "callId": "call", "mediaServer": "simulated"},
    ]
    assert flat.media(FRAME, "inbound", 0, 0)["media"] == {"payload": PAYLOAD, "track": "inbound", "chunkId": "1"}
    text = wire(text_numbers=True, rate_in_encoding=True)
    start = text.opening()[0]
    assert start["sequenceNumber"] == "0"
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw;rate=8000", "sampleRate": "8000"}
    assert text.media(FRAME, "inbound", 0, 0)["media"]["chunk"] == "1"
    assert wire(keys="flat").key("5", 0) == [{"event": "dtmf", "sequenceNumber": 0, "streamId": "stream", "digit": "5"}]
    assert wire(keys="none").key("5", 0) == []
    assert wire().key("5", 60)[0]["dtmf"] == {"track": "inbound", "digit": "5", "timestamp": "60"}
    assert wire(long_answers=True).reached(["a"])[0]["streamId"] == "stream"
    assert wire(plays_back=False).reached(["a"]) == []
    assert wire(clears_back=False).cleared([]) == []
    assert wire(stops=True).closing() == [{"event": "stop", "streamId": "stream", "reason": "hangup"}]


def sent(event: str, **members: Any) -> str:
    return orjson.dumps({"event": event, **members}).decode()


def test_what_a_server_may_send() -> None:
    vobiz = wire()
    assert vobiz.read(sent("playAudio", media=MULAW)) == Sound(FRAME, "audio/x-mulaw", 8_000)
    linear = {"contentType": "audio/x-l16", "sampleRate": 24_000, "payload": PAYLOAD}
    assert vobiz.read(sent("playAudio", streamId="stream", media=linear)) == Sound(FRAME, "audio/x-l16", 24_000)
    assert vobiz.read(sent("checkpoint", streamId="stream", name="a")) == Mark("a")
    assert vobiz.read(sent("clearAudio", streamId="stream")) == Clear()
    assert vobiz.read(sent("stop", streamId="stream")) == Stop()
    assert wire("plivo").read(sent("sendDTMF", dtmf="12#")) == Tones("12#")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"event": 1}', "not an object with an event"),
        (sent("media", media=MULAW), "knows no event 'media'"),
        (sent("sendDTMF", dtmf="1"), "knows no event 'sendDTMF'"),
        (sent("playAudio"), "media is None"),
        (sent("playAudio", streamId="other", media=MULAW), "streamId 'other'"),
        (sent("playAudio", media={**MULAW, "contentType": "wav"}), "wav at 8000"),
        (sent("playAudio", media={**MULAW, "contentType": None}), "contentType is None"),
        (sent("playAudio", media={**MULAW, "sampleRate": "8000"}), "sampleRate is '8000'"),
        (sent("playAudio", media={**MULAW, "sampleRate": 16_000}), "mulaw at 16000"),
        (sent("playAudio", media={**MULAW, "payload": "?"}), "not base64"),
        (sent("playAudio", media={**MULAW, "payload": PAYLOAD[:-1]}), "not base64"),
        (sent("playAudio", media={**MULAW, "payload": ""}), "empty"),
        (sent("playAudio", media={**MULAW, "payload": "UklGRg=="}), "WAV file"),
        (
            sent("playAudio", media={"contentType": "audio/x-l16", "sampleRate": 8000, "payload": "AAAA"}),
            "half a sample",
        ),
        (sent("checkpoint", name="a"), "streamId None"),
        (sent("checkpoint", streamId="stream"), "name is None"),
        (sent("clearAudio"), "streamId None"),
    ],
)
def test_what_it_may_not(text: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        wire().read(text)


def test_limits_of_plivo_and_of_one_way_streams() -> None:
    high = {"contentType": "audio/x-l16", "sampleRate": 24_000, "payload": PAYLOAD}
    with pytest.raises(RefusedError, match="24000"):
        wire("plivo").read(sent("playAudio", media=high))
    with pytest.raises(RefusedError, match="sendDTMF of 'x'"):
        wire("plivo").read(sent("sendDTMF", dtmf="x"))
    with pytest.raises(RefusedError, match="not bidirectional"):
        wire(bidirectional=False).read(sent("playAudio", media=MULAW))
