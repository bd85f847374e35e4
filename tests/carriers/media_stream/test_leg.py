"""A leg between its call and the messages of a media stream."""

import base64
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.audio.formats import MULAW_8K, PCM_8K, PCM_16K, AudioFormat
from offhook.calls.leg import CallOrigin, Leg
from offhook.carriers.delivery import MAX_EARLY
from offhook.carriers.marks import MAX_MARKS
from offhook.carriers.media_stream.frames import FRAMES
from offhook.carriers.media_stream.leg import CLEAR_FORGOTTEN_S, ByteOrder, StreamLeg
from offhook.carriers.media_stream.wire import Cleared, KeyPressed, Media, Played
from offhook.config.carriers import CarrierName
from offhook.events import EndReason
from tests.carriers.media_stream.doubles import RememberedCall
from tests.carriers.media_stream.samples import CALL, STREAM, TWILIO_START, ULAW, VOBIZ_START, start_with, text

CLEAR_S = 0.3


@dataclass
class Wire:
    """What a leg wrote, why it hung up, and its clock."""

    writes: list[Any] = field(default_factory=list)
    reasons: list[EndReason] = field(default_factory=list)
    now: float = 100.0

    def write(self, message: str) -> None:
        self.writes.append(orjson.loads(message))

    async def hang_up(self, reason: EndReason) -> None:
        self.reasons.append(reason)

    def leg(
        self, carrier: CarrierName = "vobiz", asked: AudioFormat = MULAW_8K, byte_order: ByteOrder = "little"
    ) -> StreamLeg:
        frames = FRAMES[carrier](asked, 65_536)
        frames.read(start(carrier, asked))
        return StreamLeg(
            self.write,
            self.hang_up,
            frames=frames,
            carrier_call_id=CALL,
            peer="192.0.2.1:40000",
            origin=CallOrigin(from_number="+918071387423"),
            control=None,
            lead_ms=400,
            clear_ms=int(CLEAR_S * 1000),
            byte_order=byte_order,
            clock=lambda: self.now,
        )

    @property
    def said(self) -> list[str]:
        return [message["event"] for message in self.writes]


def start(carrier: CarrierName, asked: AudioFormat) -> str:
    if carrier == "twilio":
        return text(TWILIO_START)
    return text(VOBIZ_START) if asked == MULAW_8K else start_with(encoding="audio/x-l16", sampleRate=asked.rate)


def attached(leg: StreamLeg) -> RememberedCall:
    call = RememberedCall()
    leg.attach(call)
    return call


def frame(number: int) -> bytes:
    return bytes((number % 256,)) * 160


def as_leg(leg: Leg) -> Leg:
    return leg


def test_it_is_a_leg() -> None:
    leg = as_leg(Wire().leg("plivo"))
    assert (leg.carrier, leg.carrier_call_id, leg.peer) == ("plivo", CALL, "192.0.2.1:40000")
    assert (leg.format, leg.lead_ms, leg.control, leg.ready) == (MULAW_8K, 400, None, True)
    assert leg.origin.from_number == "+918071387423"


class TestCallerAudio:
    def test_a_frame_passes_through_unconverted(self) -> None:
        leg = Wire().leg()
        call = attached(leg)
        payload = bytes(ULAW)
        leg.take(Media(payload))
        assert call.frames[0] is payload

    @pytest.mark.parametrize("size", [1, 80, 159, 160, 161, 240, 320, 480, 5_000])
    def test_any_payload_is_cut_into_frames(self, size: int) -> None:
        leg = Wire().leg()
        call = attached(leg)
        voice = bytes(number % 251 for number in range(5_000))
        for at in range(0, len(voice), size):
            leg.take(Media(voice[at : at + size]))
        assert all(len(heard) == 160 for heard in call.frames)
        assert b"".join(call.frames) == voice[:4_960]

    def test_half_a_sample_is_dropped(self) -> None:
        leg = Wire().leg(asked=PCM_8K)
        call = attached(leg)
        leg.take(Media(b"\x01\x02" * 80 + b"\xff"))
        leg.take(Media(b"\x01\x02" * 80))
        assert call.frames == [b"\x01\x02" * 160]

    @pytest.mark.parametrize("audio_format", [PCM_8K, PCM_16K])
    def test_big_endian_samples_are_turned(self, audio_format: AudioFormat) -> None:
        wire = Wire()
        leg = wire.leg(asked=audio_format, byte_order="big")
        call = attached(leg)
        big, little = b"\x01\x02" * audio_format.frame_samples, b"\x02\x01" * audio_format.frame_samples
        leg.take(Media(big))
        leg.take(Media(big[:100]))
        leg.take(Media(big[100:]))
        leg.send(little)
        assert call.frames == [little, little]
        assert base64.b64decode(wire.writes[0]["media"]["payload"]) == big

    def test_mulaw_has_no_byte_order(self) -> None:
        wire = Wire()
        leg = wire.leg(byte_order="big")
        call = attached(leg)
        leg.take(Media(ULAW))
        leg.send(ULAW)
        assert call.frames == [ULAW]
        assert base64.b64decode(wire.writes[0]["media"]["payload"]) == ULAW

    def test_what_came_before_the_call_is_delivered_first_and_in_order(self) -> None:
        leg = Wire().leg()
        leg.take(Media(frame(1) + frame(2)))
        leg.take(KeyPressed("5"))
        leg.take(Media(frame(3)))
        leg.end(EndReason.CALLER_HUNG_UP, "")
        call = attached(leg)
        assert call.said == [frame(1), frame(2), ("key", "5"), frame(3), (EndReason.CALLER_HUNG_UP, "")]

    def test_of_what_came_before_only_the_last_is_kept(self) -> None:
        leg = Wire().leg()
        for number in range(MAX_EARLY + 50):
            leg.take(Media(frame(number)))
        assert attached(leg).frames == [frame(number) for number in range(50, MAX_EARLY + 50)]


class TestMarks:
    @pytest.mark.parametrize(
        ("carrier", "event"), [("vobiz", "checkpoint"), ("plivo", "checkpoint"), ("twilio", "mark")]
    )
    def test_a_mark_comes_back_once(self, carrier: CarrierName, event: str) -> None:
        wire = Wire()
        leg = wire.leg(carrier)
        call = attached(leg)
        leg.mark("a")
        leg.take(Played("a"))
        leg.take(Played("a"))
        assert wire.said == [event]
        assert call.said == [("played", "a")]

    def test_a_name_that_was_not_given_is_no_mark(self) -> None:
        leg = Wire().leg()
        call = attached(leg)
        leg.mark("a")
        leg.take(Played("b"))
        assert call.said == []

    @pytest.mark.parametrize("carrier", list(FRAMES))
    def test_a_mark_that_comes_back_after_a_clear_is_stale(self, carrier: CarrierName) -> None:
        leg = Wire().leg(carrier)
        call = attached(leg)
        leg.mark("a")
        leg.clear()
        leg.mark("b")
        leg.take(Played("a"))
        assert call.said == []
        leg.take(Played("b"))
        assert call.said == [("played", "b")]

    def test_marks_that_are_never_answered_are_forgotten(self) -> None:
        leg = Wire().leg()
        call = attached(leg)
        for number in range(MAX_MARKS + 1):
            leg.mark(str(number))
        leg.take(Played("0"))
        leg.take(Played("1"))
        assert call.said == [("played", "1")]


class TestClear:
    @pytest.mark.parametrize("carrier", ["vobiz", "plivo"])
    def test_sound_waits_for_the_acknowledgement(self, carrier: CarrierName) -> None:
        wire = Wire()
        leg = wire.leg(carrier)
        leg.clear()
        assert wire.writes == [{"event": "clearAudio", "streamId": STREAM}]
        assert not leg.ready
        leg.take(Cleared())
        assert leg.ready

    def test_but_not_for_long(self) -> None:
        wire = Wire()
        leg = wire.leg()
        leg.clear()
        wire.now += CLEAR_S - 0.001
        assert not leg.ready
        wire.now += 0.002
        assert leg.ready

    def test_an_acknowledgement_may_be_of_an_earlier_clear(self) -> None:
        wire = Wire()
        leg = wire.leg()
        leg.clear()
        wire.now += CLEAR_S
        leg.clear()
        leg.take(Cleared())
        assert not leg.ready
        leg.take(Cleared())
        assert leg.ready

    def test_an_acknowledgement_that_never_came_is_not_waited_for_again(self) -> None:
        wire = Wire()
        leg = wire.leg()
        leg.clear()
        wire.now += CLEAR_FORGOTTEN_S
        leg.clear()
        leg.take(Cleared())
        assert leg.ready

    def test_an_acknowledgement_of_nothing_is_nothing(self) -> None:
        leg = Wire().leg()
        leg.take(Cleared())
        leg.clear()
        assert not leg.ready

    def test_twilio_does_not_acknowledge(self) -> None:
        wire = Wire()
        leg = wire.leg("twilio")
        leg.clear()
        assert wire.said == ["clear"]
        assert leg.ready

    def test_it_needs_no_stream_id(self) -> None:
        wire = Wire()
        frames = FRAMES["vobiz"](MULAW_8K, 65_536)
        frames.read(text({"event": "start"}))
        leg = StreamLeg(
            wire.write,
            wire.hang_up,
            frames=frames,
            carrier_call_id=CALL,
            peer="",
            origin=CallOrigin(),
            control=None,
            lead_ms=400,
            clear_ms=300,
            clock=lambda: wire.now,
        )
        leg.clear()
        assert wire.writes == [{"event": "clearAudio"}]
        assert not leg.ready


class TestEnd:
    def test_it_comes_once_and_nothing_after_it(self) -> None:
        wire = Wire()
        leg = wire.leg()
        call = attached(leg)
        leg.mark("a")
        leg.end(EndReason.PROTOCOL, "bad")
        leg.end(EndReason.CALLER_HUNG_UP, "")
        for event in (Media(ULAW), KeyPressed("1"), Played("a"), Cleared()):
            leg.take(event)
        leg.send(ULAW)
        leg.mark("b")
        leg.clear()
        assert call.said == [(EndReason.PROTOCOL, "bad")]
        assert wire.said == ["checkpoint"]

    async def test_after_the_close_nothing_comes_and_nothing_leaves(self) -> None:
        wire = Wire()
        leg = wire.leg()
        call = attached(leg)
        await leg.close(EndReason.AGENT_HUNG_UP)
        await leg.close(EndReason.ERROR)
        leg.take(Media(ULAW))
        leg.end(EndReason.CALLER_HUNG_UP, "")
        leg.send(ULAW)
        assert (call.said, wire.writes) == ([], [])
        assert wire.reasons == [EndReason.AGENT_HUNG_UP, EndReason.ERROR]

    def test_a_call_that_ends_in_the_middle_of_a_payload_hears_no_more(self) -> None:
        leg = Wire().leg()

        class Curt(RememberedCall):
            def on_audio(self, frame: bytes) -> None:
                super().on_audio(frame)
                leg.end(EndReason.ERROR, "")

        call = Curt()
        leg.attach(call)
        leg.take(Media(frame(1) + frame(2)))
        assert call.said == [frame(1), (EndReason.ERROR, "")]


steps = st.lists(
    st.one_of(
        st.binary(max_size=700).map(Media),
        st.sampled_from("0159*#A").map(KeyPressed),
        st.sampled_from("abc").map(Played),
        st.just(Cleared()),
        st.sampled_from(["send", "clear", "attach", "mark a", "mark b", "wait"]),
    ),
    max_size=40,
)


@given(st.sampled_from(list(FRAMES)), steps)
def test_whatever_comes_in_whatever_order(carrier: CarrierName, sequence: list[Any]) -> None:
    wire = Wire()
    leg = wire.leg(carrier)
    call = RememberedCall()
    spoken = b""
    for step in sequence:
        if isinstance(step, Media):
            spoken += step.payload
        match step:
            case "send":
                leg.send(ULAW)
            case "clear":
                leg.clear()
            case "attach":
                leg.attach(call)
            case "mark a" | "mark b":
                leg.mark(step[-1])
            case "wait":
                wire.now += 0.1
            case event:
                leg.take(event)
    leg.attach(call)
    leg.end(EndReason.CALLER_HUNG_UP, "")
    wire.now += CLEAR_S
    assert leg.ready
    assert call.ends == [EndReason.CALLER_HUNG_UP]
    assert {len(heard) for heard in call.frames} <= {160}
    assert spoken[: len(spoken) // 160 * 160].endswith(b"".join(call.frames))
    played = [item for item in call.said if item[0] == "played"]
    assert len(played) <= sum(str(step).startswith("mark") for step in sequence)


def test_a_line_that_loses_first_words_is_given_time_to_settle() -> None:
    now = 5.0
    leg = StreamLeg(
        lambda text: None,
        Wire().hang_up,
        frames=FRAMES["vobiz"](MULAW_8K, 65_536),
        carrier_call_id=CALL,
        peer="",
        origin=CallOrigin(),
        control=None,
        lead_ms=400,
        clear_ms=300,
        settle_ms=500,
        clock=lambda: now,
    )
    assert not leg.ready
    now = 5.49
    assert not leg.ready
    now = 5.51
    assert leg.ready
