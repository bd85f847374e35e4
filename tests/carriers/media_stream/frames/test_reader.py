"""What all dialects read alike, and that nothing a peer sends does more than end its connection."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.carriers.media_stream.frames import FRAMES
from offhook.carriers.media_stream.frames.reader import MAX_UNKNOWN_KINDS
from offhook.carriers.media_stream.wire import Event, Frames, KeyPressed, Media, Started, Stopped
from offhook.config.carriers import CarrierName
from offhook.errors import WireError
from tests.carriers.media_stream.samples import (
    CALL,
    PAYLOAD,
    STREAM,
    TWILIO_START,
    ULAW,
    VOBIZ_FLAT_START,
    VOBIZ_MEDIA,
    VOBIZ_MEDIA_WITH_CHUNK_ID,
    VOBIZ_START,
    media,
    start_with,
    text,
)

LIMIT = 4_096
CARRIERS: list[CarrierName] = list(FRAMES)


def frames(carrier: CarrierName = "vobiz", asked: AudioFormat = MULAW_8K) -> Frames:
    return FRAMES[carrier](asked, LIMIT)


@pytest.fixture(params=CARRIERS)
def each(request: pytest.FixtureRequest) -> Frames:
    carrier: CarrierName = request.param
    return frames(carrier)


class TestStart:
    def test_ids_are_nested(self) -> None:
        assert frames().read(text(VOBIZ_START)) == Started(STREAM, CALL, MULAW_8K, {})

    def test_ids_are_flat(self) -> None:
        assert frames().read(text(VOBIZ_FLAT_START)) == Started("s-123", "c-456", None, {})

    @pytest.mark.parametrize("call_key", ["callId", "callUUID", "CallUUID", "call_id", "callSid"])
    def test_ids_are_spelt_in_any_way(self, call_key: str) -> None:
        start = {"event": "start", "start": {"StreamID": 42, call_key: CALL.upper()}}
        assert frames().read(text(start)) == Started("42", CALL.upper(), None, {})

    @pytest.mark.parametrize("within", [None, [], "text", 5])
    def test_a_start_without_an_object_is_a_start(self, within: object) -> None:
        assert frames().read(text({"event": "start", "start": within})) == Started("", "", None, {})

    def test_the_format_told_counts_and_not_the_one_asked_for(self) -> None:
        dialect = frames(asked=MULAW_8K)
        event = dialect.read(start_with(encoding="audio/x-l16", sampleRate="16000"))
        assert isinstance(event, Started)
        assert event.format == dialect.stream.format == PCM_16K

    def test_the_format_asked_for_counts_where_none_is_told(self) -> None:
        dialect = frames(asked=PCM_8K)
        dialect.read(text(VOBIZ_FLAT_START))
        assert dialect.stream == ("s-123", PCM_8K)

    @pytest.mark.parametrize(("encoding", "rate"), [("audio/x-alaw", 8000), ("audio/x-mulaw", 16000)])
    def test_a_format_that_is_not_served_ends_the_connection(self, encoding: str, rate: int) -> None:
        with pytest.raises(WireError, match="not served"):
            frames().read(start_with(encoding=encoding, sampleRate=rate))

    def test_a_second_start_changes_nothing(self, each: Frames) -> None:
        each.read(text(TWILIO_START))
        stream = each.stream
        assert each.read(text({**TWILIO_START, "streamSid": "MZ2", "start": {"streamSid": "MZ2"}})) is None
        assert each.stream is stream
        assert each.counters == {"second_start": 1}

    def test_a_stream_id_is_learned_from_media(self) -> None:
        dialect = frames()
        assert dialect.read(text(VOBIZ_MEDIA_WITH_CHUNK_ID)) == Media(ULAW)
        assert dialect.stream.id == ""
        dialect.read(text(VOBIZ_MEDIA))
        assert dialect.stream.id == STREAM
        assert dialect.read(text({"event": "start", "callId": CALL})) == Started(STREAM, CALL, None, {})


class TestMedia:
    @pytest.mark.parametrize("as_bytes", [False, True])
    def test_only_the_payload_is_needed(self, each: Frames, as_bytes: bool) -> None:
        message = media(ULAW)
        assert each.read(message.encode() if as_bytes else message) == Media(ULAW)

    @pytest.mark.parametrize("order", [{"chunk": "9"}, {"chunk": -1}, {"chunkId": "42"}, {"timestamp": 20}, {}])
    def test_order_numbers_are_not_looked_at(self, each: Frames, order: dict[str, Any]) -> None:
        message = {"event": "media", "sequenceNumber": "x", "media": {**order, "payload": PAYLOAD}}
        assert each.read(text(message)) == Media(ULAW)

    @pytest.mark.parametrize("track", ["outbound", "both", 7])
    def test_another_track_is_ignored(self, each: Frames, track: object) -> None:
        assert each.read(text({"event": "media", "media": {"track": track, "payload": PAYLOAD}})) is None
        assert each.counters == {"other_track": 1}

    @pytest.mark.parametrize("track", ["inbound", "inbound_track", None, ""])
    def test_the_caller_s_track_may_be_named_or_not(self, each: Frames, track: object) -> None:
        message = {"event": "media", "media": {"track": track, "payload": PAYLOAD}}
        assert each.read(text(message)) == Media(ULAW)

    @pytest.mark.parametrize("within", [None, [], "AAAA", {}, {"payload": ""}, {"payload": 5}, {"payload": None}])
    def test_media_without_a_payload_is_counted(self, each: Frames, within: object) -> None:
        assert each.read(text({"event": "media", "media": within})) is None
        assert each.counters == {"unusable": 1}

    @pytest.mark.parametrize("payload", ["AAA", "A", "====", "AA-_", "AA\nAA", "é", "AAAA=AAA", "not base64!"])
    def test_a_payload_that_is_no_base64_ends_the_connection(self, each: Frames, payload: str) -> None:
        with pytest.raises(WireError, match="base64"):
            each.read(text({"event": "media", "media": {"payload": payload}}))


class TestKeys:
    @pytest.mark.parametrize(
        "body",
        [
            {"dtmf": {"track": "inbound", "digit": "5", "timestamp": "20"}},
            {"dtmf": {"digit": 5}},
            {"dtmf": {"Digits": "5"}},
            {"digit": "5"},
            {"dtmf": "5"},
            {"dtmf": 5},
        ],
    )
    def test_a_digit_has_any_shape(self, each: Frames, body: dict[str, Any]) -> None:
        assert each.read(text({"event": "dtmf", **body})) == KeyPressed("5")

    @pytest.mark.parametrize(("sent", "heard"), [("*", "*"), ("#", "#"), ("a", "A"), ("D", "D"), ("0", "0"), (0, "0")])
    def test_every_key_of_a_telephone(self, sent: object, heard: str) -> None:
        assert frames().read(text({"event": "dtmf", "dtmf": {"digit": sent}})) == KeyPressed(heard)

    @pytest.mark.parametrize("digit", ["", "12", "E", "w", None, True, 12, [], {}])
    def test_what_is_no_key_is_counted(self, each: Frames, digit: object) -> None:
        assert each.read(text({"event": "dtmf", "dtmf": {"digit": digit}})) is None
        assert each.counters == {"unusable": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [({}, ""), ({"reason": "hangup"}, "hangup"), ({"stop": {"reason": "hangup"}}, "hangup"), ({"reason": []}, "")],
)
def test_a_stop_may_give_a_reason(each: Frames, body: dict[str, Any], reason: str) -> None:
    assert each.read(text({"event": "stop", **body})) == Stopped(reason)


class TestNonsense:
    @pytest.mark.parametrize(
        "junk",
        ["", "{", "null", "[]", "5", '"start"', "{}", '{"event": null}', '{"event": ["media"]}', "NaN", "\ud800"],
    )
    def test_is_counted_and_does_no_harm(self, each: Frames, junk: str) -> None:
        assert each.read(junk) is None
        assert each.counters == {"undecodable": 1}

    def test_bytes_that_are_no_text(self, each: Frames) -> None:
        assert each.read(b"\xff\xfe{}") is None
        assert each.counters == {"undecodable": 1}

    def test_depth_is_survived(self, each: Frames) -> None:
        assert each.read("[" * LIMIT) is None

    def test_a_message_beyond_the_limit_ends_the_connection(self, each: Frames) -> None:
        assert each.read(" " * LIMIT) is None
        with pytest.raises(WireError, match="limit"):
            each.read(" " * (LIMIT + 1))

    def test_an_unknown_event_is_logged_once_a_kind(self, each: Frames) -> None:
        with capture_logs() as logs:
            for name in ("error", "error", "weather"):
                assert each.read(text({"event": name, "detail": "x"})) is None
        assert [(entry["log_level"], entry["name"]) for entry in logs] == [("debug", "error"), ("debug", "weather")]
        assert each.counters == {"unknown": 3}

    def test_of_many_unknown_events_few_are_logged(self, each: Frames) -> None:
        with capture_logs() as logs:
            for number in range(2 * MAX_UNKNOWN_KINDS):
                each.read(text({"event": f"event {number}"}))
        assert len(logs) == MAX_UNKNOWN_KINDS


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["start", "media", "dtmf", "playedStream", "clearedAudio", "mark", "stop", "connected"])
keys = st.sampled_from(
    "start media dtmf mark stop streamId streamSid callId payload track digit name reason mediaFormat encoding "
    "sampleRate extra_headers customParameters".split()
)
values = anything | st.sampled_from(["audio/x-l16", "audio/x-mulaw;rate=8000", 8000, "AAAA", "k=v;k2=v2", '{"a":'])
objects = st.dictionaries(keys, values | st.dictionaries(keys, values, max_size=4), max_size=6)


def read_all(dialect: Frames, messages: list[str | bytes]) -> list[Event | None]:
    """Everything up to the first that ends the connection."""
    events = []
    for message in messages:
        try:
            events.append(dialect.read(message))
        except WireError:
            break
    return events


@given(st.sampled_from(CARRIERS), st.lists(st.tuples(names, objects), max_size=8))
def test_of_any_objects_only_events_come(carrier: CarrierName, bodies: list[tuple[str, dict[str, Any]]]) -> None:
    dialect = frames(carrier)
    messages: list[str | bytes] = []
    for name, body in bodies:
        try:
            messages.append(orjson.dumps({**body, "event": name}))
        except TypeError:  # an integer beyond 64 bits, or a lone surrogate
            messages.append(repr(body))
    events = read_all(dialect, messages)
    assert all(event is None or isinstance(event, Event) for event in events)
    assert sum(isinstance(event, Started) for event in events) <= 1


@given(st.sampled_from(CARRIERS), st.lists(st.binary(max_size=200) | st.text(max_size=200), max_size=5))
def test_of_any_bytes_nothing_comes(carrier: CarrierName, messages: list[str | bytes]) -> None:
    assert all(event is None for event in read_all(frames(carrier), messages))


@given(st.sampled_from(CARRIERS), anything)
def test_of_any_json_only_events_come(carrier: CarrierName, value: object) -> None:
    try:
        message = orjson.dumps(value)
    except TypeError:
        return
    assert all(event is None or isinstance(event, Event) for event in read_all(frames(carrier), [message]))
