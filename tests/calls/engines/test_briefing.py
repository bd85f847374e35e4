from pathlib import Path

import pytest

from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.briefing import Brief, Briefing, Decision
from offhook.errors import ProviderError
from offhook.events import CallEnded, CallTrouble, EndReason
from tests.calls.rig import VOICE, Rig

BRIEF = Brief("Ann calls.", "Press one or two.", "Goodbye then.", 2_000)


class Asked(Rig):
    """A call to somebody who is asked."""

    decisions: list[Decision]
    briefing: Briefing

    def ask(self, brief: Brief = BRIEF) -> "Asked":
        self.decisions = []

        def engine(handle: CallHandle) -> Engine:
            self.briefing = Briefing(handle, self.phrases, brief, self.decisions.append)
            return self.briefing

        self.call.answer(engine)
        return self

    @property
    def ended(self) -> list[EndReason]:
        return [event.reason for event in self.all(CallEnded)]


async def test_who_presses_one_accepts_and_hears_no_more(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(600)
    rig.call.on_dtmf("1")
    rig.call.on_dtmf("2")
    before = len(rig.leg.sent)
    await rig.run(20_000)
    assert set(rig.leg.sent[before:]) == {rig.leg.format.silence}
    assert (rig.decisions, rig.ended) == (["accepted"], [])
    assert rig.said()[0] == "Ann calls."
    assert "".join(rig.said()).count("Press") <= 1


async def test_who_presses_two_declines_and_hears_goodbye(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(1_000)
    rig.call.on_dtmf("2")
    assert rig.decisions == ["declined"]
    await rig.run(3_000)
    assert (rig.said()[-1], rig.ended) == ("Goodbye then.", [EndReason.AGENT_HUNG_UP])


@pytest.mark.parametrize("frame", [None, VOICE])
async def test_who_presses_nothing_is_told_twice_and_hung_up_whatever_they_say(
    tmp_path: Path, frame: bytes | None
) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(20, frame)
    for digit in "39#":
        rig.call.on_dtmf(digit)
    await rig.run(12_000, frame)
    assert rig.said() == ["Ann calls.", "Press one or two."] * 2 + ["Goodbye then."]
    assert (rig.decisions, rig.ended) == (["undecided"], [EndReason.AGENT_HUNG_UP])


async def test_who_hangs_up_has_not_accepted(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(500)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert rig.decisions == ["hung_up"]


async def test_the_caller_may_be_gone_after_it_was_accepted(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(500)
    rig.call.on_dtmf("1")
    rig.briefing.wind_up("Nobody is there.", EndReason.AGENT_HUNG_UP)
    rig.briefing.wind_up("Once more.", EndReason.ERROR)
    await rig.run(3_000)
    assert (rig.decisions, rig.ended, rig.said()[-1]) == (["accepted"], [EndReason.AGENT_HUNG_UP], "Nobody is there.")


async def test_a_summary_without_an_end_is_cut_off(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask(Brief("word " * 500, "Press.", "Goodbye then."))
    await rig.run(93_000)
    assert (rig.decisions, rig.ended) == (["undecided"], [EndReason.AGENT_HUNG_UP])


async def test_without_a_voice_it_gives_up(tmp_path: Path) -> None:
    rig = Asked(tmp_path)
    rig.mouth.fails = ProviderError("no voice", provider="mouth")
    rig.ask()
    await rig.run(12_000)
    assert (rig.decisions, rig.ended) == (["undecided"], [EndReason.AGENT_HUNG_UP])
    assert {event.what for event in rig.all(CallTrouble)} == {"speech"}


async def test_who_has_hung_up_is_not_spoken_to(tmp_path: Path) -> None:
    rig = Asked(tmp_path).ask()
    await rig.run(1_000)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(100)
    asked = len(rig.mouth.asked)
    rig.briefing.wind_up("The caller is gone.", EndReason.AGENT_HUNG_UP)
    await rig.run(100)
    assert (rig.decisions, len(rig.mouth.asked)) == (["hung_up"], asked)
