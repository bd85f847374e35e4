"""The leg of a WebSocket call, on paper."""

import orjson
import pytest

from offhook.audio.formats import MULAW_8K, PCM_16K
from offhook.carriers.asterisk.websocket_leg import WebSocketLeg
from offhook.carriers.asterisk.websocket_origin import introduction
from offhook.carriers.asterisk.websocket_wire import Flow, KeyPressed, MarkProcessed, MediaStart, read_event
from offhook.carriers.delivery import MAX_EARLY
from offhook.carriers.marks import MAX_MARKS
from offhook.events import EndReason
from tests.carriers.asterisk.websocket_samples import CALL, CALLER, JSON_START, PLAIN_START
from tests.carriers.media_stream.doubles import RememberedCall

FRAME = bytes(range(160))


class Paper:
    """What a leg wrote, and how it hung up."""

    def __init__(self) -> None:
        self.written: list[str | bytes] = []
        self.hangups: list[EndReason] = []

    def write_text(self, text: str) -> None:
        self.written.append(text)

    def write_bytes(self, data: bytes) -> None:
        self.written.append(data)

    async def hang_up(self, reason: EndReason) -> None:
        self.hangups.append(reason)


def leg_on(paper: Paper, text: str = JSON_START) -> WebSocketLeg:
    start = read_event(text)
    assert isinstance(start, MediaStart)
    known = introduction(start, {})
    return WebSocketLeg(paper, paper.hang_up, start=start, introduction=known, peer="10.0.0.5:4", lead_ms=400)


def attached(paper: Paper, text: str = JSON_START) -> tuple[WebSocketLeg, RememberedCall]:
    leg, call = leg_on(paper, text), RememberedCall()
    leg.attach(call)
    return leg, call


def test_what_it_knows() -> None:
    leg = leg_on(Paper())
    assert (leg.carrier, leg.carrier_call_id, leg.caller_channel) == ("asterisk", CALL, CALLER)
    assert (leg.format, leg.lead_ms, leg.ready, leg.control) == (MULAW_8K, 400, True, None)
    assert (leg.origin.from_number, leg.peer, leg.channel) == (
        "+15550100",
        "10.0.0.5:4",
        "WebSocket/raw/0x7f445400e460",
    )


def test_frames_leave_as_they_are() -> None:
    paper = Paper()
    leg_on(paper).send(FRAME)
    assert paper.written == [FRAME]


def test_commands_are_in_the_form_of_the_channel() -> None:
    paper = Paper()
    for text in (JSON_START, PLAIN_START):
        leg = leg_on(paper, text)
        leg.mark("u1.1")
        leg.clear()
    spoken = [orjson.loads(text) for text in paper.written[:2]]
    assert spoken == [{"command": "MARK_MEDIA", "correlation_id": "u1.1"}, {"command": "FLUSH_MEDIA"}]
    assert paper.written[2:] == ["MARK_MEDIA u1.1", "FLUSH_MEDIA"]


def test_a_mark_that_was_played_is_told_once() -> None:
    leg, call = attached(Paper())
    leg.mark("a")
    leg.take(MarkProcessed("a"))
    leg.take(MarkProcessed("a"))
    leg.take(MarkProcessed("b"))
    assert call.said == [("played", "a")]


def test_a_mark_that_was_flushed_is_void() -> None:
    leg, call = attached(Paper())
    leg.mark("a")
    leg.clear()
    leg.take(MarkProcessed("a"))
    assert call.said == []
    assert leg.ready


def test_marks_that_never_come_do_not_pile_up() -> None:
    leg, call = attached(Paper())
    for number in range(MAX_MARKS + 1):
        leg.mark(str(number))
    leg.take(MarkProcessed("0"))
    leg.take(MarkProcessed("1"))
    assert call.said == [("played", "1")]


def test_xoff_holds_until_xon() -> None:
    leg, _ = attached(Paper())
    leg.take(Flow(open=False))
    assert not leg.ready
    leg.take(Flow(open=True))
    assert leg.ready


def test_keys() -> None:
    leg, call = attached(Paper())
    leg.take(KeyPressed("#"))
    assert call.said == [("key", "#")]


@pytest.mark.parametrize("sizes", [(160,), (80, 80), (240, 80), (320,), (100, 100, 120), (1, 159)])
def test_sound_of_any_length_is_cut_into_frames(sizes: tuple[int, ...]) -> None:
    leg, call = attached(Paper())
    total, sound = sum(sizes), bytes(range(256)) * 2
    at = 0
    for size in sizes:
        leg.hear(sound[at : at + size])
        at += size
    assert call.frames == [sound[start : start + 160] for start in range(0, total, 160)]


def test_half_a_sample_is_dropped() -> None:
    leg, call = attached(Paper(), PLAIN_START)
    assert leg.format == PCM_16K
    leg.hear(bytes(321))
    leg.hear(b"\x01\x02" * 160)
    assert call.frames == [bytes(320) + b"\x01\x02" * 160]


def test_what_comes_before_the_call_is_kept_and_of_that_the_last() -> None:
    leg, call = leg_on(Paper()), RememberedCall()
    for number in range(MAX_EARLY + 5):
        leg.hear(bytes((number,)) * 160)
    leg.take(KeyPressed("1"))
    leg.attach(call)
    assert call.frames == [bytes((number,)) * 160 for number in range(6, MAX_EARLY + 5)]
    assert call.said[-1] == ("key", "1")


def test_the_end_is_told_once_and_nothing_after_it() -> None:
    paper = Paper()
    leg, call = attached(paper)
    leg.mark("a")
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.end(EndReason.ERROR, "late")
    leg.take(MarkProcessed("a"))
    leg.hear(FRAME)
    leg.send(FRAME)
    leg.clear()
    assert call.said == [(EndReason.CALLER_HUNG_UP, "")]
    assert len(paper.written) == 1


def test_an_end_before_the_call_is_told_to_it() -> None:
    leg, call = leg_on(Paper()), RememberedCall()
    leg.hear(FRAME)
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.attach(call)
    assert call.said == [FRAME, (EndReason.CALLER_HUNG_UP, "")]


def test_an_end_that_is_held_is_told_when_it_is_released() -> None:
    leg, call = attached(Paper())
    leg.hold_end()
    leg.end(EndReason.CALLER_HUNG_UP, "")
    assert call.said == []
    leg.release_end()
    leg.release_end()
    assert call.said == [(EndReason.CALLER_HUNG_UP, "")]


async def test_close_hangs_up_and_nothing_comes_after() -> None:
    paper = Paper()
    leg, call = attached(paper)
    await leg.close(EndReason.AGENT_HUNG_UP)
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.hear(FRAME)
    leg.send(FRAME)
    assert (paper.hangups, call.said, paper.written) == ([EndReason.AGENT_HUNG_UP], [], [])
