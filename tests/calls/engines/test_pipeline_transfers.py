from pathlib import Path

from offhook.calls.leg import CallControl
from offhook.calls.tools.transfer_call import TransferCall
from offhook.config import TransferSettings
from offhook.errors import CarrierError
from offhook.events import CallEnded, EndReason, ToolCalled
from offhook.providers.llm.base import Piece, TextDelta, ToolCall
from tests.calls.rig import PaperLeg, Rig


class Hand:
    """A carrier that transfers, or refuses to."""

    def __init__(self, fails: CarrierError | None = None) -> None:
        self.to: list[str] = []
        self.fails = fails

    async def transfer(self, to: str) -> None:
        self.to.append(to)
        if self.fails is not None:
            raise self.fails

    async def bridge(self, other: CallControl) -> None:
        raise AssertionError(other)

    async def send_dtmf(self, digits: str) -> None:
        raise AssertionError(digits)

    async def play(self, url: str) -> None:
        raise AssertionError(url)

    async def record(self) -> str:
        raise AssertionError


HAND_OVER: list[Piece] = [TextDelta("I am connecting you to sales."), ToolCall("1", "transfer_call", {"to": "sales"})]


def handing_over(folder: Path, hand: Hand, *answers: str) -> Rig:
    leg = PaperLeg()
    leg.control = hand
    rig = Rig(
        folder,
        answers=[HAND_OVER, *answers],
        tools=(TransferCall({"sales": TransferSettings(to="+15550101")}),),
        leg=leg,
    )
    return rig.answer()


async def test_a_caller_is_transferred_after_the_words_were_heard(tmp_path: Path) -> None:
    hand = Hand()
    rig = handing_over(tmp_path, hand)
    await rig.until_quiet()
    await rig.speak("Sales, please.", then=1_000)
    assert hand.to == []
    for _ in range(100):
        await rig.run(20 * (not hand.to))
    assert (rig.said()[-1], hand.to) == ("I am connecting you to sales.", ["+15550101"])
    await rig.run(3_000)
    assert len(rig.brain.asked) == 1
    assert rig.leg.closed == []
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert [event.reason for event in rig.all(CallEnded)] == [EndReason.TRANSFERRED]


async def test_a_refused_transfer_is_told_to_the_responder(tmp_path: Path) -> None:
    hand = Hand(CarrierError("refused (402)", carrier="paper", status=402))
    rig = handing_over(tmp_path, hand, "Sales cannot be reached.")
    await rig.until_quiet()
    await rig.speak("Sales, please.")
    await rig.until_quiet()
    await rig.until_quiet()
    assert hand.to == ["+15550101"]
    assert rig.said()[-1] == "Sales cannot be reached."
    assert "refused (402)" in rig.brain.asked[1][-1].text


async def test_a_caller_who_speaks_up_before_the_transfer_is_not_transferred(tmp_path: Path) -> None:
    hand = Hand()
    rig = handing_over(tmp_path, hand, "Of course. What else?")
    await rig.until_quiet()
    await rig.speak("Sales, please.", then=1_000)
    await rig.speak("No, wait, one more thing.", ms=900, then=900)
    await rig.until_quiet()
    await rig.run(1_000)
    assert hand.to == []
    assert rig.said()[-1] == "Of course. What else?"
    assert [event.error for event in rig.all(ToolCalled)] == ["the caller spoke up, so it was not done"]
    assert [message.role for message in rig.brain.asked[1]] == ["agent", "caller", "agent", "tool", "caller"]
