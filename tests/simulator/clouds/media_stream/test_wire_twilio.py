import base64
from typing import Any

import orjson
import pytest

from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.wire import Clear, Mark, RefusedError, Sound
from offhook.simulator.clouds.media_stream.wire_twilio import TwilioWire

FRAME = bytes([0xFF] * 160)
PAYLOAD = base64.b64encode(FRAME).decode()


def wire(*, bidirectional: bool = True, **variants: Any) -> TwilioWire:
    return TwilioWire(
        call_id="CA1",
        stream_id="MZ1",
        account_id="AC1",
        bidirectional=bidirectional,
        parameters={"who": "7"},
        variants=Variants(**variants),
    )


def test_the_documented_messages() -> None:
    twilio = wire()
    assert twilio.opening() == [
        {"event": "connected", "protocol": "Call", "version": "1.0.0"},
        {
            "event": "start",
            "sequenceNumber": "1",
            "streamSid": "MZ1",
            "start": {
                "accountSid": "AC1",
                "streamSid": "MZ1",
                "callSid": "CA1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"who": "7"},
            },
        },
    ]
    assert twilio.media(FRAME, "inbound", 5, 0) == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": "MZ1",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": PAYLOAD},
    }
    assert twilio.key("#", 0)[0]["dtmf"] == {"track": "inbound_track", "digit": "#"}
    assert twilio.reached(["a"]) == [
        {"event": "mark", "sequenceNumber": "4", "streamSid": "MZ1", "mark": {"name": "a"}}
    ]
    assert [message["mark"]["name"] for message in twilio.cleared(["b", "c"])] == ["b", "c"]
    assert twilio.closing()[0]["stop"] == {"accountSid": "AC1", "callSid": "CA1"}


def test_variants() -> None:
    assert [message["event"] for message in wire(unknown_events=True).opening()] == ["connected", "hello", "start"]
    assert wire(stops=False).closing() == []
    assert wire(plays_back=False).reached(["a"]) == []
    assert wire(bidirectional=False).key("1", 0) == []


def sent(event: str, **members: Any) -> str:
    return orjson.dumps({"event": event, **members}).decode()


def test_what_a_server_may_send() -> None:
    assert wire().read(sent("media", streamSid="MZ1", media={"payload": PAYLOAD})) == Sound(
        FRAME, "audio/x-mulaw", 8000
    )
    assert wire().read(sent("mark", streamSid="MZ1", mark={"name": "a"})) == Mark("a")
    assert wire().read(sent("clear", streamSid="MZ1")) == Clear()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (sent("media", media={"payload": PAYLOAD}), "streamSid None"),
        (sent("clear"), "streamSid None"),
        (sent("clear", streamSid="MZ2"), "streamSid 'MZ2'"),
        (sent("playAudio", streamSid="MZ1"), "knows no event"),
        (sent("stop", streamSid="MZ1"), "knows no event"),
        (sent("media", streamSid="MZ1"), "media is None"),
        (sent("media", streamSid="MZ1", media={"payload": 1}), "payload is 1"),
        (sent("media", streamSid="MZ1", media={"payload": "!"}), "not base64"),
        (sent("mark", streamSid="MZ1"), "mark is None"),
        (sent("mark", streamSid="MZ1", mark={}), "name is None"),
    ],
)
def test_what_it_may_not(text: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        wire().read(text)


def test_one_way_streams_take_nothing() -> None:
    with pytest.raises(RefusedError, match="not bidirectional"):
        wire(bidirectional=False).read(sent("clear", streamSid="MZ1"))
