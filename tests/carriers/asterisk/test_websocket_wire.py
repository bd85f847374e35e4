"""Texts of the WebSocket channel in both of their forms; sources are chan_websocket.c and a live Asterisk 22.10.1."""

import orjson
import pytest

from offhook.audio.formats import ALAW_8K, MULAW_8K, PCM_16K
from offhook.carriers.asterisk.websocket_wire import (
    FORMATS,
    MAX_COMMAND_BYTES,
    Event,
    Flow,
    KeyPressed,
    MarkProcessed,
    MediaStart,
    QueueDrained,
    Status,
    Trouble,
    command,
    read_event,
)
from offhook.errors import WireError
from tests.carriers.asterisk.websocket_samples import JSON_START, PLAIN_START, json_start, plain_start


def started(text: str) -> MediaStart:
    event = read_event(text)
    assert isinstance(event, MediaStart)
    return event


class TestStart:
    def test_json(self) -> None:
        start = started(JSON_START)
        assert (start.connection_id, start.channel_id) == ("raw", "1795256604.21")
        assert (start.channel, start.format, start.frame_bytes) == ("WebSocket/raw/0x7f445400e460", MULAW_8K, 160)
        assert start.is_json
        assert start.variables["__OFFHOOK_CALLER_NAME"] == "Ann (Work), 100%"

    def test_plain(self) -> None:
        start = started(PLAIN_START)
        assert (start.connection_id, start.channel_id) == ("offhook", "1795256532.10")
        assert (start.channel, start.format, start.frame_bytes) == ("WebSocket/offhook/0x7f4458005260", PCM_16K, 640)
        assert not start.is_json
        assert start.variables == {}

    @pytest.mark.parametrize("name", FORMATS)
    def test_every_format(self, name: str) -> None:
        audio_format = FORMATS[name]
        size = audio_format.frame_bytes
        assert started(json_start(format=name, optimal_frame_size=size)).format == audio_format

    def test_alaw_is_not_mulaw(self) -> None:
        assert started(json_start(format="alaw")).format == ALAW_8K

    def test_frames_of_10_ms_fit_into_ours(self) -> None:
        assert started(json_start(optimal_frame_size=80)).frame_bytes == 80

    def test_what_is_no_text_is_no_variable(self) -> None:
        assert started(json_start(channel_variables={"A": "1", "B": 2})).variables == {"A": "1"}

    @pytest.mark.parametrize("variables", [None, "none", ["a"]])
    def test_no_variables(self, variables: object) -> None:
        assert started(json_start(channel_variables=variables)).variables == {}

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (json_start(format="opus"), "format is 'opus'"),
            (json_start(format=None), "format is ''"),
            (json_start(format=8), "format of a message is no text"),
            (json_start(optimal_frame_size=0), "the option p"),
            (json_start(optimal_frame_size=-160), "the option p"),
            (json_start(optimal_frame_size=320), "320 bytes at a time"),
            (json_start(optimal_frame_size=90), "90 bytes at a time"),
            (json_start(optimal_frame_size=None), "optimal_frame_size of a message is no number"),
            (json_start(optimal_frame_size=True), "optimal_frame_size of a message is no number"),
            (json_start(channel={}), "channel of a message is no text"),
            (plain_start("format:slin16", "format:g722"), "format is 'g722'"),
            (plain_start("optimal_frame_size:640", "optimal_frame_size:many"), "is no number"),
            (plain_start("optimal_frame_size:640", "optimal_frame_size:" + "9" * 5_000), "is no number"),
            ("MEDIA_START", "format is ''"),
        ],
    )
    def test_a_start_that_no_call_can_begin_with(self, text: str, problem: str) -> None:
        with pytest.raises(WireError, match=problem):
            read_event(text)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"event":"MEDIA_MARK_PROCESSED","channel_id":"1.2","correlation_id":"u1.2"}', MarkProcessed("u1.2")),
        ("MEDIA_MARK_PROCESSED u1.2", MarkProcessed("u1.2")),
        ('{"event":"MEDIA_MARK_PROCESSED","channel_id":"1.2","correlation_id":""}', None),
        ("MEDIA_MARK_PROCESSED", None),
        ('{"event":"DTMF_END","channel_id":"1.2","digit":"#"}', KeyPressed("#")),
        ("DTMF_END digit:1 channel_id:1795256532.10", KeyPressed("1")),
        ('{"event":"DTMF_END","channel_id":"1.2","digit":"x"}', None),
        ("DTMF_END", None),
        ('{"event":"MEDIA_XOFF","channel_id":"1.2"}', Flow(open=False)),
        ("MEDIA_XOFF", Flow(open=False)),
        ('{"event":"MEDIA_XON","channel_id":"1.2"}', Flow(open=True)),
        ("MEDIA_XON channel_id:1.2", Flow(open=True)),
        ('{"event":"QUEUE_DRAINED","channel_id":"1.2"}', QueueDrained()),
        ("QUEUE_DRAINED", QueueDrained()),
        ('{"event":"STATUS","channel_id":"1.2","queue_length":7,"queue_full":false}', Status(7)),
        ("STATUS channel_id:1.2 queue_length:7 xon_level:800 queue_full:false", Status(7)),
        ('{"event":"ERROR","channel_id":"1.2","error_text":"no: not so"}', Trouble("no: not so")),
        ("ERROR channel_id:1.2 error_text:no: not so", Trouble("no: not so")),
        ('{"event":"SOMETHING_NEW"}', None),
        ("SOMETHING_NEW a:b", None),
        ("{}", None),
    ],
)
def test_events(text: str, event: Event | None) -> None:
    assert read_event(text) == event


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello there",
        "[1]",
        "{nonsense",
        '{"event":7}',
        '{"event":"MEDIA_MARK_PROCESSED","correlation_id":7}',
        '{"event":"DTMF_END","digit":1}',
        '{"event":"STATUS"}',
        '{"event":"STATUS","queue_length":1.5}',
        "STATUS queue_length:-1",
        "media_start format:ulaw",
    ],
)
def test_what_is_no_message(text: str) -> None:
    with pytest.raises(WireError):
        read_event(text)


def test_commands_in_json() -> None:
    assert orjson.loads(command("MARK_MEDIA", "u1.2", is_json=True)) == {
        "command": "MARK_MEDIA",
        "correlation_id": "u1.2",
    }
    assert orjson.loads(command("FLUSH_MEDIA", is_json=True)) == {"command": "FLUSH_MEDIA"}


def test_commands_in_plain_text() -> None:
    assert command("MARK_MEDIA", "u1.2", is_json=False) == "MARK_MEDIA u1.2"
    assert command("HANGUP", is_json=False) == "HANGUP"


@pytest.mark.parametrize("is_json", [True, False])
def test_a_command_as_long_as_asterisk_takes(is_json: bool) -> None:
    room = MAX_COMMAND_BYTES - len(command("MARK_MEDIA", "x", is_json=is_json)) + 1
    assert len(command("MARK_MEDIA", "x" * room, is_json=is_json)) == MAX_COMMAND_BYTES
    with pytest.raises(WireError, match="129 bytes"):
        command("MARK_MEDIA", "x" * (room + 1), is_json=is_json)


@pytest.mark.parametrize("name", ["a b", "a\nHANGUP", 'a"', "a\\", "a\0"])
@pytest.mark.parametrize("is_json", [True, False])
def test_a_mark_that_is_more_than_one_word(name: str, is_json: bool) -> None:
    with pytest.raises(WireError, match="is no id of a mark"):
        command("MARK_MEDIA", name, is_json=is_json)
