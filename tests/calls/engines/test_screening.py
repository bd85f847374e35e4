from pathlib import Path
from typing import Literal

import pytest

from offhook.calls.engines.base import CallHandle, Engine
from offhook.calls.engines.loopback import Loopback
from offhook.calls.engines.screening import CarrierVerdict, Screen, Screening
from offhook.config import AgentSettings, SilenceSettings
from offhook.events import CallEnded, CallerSaid, DtmfReceived, EndReason
from tests.calls.rig import VOICE, Rig

MESSAGE = "Please call us back."
Judge = Literal["carrier", "own"]


class Screened(Rig):
    """An outbound call whose callee the test plays; the carrier's verdict is what the test sets."""

    def dial(self, judge: Judge, machine: Literal["hang_up", "leave_message", "talk"] = "hang_up") -> "Screened":
        self.verdict: CarrierVerdict = ""
        self.reported: list[str] = []
        screen = Screen(judge, machine, MESSAGE, lambda: self.verdict, self.reported.append)

        def engine(handle: CallHandle) -> Engine:
            return Screening(handle, self._engine(handle), screen)

        self.call.answer(engine)
        return self

    def ended(self) -> list[EndReason]:
        return [event.reason for event in self.all(CallEnded)]


async def test_a_person_is_greeted_after_the_first_word_and_then_talked_with(tmp_path: Path) -> None:
    rig = Screened(tmp_path, answers=["At nine."]).dial("own")
    await rig.run(400)
    await rig.run(600, VOICE)
    await rig.run(600)
    assert rig.said() == []
    assert rig.reported == []
    await rig.run(400)
    await rig.until_quiet()
    assert (rig.said(), rig.reported) == (["Hello there."], ["human"])
    assert rig.all(CallerSaid) == []
    await rig.speak("When do you open?")
    await rig.until_quiet()
    assert rig.said()[-1] == "At nine."


@pytest.mark.parametrize(("judge", "longest_ms"), [("own", 4_600), ("carrier", 2_100)])
async def test_who_says_nothing_is_greeted(tmp_path: Path, judge: Judge, longest_ms: int) -> None:
    rig = Screened(tmp_path).dial(judge)
    await rig.run(longest_ms - 200)
    assert rig.mouth.asked == []
    await rig.run(1_200)
    assert (rig.said(), rig.reported) == (["Hello there."], [])


@pytest.mark.parametrize("judge", ["own", "carrier"])
async def test_a_machine_is_hung_up_on(tmp_path: Path, judge: Judge) -> None:
    rig = Screened(tmp_path).dial(judge)
    await rig.run(1_400, VOICE)
    assert rig.ended() == []
    if judge == "carrier":
        await rig.run(2_000, VOICE)
        assert rig.ended() == []
        rig.verdict = "machine"
    await rig.run(300, VOICE)
    assert (rig.ended(), rig.said()) == ([EndReason.ANSWERING_MACHINE], [])
    assert rig.reported == (["machine"] if judge == "own" else [])


@pytest.mark.parametrize("judge", ["own", "carrier"])
async def test_a_machine_is_left_a_message_after_its_own(tmp_path: Path, judge: Judge) -> None:
    rig = Screened(tmp_path).dial(judge, "leave_message")
    await rig.run(1_000, VOICE)
    rig.verdict = "machine" if judge == "carrier" else ""
    await rig.run(3_000, VOICE)
    await rig.run(1_900)
    assert rig.mouth.asked == []
    await rig.run(3_000)
    assert (rig.said(), rig.ended()) == ([MESSAGE], [EndReason.ANSWERING_MACHINE])


async def test_a_machine_that_is_done_is_left_the_message_at_once(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("carrier", "leave_message")
    await rig.run(3_000, VOICE)
    rig.verdict = "machine_done"
    await rig.run(1_600)
    assert (rig.said(), rig.ended()) == ([MESSAGE], [EndReason.ANSWERING_MACHINE])


async def test_a_machine_that_never_stops_is_left_the_message_after_a_minute(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("own", "leave_message")
    await rig.run(61_000, VOICE)
    assert rig.mouth.asked == []
    await rig.run(3_000, VOICE)
    assert (rig.said(), rig.ended()) == ([MESSAGE], [EndReason.ANSWERING_MACHINE])


async def test_a_machine_without_a_message_to_leave_is_hung_up_on(tmp_path: Path) -> None:
    rig = Screened(tmp_path)
    screen = Screen("own", "leave_message", "")
    rig.call.answer(lambda handle: Screening(handle, rig._engine(handle), screen))
    await rig.run(1_800, VOICE)
    assert rig.ended() == [EndReason.ANSWERING_MACHINE]


async def test_an_agent_may_talk_to_machines(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("own", "talk")
    await rig.run(1_700, VOICE)
    await rig.run(1_500)
    assert (rig.said(), rig.ended(), rig.reported) == (["Hello there."], [], ["machine"])


async def test_the_carriers_person_is_greeted_at_once(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("carrier")
    await rig.run(1_800, VOICE)
    rig.verdict = "human"
    await rig.run(1_500)
    assert rig.said() == ["Hello there."]


async def test_a_short_greeting_does_not_wait_for_the_carrier(tmp_path: Path) -> None:
    rig = Screened(tmp_path, answers=["Fine."]).dial("carrier")
    await rig.run(600, VOICE)
    await rig.run(1_000)
    await rig.until_quiet()
    assert rig.said() == ["Hello there."]
    rig.verdict = "human"
    await rig.speak("How are you?")
    await rig.until_quiet()
    assert rig.said() == ["Hello there.", "Fine."]


@pytest.mark.parametrize("silent_ms", [0, 1_000])
async def test_a_verdict_that_comes_late_stands(tmp_path: Path, silent_ms: int) -> None:
    agent = AgentSettings(greeting="Hello there, this is a very long greeting of ours.")
    rig = Screened(tmp_path, agent=agent).dial("carrier", "leave_message")
    await rig.run(600, VOICE)
    await rig.run(1_200 + silent_ms)
    rig.verdict = "machine"
    await rig.run(500, VOICE)
    [cut] = rig.said()
    assert cut.startswith("Hello")
    assert cut != agent.greeting
    await rig.run(1_900)
    assert rig.said() == [cut]
    await rig.run(3_000)
    assert (rig.said()[-1], rig.ended()) == (MESSAGE, [EndReason.ANSWERING_MACHINE])


async def test_a_late_verdict_hangs_up(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("carrier")
    await rig.run(4_000)
    rig.verdict = "machine"
    await rig.run(100)
    assert rig.ended() == [EndReason.ANSWERING_MACHINE]


async def test_what_sounds_like_a_machine_is_waited_for_until_the_carrier_says_so(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("carrier", "leave_message")
    await rig.run(14_000, VOICE)
    await rig.run(4_000)
    assert rig.mouth.asked == []
    rig.verdict = "machine_done"
    await rig.run(1_600)
    assert (rig.said(), rig.ended()) == ([MESSAGE], [EndReason.ANSWERING_MACHINE])


@pytest.mark.parametrize(("spoken_ms", "silent_ms"), [(5_000, 5_000), (31_600, 0)])
async def test_without_any_verdict_the_agent_talks_after_a_while(
    tmp_path: Path, spoken_ms: int, silent_ms: int
) -> None:
    rig = Screened(tmp_path).dial("carrier")
    await rig.run(spoken_ms - 200, VOICE)
    await rig.run(silent_ms)
    assert rig.mouth.asked == []
    await rig.run(400, None if silent_ms else VOICE)
    assert rig.mouth.asked == ["Hello there."]


async def test_where_no_voice_is_detected_the_agent_talks_after_ten_seconds(tmp_path: Path) -> None:
    rig = Screened(tmp_path)
    screening: list[Screening] = []

    def engine(handle: CallHandle) -> Engine:
        screening.append(Screening(handle, rig._engine(handle), Screen("own", "hang_up")))
        screening[0].wants_vad = False
        return screening[0]

    rig.call.answer(engine)
    await rig.run(9_900, VOICE)
    assert rig.mouth.asked == []
    await rig.run(200, VOICE)
    assert rig.mouth.asked == ["Hello there."]


async def test_nothing_is_asked_of_who_is_still_being_judged(tmp_path: Path) -> None:
    silence = SilenceSettings(ask_after_s=1, ask_line="Still there?")
    rig = Screened(tmp_path, agent=AgentSettings(greeting="Hello there.", silence=silence)).dial("own")
    await rig.run(4_000)
    rig.call.on_dtmf("1")
    assert rig.mouth.asked == []
    assert [event.digit for event in rig.all(DtmfReceived)] == ["1"]


async def test_a_call_that_lasts_too_long_is_wound_up_whoever_is_there(tmp_path: Path) -> None:
    silence = SilenceSettings(max_duration_s=1, max_duration_line="Time is over.")
    rig = Screened(tmp_path, agent=AgentSettings(greeting="Hello there.", silence=silence)).dial("carrier")
    await rig.run(3_000, VOICE)
    assert (rig.said(), rig.ended()) == (["Time is over."], [EndReason.MAX_DURATION])


async def test_hanging_up_while_it_is_judged(tmp_path: Path) -> None:
    rig = Screened(tmp_path).dial("own")
    await rig.run(500)
    rig.call.on_closed(EndReason.CALLER_HUNG_UP, "")
    await rig.run(40)
    assert (rig.ended(), rig.brain.asked) == ([EndReason.CALLER_HUNG_UP], [])


async def test_an_engine_that_wants_no_voice_gets_none(tmp_path: Path) -> None:
    class Deaf(Loopback):
        def voice(self, probability: float, end_ms: int) -> None:
            raise AssertionError

    rig = Rig(tmp_path)
    rig.call.answer(lambda handle: Screening(handle, Deaf(handle), Screen("own", "talk")))
    await rig.run(600, VOICE)
    await rig.run(1_500)
    await rig.run(200, VOICE)
    assert rig.leg.closed == []
    assert VOICE in rig.leg.sent
