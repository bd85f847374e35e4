"""The dialect of Twilio, judged by an independent double of Twilio."""

import orjson
import pytest
from streamdouble.protocol import (
    InboundClear,
    InboundMark,
    InboundMedia,
    MediaStreamEncoder,
    parse_outbound,
)

from offhook.audio.formats import MULAW_8K
from offhook.carriers.media_stream.frames import TwilioFrames
from offhook.carriers.media_stream.wire import Frames, KeyPressed, Media, Played, Started, Stopped
from offhook.errors import WireError
from tests.carriers.media_stream.samples import (
    CALL_SID,
    PAYLOAD,
    STREAM_SID,
    TWILIO_CONNECTED,
    TWILIO_DTMF,
    TWILIO_MARK,
    TWILIO_MEDIA,
    TWILIO_START,
    TWILIO_STOP,
    ULAW,
    start_with,
    text,
)

LIMIT = 65_536


def fresh() -> TwilioFrames:
    return TwilioFrames(MULAW_8K, LIMIT)


def started() -> TwilioFrames:
    dialect = fresh()
    dialect.read(text(TWILIO_START))
    return dialect


def test_a_greeting_tells_nothing_and_is_not_counted() -> None:
    dialect = fresh()
    assert dialect.read(text(TWILIO_CONNECTED)) is None
    assert dialect.counters == {}


def test_a_start_carries_the_parameters_of_its_order() -> None:
    expected = Started(STREAM_SID, CALL_SID, MULAW_8K, {"FirstName": "Jane", "RemoteParty": "Bob"})
    assert fresh().read(text(TWILIO_START)) == expected


def test_media_a_key_a_mark_and_the_end() -> None:
    dialect = started()
    events = [dialect.read(text(message)) for message in (TWILIO_MEDIA, TWILIO_DTMF, TWILIO_MARK, TWILIO_STOP)]
    assert events == [Media(ULAW), KeyPressed("1"), Played("my label"), Stopped("")]


def test_a_start_without_a_stream_sid_ends_the_connection() -> None:
    with pytest.raises(WireError, match="streamSid"):
        fresh().read(text({"event": "start", "start": {"callSid": CALL_SID}}))


def test_a_stream_sid_may_have_come_with_media() -> None:
    dialect = fresh()
    dialect.read(text(TWILIO_MEDIA))
    assert dialect.read(text({"event": "start", "start": {"callSid": CALL_SID}})) == Started(
        STREAM_SID, CALL_SID, None, {}
    )


def test_linear_audio_is_not_served() -> None:
    with pytest.raises(WireError, match="not served"):
        fresh().read(start_with(encoding="audio/x-l16", sampleRate=8000))


def test_what_is_sent_is_addressed() -> None:
    dialect = started()
    assert orjson.loads(dialect.audio(ULAW)) == {
        "event": "media",
        "streamSid": STREAM_SID,
        "media": {"payload": PAYLOAD},
    }
    assert orjson.loads(dialect.mark("a")) == {"event": "mark", "streamSid": STREAM_SID, "mark": {"name": "a"}}
    assert orjson.loads(dialect.clear()) == {"event": "clear", "streamSid": STREAM_SID}


def test_a_clear_is_not_answered() -> None:
    assert not started().acknowledges_clear


def test_neither_a_stop_nor_keys_can_be_sent() -> None:
    dialect: Frames = started()
    assert dialect.stop() is None
    assert dialect.dtmf("1") is None


def test_the_double_understands_us() -> None:
    dialect = started()
    audio, mark, clear = (
        parse_outbound(message, expected_stream_sid=STREAM_SID)
        for message in (dialect.audio(ULAW), dialect.mark("a"), dialect.clear())
    )
    assert isinstance(audio, InboundMedia)
    assert audio.payload == ULAW
    assert isinstance(mark, InboundMark)
    assert mark.name == "a"
    assert isinstance(clear, InboundClear)


def test_we_understand_the_double() -> None:
    encoder = MediaStreamEncoder()
    dialect = fresh()
    messages = [
        encoder.connected(),
        encoder.start(custom_parameters={"k": "v"}),
        encoder.media(ULAW),
        encoder.dtmf("#"),
        encoder.mark("a"),
        encoder.stop(),
    ]
    events = [dialect.read(text(message)) for message in messages]
    identity = encoder.identity
    assert events == [
        None,
        Started(identity.stream_sid, identity.call_sid, MULAW_8K, {"k": "v"}),
        Media(ULAW),
        KeyPressed("#"),
        Played("a"),
        Stopped(""),
    ]
