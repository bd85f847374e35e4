import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.audio.tones import dtmf
from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.loopback import Loopback
from offhook.calls.leg import CallControl, CallOrigin
from offhook.calls.track import Track
from offhook.config import AgentSettings
from offhook.errors import CarrierError
from offhook.events import AgentSaid, BargeIn, CallEnded, CallStarted, DtmfReceived, EndReason
from tests.calls.rig import MS_A_WORD, VOICE, PaperLeg, Rig


class Faulty(Loopback):
    """An engine with a bug in one place."""

    def __init__(self, call: CallHandle, place: str) -> None:
        super().__init__(call, wants_vad=True)
        self.place = place

    def _maybe(self, place: str) -> None:
        if place == self.place:
            raise RuntimeError("a bug")

    def hear(self, frame: bytes) -> None:
        self._maybe("hear")

    def voice(self, probability: float, end_ms: int) -> None:
        self._maybe("voice")

    def dtmf(self, digit: str) -> None:
        self._maybe("dtmf")

    def tick(self, now_ms: int) -> None:
        self._maybe("tick")


def faulty(place: str) -> Callable[[CallHandle], Engine]:
    return lambda call: Faulty(call, place)


@pytest.mark.parametrize("place", ["hear", "voice", "dtmf", "tick"])
async def test_a_fault_ends_the_call_and_the_clock_goes_on(place: str, tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    beats: list[bool] = []

    class Other:
        def tick(self, live: bool) -> None:
            beats.append(live)

    rig.call.answer(faulty(place))
    rig.clock.add(Other())
    await rig.run(200, VOICE)
    rig.call.on_dtmf("1")
    await rig.run(100)
    assert rig.leg.closed == [EndReason.ERROR]
    assert [event.detail for event in rig.all(CallEnded)] == ["a bug"]
    assert len(beats) == 15


async def test_a_call_has_one_beginning_and_one_end(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.call.answer(Loopback)
    rig.call.on_dtmf("5")
    await rig.run(100)
    rig.call.end(EndReason.AGENT_HUNG_UP)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "too late to count")
    await rig.run(40)
    rig.call.on_audio(VOICE)
    rig.call.on_dtmf("6")
    assert [event.at_ms for event in rig.all(CallStarted)] == [0]
    assert [event.digit for event in rig.all(DtmfReceived)] == ["5"]
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.AGENT_HUNG_UP]
    assert rig.call.ended.is_set()
    assert len(rig.leg.sent) == 5


@pytest.mark.parametrize("at_fault", ["engine", "leg"])
async def test_one_that_cannot_be_closed_does_not_keep_the_other_open(at_fault: str, tmp_path: Path) -> None:
    closed: list[str] = []

    class Engine(Loopback):
        async def close(self) -> None:
            closed.append("engine")
            if at_fault == "engine":
                raise RuntimeError("a bug")

    class Leg(PaperLeg):
        async def close(self, reason: EndReason) -> None:
            closed.append("leg")
            if at_fault == "leg":
                raise OSError("gone")

    rig = Rig(tmp_path, leg=Leg())
    rig.call.answer(Engine)
    await rig.run(40)
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.call.ended.wait()
    assert sorted(closed) == ["engine", "leg"]
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.AGENT_HUNG_UP]


async def test_marks_reach_the_playout_and_the_agent_is_done_when_the_carrier_has_played_it(tmp_path: Path) -> None:
    leg = PaperLeg(lead_ms=400)
    rig = Rig(tmp_path, leg=leg).answer()
    await rig.run(60)
    assert leg.unheard > 0
    assert [frame for frame in leg.sent if frame == leg.format.silence] == []
    await rig.until_quiet()
    await rig.run(60)
    [said] = rig.all(AgentSaid)
    assert said.heard == "Hello there."
    assert said.end_ms - said.start_ms == pytest.approx(400, abs=40)
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.run(40)
    assert rig.all(CallEnded)[0].counters["marks_given_up"] == 0
    rig.call.on_played("u1.1")


async def test_an_interruption_takes_back_what_the_carrier_has_not_played(tmp_path: Path) -> None:
    words = "One two three four five six seven eight nine ten eleven twelve."
    leg = PaperLeg(lead_ms=400, deaf_beats=6)
    rig = Rig(tmp_path, leg=leg, agent=AgentSettings(greeting=words), answers=["Fine."]).answer()
    await rig.run(900)
    await rig.speak("No stop.", ms=600, then=900)
    await rig.until_quiet()
    await rig.run(60)
    [barge_in] = rig.all(BargeIn)
    assert rig.said() == [" ".join(words.split()[: barge_in.heard_ms // MS_A_WORD]), "Fine."]
    assert leg.wire.count("clear") == 1


async def test_marks_that_never_come_are_counted(tmp_path: Path) -> None:
    rig = Rig(tmp_path, leg=PaperLeg(lead_ms=400, marks="lost")).answer()
    await rig.run(3_000)
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.run(40)
    assert rig.said() == ["Hello there."]
    assert rig.all(CallEnded)[0].counters["marks_given_up"] == 2


async def test_a_fault_in_what_follows_a_mark_ends_that_call(tmp_path: Path) -> None:
    class Starting(Loopback):
        def track_started(self, track: Track) -> None:
            raise RuntimeError("a bug")

    rig = Rig(tmp_path, leg=PaperLeg(lead_ms=400))
    rig.call.answer(Starting)
    await rig.run(100, VOICE)
    assert [event.detail for event in rig.all(CallEnded)] == ["a bug"]


async def test_a_call_tells_where_it_comes_from(tmp_path: Path) -> None:
    leg = PaperLeg()
    leg.origin = CallOrigin("outbound", "+14155550199", "+14155550100")
    rig = Rig(tmp_path, leg=leg)
    rig.call.answer(Loopback)
    [started] = rig.all(CallStarted)
    assert (started.direction, started.from_number, started.to_number) == ("outbound", "+14155550199", "+14155550100")
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.call.ended.wait()


class Hand:
    """What a carrier lets us do, made of paper."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.fails: CarrierError | None = None
        self.waits_for: asyncio.Event | None = None

    def _note(self, what: str, with_what: str = "") -> None:
        if self.fails is not None:
            raise self.fails
        self.done.append((what, with_what))

    async def transfer(self, to: str) -> None:
        if self.waits_for is not None:
            await self.waits_for.wait()
        self._note("transfer", to)

    async def bridge(self, other: CallControl) -> None:
        raise AssertionError(other)

    async def send_dtmf(self, digits: str) -> None:
        self._note("send_dtmf", digits)

    async def play(self, url: str) -> None:
        self._note("play", url)

    async def record(self) -> str:
        self._note("record")
        return "r-1"


class HeldLeg(PaperLeg):
    """A leg whose carrier has a hand on the call."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand()
        self.control = self.hand


def looped(rig: Rig) -> Rig:
    rig.call.answer(Loopback)
    return rig


async def test_after_a_transfer_the_agent_is_still_and_the_carrier_ends_the_leg(tmp_path: Path) -> None:
    leg = HeldLeg()
    rig = looped(Rig(tmp_path, leg=leg))
    await rig.run(200, VOICE)
    await rig.call.hand.transfer("+15550100")
    sent = len(leg.sent)
    await rig.run(2_000, VOICE)
    rig.call.on_dtmf("1")
    assert (leg.hand.done, len(leg.sent), leg.closed) == ([("transfer", "+15550100")], sent, [])
    assert rig.all(DtmfReceived) == []
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.TRANSFERRED]


async def test_a_transferred_call_whose_leg_is_not_ended_is_ended_by_us(tmp_path: Path) -> None:
    leg = HeldLeg()
    rig = looped(Rig(tmp_path, leg=leg))
    await rig.call.hand.transfer("+15550100")
    await rig.run(14_900)
    assert leg.closed == []
    await rig.run(200)
    assert leg.closed == [EndReason.TRANSFERRED]


async def test_a_refused_transfer_leaves_the_call_as_it_was(tmp_path: Path) -> None:
    leg = HeldLeg()
    leg.hand.fails = CarrierError("no", carrier="paper", status=400)
    rig = looped(Rig(tmp_path, leg=leg))
    with pytest.raises(CarrierError):
        await rig.call.hand.transfer("+15550100")
    await rig.run(200, VOICE)
    assert VOICE in leg.sent


@pytest.mark.parametrize("refused", [None, CarrierError("gone", carrier="paper", status=404)])
async def test_a_leg_that_ends_before_the_carrier_has_answered(tmp_path: Path, refused: CarrierError | None) -> None:
    leg = HeldLeg()
    leg.hand.waits_for = asyncio.Event()
    leg.hand.fails = refused
    rig = looped(Rig(tmp_path, leg=leg))
    transfer = asyncio.ensure_future(rig.call.hand.transfer("+15550100"))
    await rig.run(40)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "the first word")
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "the second word")
    await rig.run(40)
    assert rig.all(CallEnded) == []
    leg.hand.waits_for.set()
    await asyncio.gather(transfer, return_exceptions=True)
    await rig.run(40)
    (ended,) = rig.all(CallEnded)
    assert ended.reason is (EndReason.CALLER_HUNG_UP if refused else EndReason.TRANSFERRED)
    assert ended.detail == "the first word"


async def test_without_a_hand_on_the_call_it_cannot_be_transferred(tmp_path: Path) -> None:
    with pytest.raises(CarrierError, match="paper: cannot transfer calls"):
        await looped(Rig(tmp_path)).call.hand.transfer("+15550100")


async def test_keys_are_pressed_by_the_carrier(tmp_path: Path) -> None:
    leg = HeldLeg()
    await looped(Rig(tmp_path, leg=leg)).call.hand.press("12")
    assert leg.hand.done == [("send_dtmf", "12")]


@pytest.mark.parametrize("offers", [None, False])
async def test_keys_are_sounded_where_the_carrier_cannot_press_them(tmp_path: Path, offers: bool | None) -> None:
    leg = PaperLeg() if offers is None else HeldLeg()
    if isinstance(leg, HeldLeg):
        leg.hand.fails = CarrierError("cannot", carrier="paper", offered=False)
    rig = Rig(tmp_path, leg=leg)
    rig.call.answer(rig._engine)
    await rig.until_quiet()
    before = len(leg.sent)
    await rig.call.hand.press("5")
    await rig.run(300)
    assert b"".join(leg.sent[before:]).startswith(dtmf("5", 8_000)[:1_600])


async def test_keys_that_the_carrier_refuses_are_not_sounded(tmp_path: Path) -> None:
    leg = HeldLeg()
    leg.hand.fails = CarrierError("down", carrier="paper", status=500)
    with pytest.raises(CarrierError, match="down"):
        await looped(Rig(tmp_path, leg=leg)).call.hand.press("5")
