import asyncio
from pathlib import Path

import pytest

from offhook.calls.call import Call
from offhook.calls.consultation import Wish
from offhook.calls.tools.base import CallHand
from offhook.errors import CallError, CarrierError
from offhook.events import (
    AgentSaid,
    CallEnded,
    CallerHeld,
    CallerReturned,
    CallerSaid,
    DtmfReceived,
    EndReason,
)
from tests.calls.rig import VOICE, PaperLeg, Rig

WISH = Wish("+15550100", "sales", "Ann has a question.")


def as_tools_see_it(call: Call) -> CallHand:
    return call.hand


class Consulting(Rig):
    """A call whose consultation the test decides."""

    asked: list[Wish]
    verdict: "asyncio.Future[CallError | None]"

    def consulting(self) -> "Consulting":
        self.asked = []
        self.verdict = asyncio.get_running_loop().create_future()
        self.call.hand._consult = self.consult
        return self

    async def consult(self, wish: Wish) -> None:
        self.asked.append(wish)

        async def connect() -> None:
            problem = await self.verdict
            if problem is not None:
                raise problem

        await self.call.hand.hand_over(connect, "taken by sales")


def music_in(rig: Rig, frames: int = 20) -> bool:
    """Whether there is sound in the latest frames."""
    return any(frame != rig.leg.format.silence for frame in rig.leg.heard[-frames:])


async def quiet(rig: Rig) -> Rig:
    rig.answer()
    await rig.until_quiet()
    return rig


async def test_a_caller_on_hold_hears_music_and_is_not_heard(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path, answers=["Yes?"]))
    rig.call.hand.hold()
    rig.call.hand.hold()
    await rig.speak("Is anybody there?")
    assert music_in(rig)
    await rig.run(20_000)
    assert music_in(rig)
    rig.call.hand.resume()
    rig.call.hand.resume()
    await rig.run(400)
    assert not music_in(rig, 5)
    assert (rig.ears.heard_s, rig.brain.asked) == ([], [])
    assert rig.said() == ["Hello there."]
    assert [type(event) for event in rig.events if isinstance(event, CallerHeld | CallerReturned)] == [
        CallerHeld,
        CallerReturned,
    ]
    rig.ears.texts.clear()
    await rig.speak("Hello again.")
    await rig.until_quiet()
    assert [event.text for event in rig.all(CallerSaid)] == ["Hello again."]
    assert rig.said()[-1] == "Yes?"


async def test_the_limit_of_a_call_waits_for_the_end_of_the_hold(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    rig.call._longest_ms = 3_000
    rig.call.hand.hold()
    await rig.run(4_000)
    assert rig.leg.closed == []
    rig.call.hand.resume()
    await rig.run(9_000)
    assert rig.leg.closed == [EndReason.MAX_DURATION]


async def test_keys_on_hold_are_told_and_end_the_hold(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    holding = asyncio.ensure_future(as_tools_see_it(rig.call).hold_for(60))
    await rig.run(1_000)
    assert music_in(rig)
    rig.call.on_dtmf("5")
    await rig.run(400)
    assert await holding == "key"
    assert [event.digit for event in rig.all(DtmfReceived)] == ["5"]
    await rig.run(4_000)
    assert rig.brain.asked == []


async def test_a_hold_ends_when_its_time_is_over(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    holding = asyncio.ensure_future(rig.call.hand.hold_for(2))
    await rig.run(1_900)
    assert not holding.done()
    await rig.run(300)
    assert await holding == "time"
    assert not rig.call.hand.held


async def test_a_wait_ends_when_the_caller_speaks(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    waiting = asyncio.ensure_future(rig.call.hand.wait_for(60))
    await rig.run(5_000)
    assert not waiting.done()
    await rig.run(400, VOICE)
    assert await waiting == "voice"


async def test_a_wait_ends_with_the_call(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    waiting = asyncio.ensure_future(rig.call.hand.wait_for(60))
    await rig.run(100)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert await waiting == "gone"


async def test_nothing_begins_in_a_call_that_has_ended(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    rig.call.end(EndReason.CALLER_HUNG_UP)
    hand = rig.call.hand
    # A tool that was let go at the last beat gets here only now.
    async with asyncio.timeout(20):
        assert await hand.wait_for(300) == "gone"
        assert await hand.hold_for(300) == "gone"
        with pytest.raises(CallError, match="the caller hung up"):
            await hand.consult(WISH)
        with pytest.raises(CallError, match="the caller hung up"):
            await hand.hand_over(lambda: rig.consult(WISH))
    await rig.run(40)
    assert (rig.asked, rig.all(CallerHeld)) == ([], [])


async def test_who_accepts_has_the_caller(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(1_000)
    assert (rig.asked, music_in(rig)) == ([WISH], True)
    rig.verdict.set_result(None)
    await rig.run(100)
    await asking
    sent = len(rig.leg.sent)
    await rig.run(1_000)
    assert (len(rig.leg.sent), rig.all(CallerReturned)) == (sent, [])
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "the line was closed")
    await rig.run(40)
    (ended,) = rig.all(CallEnded)
    assert (ended.reason, ended.detail) == (EndReason.TRANSFERRED, "taken by sales")


async def test_a_carrier_that_ends_the_leg_before_it_says_that_the_two_are_connected(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(200)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    rig.verdict.set_result(None)
    await asking
    await rig.call.ended.wait()
    assert rig.call.end_reason is EndReason.TRANSFERRED


async def test_a_caller_whom_nobody_takes_is_back(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(1_000)
    with pytest.raises(CallError, match="being asked already"):
        await rig.call.hand.consult(WISH)
    assert rig.call.hand.held
    rig.verdict.set_result(CallError("busy"))
    await rig.run(400)
    with pytest.raises(CallError, match="busy"):
        await asking
    assert not music_in(rig, 5)
    assert len(rig.all(CallerReturned)) == 1


async def test_a_hold_that_ends_while_somebody_is_asked_leaves_the_caller_with_the_music(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    holding = asyncio.ensure_future(rig.call.hand.hold_for(1))
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(2_000)
    assert await holding == "time"
    assert (rig.call.hand.held, music_in(rig)) == (True, True)
    rig.verdict.set_result(CallError("busy"))
    await rig.run(400)
    with pytest.raises(CallError, match="busy"):
        await asking
    assert not rig.call.hand.held


async def test_a_caller_who_hangs_up_ends_the_asking(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)

    async def for_ever(wish: Wish) -> None:
        await rig.verdict

    rig.call.hand._consult = for_ever
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(500)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(100)
    with pytest.raises(CallError, match="the caller hung up"):
        await asking
    assert rig.verdict.cancelled()
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.CALLER_HUNG_UP]
    assert rig.all(CallerReturned) == []


async def test_who_asks_and_is_given_up_asks_no_more(tmp_path: Path) -> None:
    rig = Consulting(tmp_path).consulting()
    await quiet(rig)
    asking = asyncio.ensure_future(rig.call.hand.consult(WISH))
    await rig.run(500)
    asking.cancel()
    await rig.run(400)
    assert asking.cancelled()
    assert rig.verdict.cancelled()
    assert not rig.call.hand.held


async def test_where_nobody_can_be_asked(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    assert not rig.call.hand.consults
    with pytest.raises(CarrierError, match="cannot ask anybody first"):
        await rig.call.hand.consult(WISH)
    with pytest.raises(CarrierError, match="cannot transfer calls"):
        rig.call.hand.control  # noqa: B018 - it raises


async def test_music_is_nothing_that_the_agent_said_even_if_the_call_ends_in_it(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path, leg=PaperLeg(lead_ms=400)))
    rig.call.hand.hold()
    await rig.run(1_000)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert [event.heard for event in rig.all(AgentSaid)] == ["Hello there."]


async def test_music_on_a_carrier_with_a_buffer(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path, leg=PaperLeg(lead_ms=400)))
    rig.call.hand.hold()
    await rig.run(30_000)
    assert music_in(rig)
    rig.call.hand.resume()
    await rig.run(1_000)
    assert not music_in(rig, 5)
    (ended,) = [event for event in rig.events if isinstance(event, CallerReturned)]
    assert ended.at_ms > 30_000


async def test_the_last_word_on_a_call_is_in_its_end(tmp_path: Path) -> None:
    rig = await quiet(Rig(tmp_path))
    rig.call.hand.conclude("callback", "Will call again.")
    rig.call.hand.conclude("sale", "Bought a tap.")
    rig.call.end(EndReason.AGENT_HUNG_UP)
    await rig.run(40)
    (ended,) = rig.all(CallEnded)
    assert (ended.disposition, ended.summary) == ("sale", "Bought a tap.")
