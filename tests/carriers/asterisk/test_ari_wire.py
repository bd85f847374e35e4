from typing import Any

import orjson
import pytest

from offhook.carriers.asterisk.ari_wire import (
    AriChannel,
    Destroyed,
    Dialled,
    HangupRequested,
    Left,
    Replaced,
    Started,
    channel_of,
    event_of,
    plain_id,
    read_body,
)
from offhook.errors import WireError

# As Asterisk 22.10.1 sent it.
STARTED = (
    b'{"type":"StasisStart","timestamp":"2026-11-21T11:22:37.045+0000","args":["sales"],"channel":{"id":"1795260156.1",'
    b'"name":"Local/600@ai-00000000;2","state":"Up","protocol_id":"","caller":{"name":"Ann","number":"+15550100"},'
    b'"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"ai","exten":"600","priority":3,'
    b'"app_name":"Stasis","app_data":"offhook"},"creationtime":"2026-11-21T11:22:36.543+0000","language":"en"},'
    b'"asterisk_id":"02:fc:00:00:00:01","application":"offhook"}'
)
CHANNEL = {"id": "1.2", "name": "PJSIP/a-1"}


def read(**body: Any) -> object:
    return event_of(read_body(orjson.dumps(body).decode()))


def test_a_caller_comes() -> None:
    channel = AriChannel(
        "1795260156.1", "Local/600@ai-00000000;2", "Up", "+15550100", "Ann", "600", "ai", "en", account=""
    )
    assert event_of(read_body(STARTED.decode())) == Started(channel, ("sales",))


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"type": "StasisEnd", "channel": CHANNEL}, Left("1.2")),
        ({"type": "ChannelHangupRequest", "channel": CHANNEL, "cause": 16}, HangupRequested("1.2", 16)),
        ({"type": "ChannelHangupRequest", "channel": CHANNEL, "cause": "x"}, HangupRequested("1.2", 0)),
        (
            {"type": "ChannelDestroyed", "channel": CHANNEL, "cause": 17, "cause_txt": "Busy"},
            Destroyed("1.2", 17, "Busy"),
        ),
        ({"type": "Dial", "peer": CHANNEL, "dialstatus": "RINGING"}, Dialled("1.2", "RINGING")),
        ({"type": "ApplicationReplaced", "application": "offhook"}, Replaced()),
        ({"type": "ChannelVarset", "variable": "A"}, None),
    ],
)
def test_events(body: dict[str, Any], event: object) -> None:
    assert read(**body) == event


@pytest.mark.parametrize("text", ["", "no", "[]", "3", "{}", '{"type":3}', '{"type":', "\ud800"])
def test_what_is_no_event(text: str) -> None:
    with pytest.raises(WireError):
        read_body(text)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "StasisStart"},
        {"type": "StasisStart", "channel": "1.2"},
        {"type": "StasisStart", "channel": {"name": "x"}},
        {"type": "StasisStart", "channel": CHANNEL, "args": "x"},
        {"type": "StasisStart", "channel": CHANNEL, "args": [1]},
        {"type": "StasisEnd", "channel": {"id": "../asterisk/modules"}},
        {"type": "StasisEnd", "channel": {"id": "1.2?api_key=x"}},
        {"type": "StasisEnd", "channel": []},
        {"type": "Dial", "channel": CHANNEL},
    ],
)
def test_events_that_lack_what_they_must_have(body: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        read(**body)


def test_long_texts_are_cut() -> None:
    event = read(type="StasisStart", channel={**CHANNEL, "name": "x" * 9_000}, args=["y" * 9_000] * 100)
    assert isinstance(event, Started)
    assert (len(event.channel.name), len(event.arguments), len(event.arguments[0])) == (1_000, 64, 1_000)


@pytest.mark.parametrize("name", ["1795260156.1", "offhook-media-1", "6f0e;2", "pbx+a@b:1"])
def test_ids(name: str) -> None:
    assert plain_id(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a\n", "a%2f", "..;3", None, 4, "x" * 200])
def test_what_is_no_id(name: object) -> None:
    with pytest.raises(WireError):
        plain_id(name)


def test_a_channel_of_which_little_is_told() -> None:
    assert channel_of({"id": "1", "caller": None, "dialplan": [], "state": 3}) == AriChannel("1", "")
