"""A leg between its call and the wire."""

import pytest

from offhook.audio.convert import converter
from offhook.audio.formats import PCM_8K, AudioFormat, Encoding
from offhook.calls.leg import Leg
from offhook.carriers.audiosocket.leg import AudioSocketLeg
from offhook.carriers.audiosocket.wire import KIND_OF_RATE, Audio, Kind, Parser, Sender
from offhook.carriers.delivery import MAX_EARLY
from offhook.events import EndReason
from tests.carriers.audiosocket.doubles import CALL_ID, Call


class Wire:
    """What a leg wrote, and why it hung up."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.reasons: list[EndReason] = []

    async def hang_up(self, reason: EndReason) -> None:
        self.reasons.append(reason)

    def leg(self, audio_format: AudioFormat = PCM_8K) -> AudioSocketLeg:
        return AudioSocketLeg(
            self.writes.append,
            self.hang_up,
            call_id=CALL_ID,
            peer="192.0.2.1:40000",
            audio_format=audio_format,
            converter=converter,
        )


def carried(leg: Leg) -> Leg:
    return leg


def packet(number: int) -> Audio:
    return Audio(Kind.AUDIO_8K, bytes((number, 0)) * 160)


def test_it_is_a_leg() -> None:
    leg = carried(Wire().leg())
    assert (leg.carrier, leg.carrier_call_id, leg.lead_ms) == ("audiosocket", str(CALL_ID), 0)


@pytest.mark.parametrize("rate", KIND_OF_RATE)
def test_a_frame_leaves_in_one_write_at_every_rate(rate: int) -> None:
    wire = Wire()
    leg_format = AudioFormat(Encoding.PCM16, rate)
    wire.leg(leg_format).send(leg_format.silence)
    (data,) = wire.writes
    assert list(Parser(Sender.SERVER).feed(data)) == [Audio(KIND_OF_RATE[rate], leg_format.silence)]


def test_what_came_before_the_call_is_delivered_first_and_in_order() -> None:
    leg, call = Wire().leg(), Call()
    leg.hear(packet(1))
    leg.press("5")
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.attach(call)
    assert call.said == [packet(1).payload, "5", (EndReason.CALLER_HUNG_UP, "")]


def test_of_what_came_before_only_the_last_is_kept() -> None:
    leg, call = Wire().leg(), Call()
    for number in range(MAX_EARLY + 50):
        leg.hear(packet(number))
    leg.attach(call)
    assert call.said == [packet(number).payload for number in range(50, MAX_EARLY + 50)]


def test_the_end_comes_once_and_nothing_after_it() -> None:
    wire = Wire()
    leg, call = wire.leg(), Call()
    leg.attach(call)
    leg.end(EndReason.PROTOCOL, "bad")
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.hear(packet(1))
    leg.press("1")
    leg.send(PCM_8K.silence)
    assert call.said == [(EndReason.PROTOCOL, "bad")]
    assert wire.writes == []


async def test_after_the_close_nothing_comes_and_nothing_leaves() -> None:
    wire = Wire()
    leg, call = wire.leg(), Call()
    leg.attach(call)
    await leg.close(EndReason.HANDED_BACK)
    leg.hear(packet(1))
    leg.end(EndReason.CALLER_HUNG_UP, "")
    leg.send(PCM_8K.silence)
    leg.clear()
    assert (call.said, wire.writes, wire.reasons) == ([], [], [EndReason.HANDED_BACK])


def test_an_end_that_is_held_is_told_when_it_is_released() -> None:
    leg, call = Wire().leg(), Call()
    leg.attach(call)
    leg.hold_end()
    leg.end(EndReason.CALLER_HUNG_UP, "")
    assert call.said == []
    leg.release_end()
    leg.release_end()
    assert call.said == [(EndReason.CALLER_HUNG_UP, "")]


def test_an_end_after_the_hold_is_told_at_once() -> None:
    leg, call = Wire().leg(), Call()
    leg.attach(call)
    leg.hold_end()
    leg.release_end()
    assert call.said == []
    leg.end(EndReason.CALLER_HUNG_UP, "")
    assert call.said == [(EndReason.CALLER_HUNG_UP, "")]


async def test_an_end_that_is_held_is_not_told_after_the_close() -> None:
    leg, call = Wire().leg(), Call()
    leg.attach(call)
    leg.hold_end()
    leg.end(EndReason.CALLER_HUNG_UP, "")
    await leg.close(EndReason.TRANSFERRED)
    leg.release_end()
    assert call.said == []
